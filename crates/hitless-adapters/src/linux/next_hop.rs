//! Next-hop objects and groups as the kernel has them.

use std::net::IpAddr;

use hitless_proto::process::fib::{Member, NextHop};

use super::links::Links;
use super::netlink::codes::{
    AF_INET, AF_INET6, AF_UNSPEC, NHA_BLACKHOLE, NHA_GATEWAY, NHA_GROUP, NHA_GROUP_TYPE, NHA_ID, NHA_OIF,
    NHA_OP_FLAG_RESP_GRP_RESVD_0, NHA_OP_FLAGS, RTNH_F_ONLINK,
};
use super::netlink::{Attributes, Encoder, Malformed, Message};
use super::route::decode_address;

/// Bytes of a member: id, weight less one (low byte, high byte), two reserved.
const MEMBER: usize = 8;

/// A next hop as it is written: what the card part leaves open is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Drop. The family says which of IPv4 and IPv6 is there to hold it; with IPv6, routes of both may use it.
    Blackhole { family: u8 },
    /// A router on a link.
    Via {
        gateway: IpAddr,
        link: u32,
        /// The link was found by us, not named: so marked, since the kernel has no better place to remember it.
        found: bool,
    },
    /// The destination itself is on the link.
    Link { link: u32, family: u8 },
    /// Several.
    Group(Vec<Member>),
}

/// A next hop, as a dump or a notification tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KernelHop {
    pub(super) id: u32,
    pub(super) protocol: u8,
    /// As a card part; `None`: no card part says what it is.
    pub(super) part: Option<NextHop>,
    pub(super) link: Option<u32>,
}

impl Form {
    /// The link it is on.
    pub(super) fn link(&self) -> Option<u32> {
        match self {
            Self::Via { link, .. } | Self::Link { link, .. } => Some(*link),
            Self::Blackhole { .. } | Self::Group(_) => None,
        }
    }
}

/// Encodes a put.
pub(super) fn encode_put(
    encoder: &mut Encoder,
    kind: (u16, u16),
    number: u32,
    (id, form): (u32, &Form),
    protocol: u8,
) {
    let (family, flags) = match form {
        Form::Blackhole { family } | Form::Link { family, .. } => (*family, 0),
        Form::Via { gateway, found, .. } => {
            (if gateway.is_ipv4() { AF_INET } else { AF_INET6 }, if *found { RTNH_F_ONLINK } else { 0 })
        }
        Form::Group(_) => (AF_UNSPEC, 0),
    };
    begin(encoder, kind, number, [family, protocol], flags);
    encoder.number(NHA_ID, id);
    match form {
        Form::Blackhole { .. } => encoder.attribute(NHA_BLACKHOLE, &[]),
        Form::Via { gateway, link, .. } => {
            encoder.number(NHA_OIF, *link);
            match gateway {
                IpAddr::V4(address) => encoder.attribute(NHA_GATEWAY, &address.octets()),
                IpAddr::V6(address) => encoder.attribute(NHA_GATEWAY, &address.octets()),
            }
        }
        Form::Link { link, .. } => encoder.number(NHA_OIF, *link),
        Form::Group(members) => {
            let mut bytes = Vec::with_capacity(members.len() * MEMBER);
            for member in members {
                let [low, high] = member.weight.saturating_sub(1).to_le_bytes();
                bytes.extend_from_slice(&member.next_hop.to_ne_bytes());
                bytes.extend_from_slice(&[low, high, 0, 0]);
            }
            encoder.attribute(NHA_GROUP, &bytes);
        }
    }
}

/// Encodes a delete.
pub(super) fn encode_delete(encoder: &mut Encoder, kind: (u16, u16), number: u32, id: u32) {
    begin(encoder, kind, number, [AF_UNSPEC, 0], 0);
    encoder.number(NHA_ID, id);
}

fn begin(encoder: &mut Encoder, kind: (u16, u16), number: u32, [family, protocol]: [u8; 2], flags: u32) {
    let mut header = [family, 0, protocol, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&flags.to_ne_bytes());
    encoder.begin(kind, number, &header);
}

/// Reads a next hop; the links give names to the numbers of devices.
///
/// # Errors
/// The message does not add up.
pub(super) fn decode(message: &Message<'_>, links: &Links) -> Result<KernelHop, Malformed> {
    let (fixed, attributes) = message.parts::<8>()?;
    let [_, _, protocol, _, flags @ ..] = *fixed;
    let onlink = u32::from_ne_bytes(flags) & RTNH_F_ONLINK != 0;
    let (mut id, mut link, mut gateway, mut group) = (0, None, None, None);
    let (mut blackhole, mut wide, mut plain) = (false, false, true);
    for attribute in attributes {
        match attribute? {
            (NHA_ID, value) => id = Attributes::number(value)?,
            (NHA_OIF, value) => link = Some(Attributes::number(value)?),
            (NHA_GATEWAY, value) => gateway = Some(decode_address(value)?),
            (NHA_GROUP, value) => group = Some(value),
            (NHA_BLACKHOLE, _) => blackhole = true,
            (NHA_OP_FLAGS, value) => wide = Attributes::number(value)? & NHA_OP_FLAG_RESP_GRP_RESVD_0 != 0,
            // A plain group is of type 0.
            (NHA_GROUP_TYPE, value) => plain &= value.iter().all(|byte| *byte == 0),
            // Encapsulation, bridges' next hops and what is still to be invented.
            _other => plain = false,
        }
    }
    let device = link.and_then(|link| links.name(link)).and_then(|name| name.parse().ok());
    let part = match (group, gateway, link) {
        (Some(bytes), None, None) => NextHop::group(decode_members(bytes, wide)?).ok(),
        (None, None, _) if blackhole => Some(NextHop::Blackhole),
        (None, Some(gateway), Some(_)) if onlink => NextHop::via(gateway, None).ok(),
        (None, Some(gateway), Some(_)) => device.and_then(|device| NextHop::via(gateway, Some(device)).ok()),
        (None, None, Some(_)) => device.filter(|_| !onlink).map(NextHop::Link),
        (Some(_), _, _) | (None, _, None) => None,
    };
    Ok(KernelHop { id, protocol, part: part.filter(|_| plain), link: link.filter(|_| !blackhole) })
}

fn decode_members(bytes: &[u8], wide: bool) -> Result<Vec<Member>, Malformed> {
    let (chunks, rest) = bytes.as_chunks::<MEMBER>();
    if !rest.is_empty() {
        return Err(Malformed { offset: 0, what: "a group cut short" });
    }
    let member = |&[a, b, c, d, low, high, _, _]: &[u8; MEMBER]| {
        let less_one = u16::from_le_bytes([low, if wide { high } else { 0 }]);
        Member { next_hop: u32::from_ne_bytes([a, b, c, d]), weight: less_one.saturating_add(1) }
    };
    Ok(chunks.iter().map(member).collect())
}
