//! What a card part leaves open about a next hop: the number of its device, and the link to a gateway that names none.

use std::io;
use std::net::IpAddr;

use hitless_proto::process::fib::{Device, NextHop};

use super::LinuxTable;
use super::limits::{ANSWER_BUFFER, ANSWER_TIMEOUT};
use super::netlink::codes::{
    AF_INET, AF_INET6, NLMSG_ERROR, RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_VIA, RTM_GETROUTE, RTM_NEWROUTE,
    RTN_UNICAST,
};
use super::netlink::{Attributes, Encoder, Message, Received, Socket, messages, refusal};
use super::next_hop::Form;

impl LinuxTable {
    /// A next hop as it is written.
    ///
    /// # Errors
    /// Why it cannot be, in words for an operator.
    pub(super) fn form(&mut self, next_hop: &NextHop) -> Result<Form, String> {
        match next_hop {
            NextHop::Blackhole => Ok(Form::Blackhole { family: family_of("lo") }),
            NextHop::Link(device) => {
                Ok(Form::Link { link: self.link(device)?, family: family_of(device.as_str()) })
            }
            NextHop::Via { gateway, device: Some(device) } => {
                Ok(Form::Via { gateway: *gateway, link: self.link(device)?, found: false })
            }
            NextHop::Via { gateway, device: None } => {
                Ok(Form::Via { gateway: *gateway, link: self.link_to(*gateway)?, found: true })
            }
            NextHop::Group(members) => Ok(Form::Group(members.clone())),
            NextHop::Unreachable | NextHop::Prohibit => {
                Err("the kernel has no next hops of that kind, only routes".to_owned())
            }
        }
    }

    fn link(&self, device: &Device) -> Result<u32, String> {
        let number = self.known.links.number(device.as_str());
        number.ok_or_else(|| format!("there is no device {device}: it is tried again when there is one"))
    }

    /// The link on which the kernel would look for a gateway.
    fn link_to(&mut self, gateway: IpAddr) -> Result<u32, String> {
        if let Some((_, link)) = self.gateways.iter().find(|(known, _)| *known == gateway) {
            return Ok(*link);
        }
        let link =
            look_up(gateway).map_err(|error| format!("no link leads to the gateway {gateway}: {error}"))?;
        self.gateways.push((gateway, link));
        Ok(link)
    }
}

/// IPv6 wherever it is there: only such a next hop may be used by routes of both families. Where it is disabled there are no
/// IPv6 routes either.
fn family_of(device: &str) -> u8 {
    let setting = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{device}/disable_ipv6"));
    if setting.is_ok_and(|text| text.trim() == "0") { AF_INET6 } else { AF_INET }
}

fn look_up(gateway: IpAddr) -> io::Result<u32> {
    let mut socket = Socket::open(ANSWER_BUFFER)?;
    let number = socket.numbers(1);
    let mut encoder = Encoder::default();
    let (family, bits) = if gateway.is_ipv4() { (AF_INET, 32) } else { (AF_INET6, 128) };
    encoder.begin((RTM_GETROUTE, 0), number, &[family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    match gateway {
        IpAddr::V4(address) => encoder.attribute(RTA_DST, &address.octets()),
        IpAddr::V6(address) => encoder.attribute(RTA_DST, &address.octets()),
    }
    socket.send(encoder.bytes())?;
    let Received::Datagram(datagram) = socket.receive(ANSWER_TIMEOUT)? else {
        return Err(io::ErrorKind::TimedOut.into());
    };
    link_in(datagram)
}

/// The link that the kernel names in its answer.
pub(super) fn link_in(answer: &[u8]) -> io::Result<u32> {
    for message in messages(answer) {
        let message = message?;
        match message.kind {
            NLMSG_ERROR => {
                if let Some(refusal) = refusal(&message)? {
                    return Err(io::Error::other(refusal.to_string()));
                }
            }
            RTM_NEWROUTE => return link_of(&message),
            _other => {}
        }
    }
    Err(io::Error::other("the kernel does not say"))
}

/// The link of a route that leads to the gateway itself, not to another gateway.
fn link_of(message: &Message<'_>) -> io::Result<u32> {
    let (fixed, attributes) = message.parts::<12>()?;
    let (mut link, mut behind) = (None, fixed[7] != RTN_UNICAST);
    for attribute in attributes {
        match attribute? {
            (RTA_OIF, value) => link = Some(Attributes::number(value)?),
            (RTA_GATEWAY | RTA_VIA, _) => behind = true,
            _other => {}
        }
    }
    link.filter(|_| !behind).ok_or_else(|| io::Error::other("it is not on a link of this machine"))
}
