//! `RTM_NEWROUTE` and `RTM_DELROUTE`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hitless_proto::process::fib::{FibKey, MAX_MEMBERS, NextHop, TableId};

use super::attribute::{Attribute, Attributes, Reason, Refusal, refuse};
use super::message::{
    AF_INET, AF_INET6, Decoded, Definition, HEAD, Hop, Message, RouteKey, RouteMessage, Target, address,
    fixed_part,
};

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;
const RTA_NH_ID: u16 = 30;
const RTN_UNICAST: u8 = 1;
const RTN_BLACKHOLE: u8 = 6;
const RTN_UNREACHABLE: u8 = 7;
const RTN_PROHIBIT: u8 = 8;
/// Bytes of the fixed part (`rtmsg`), and of that of one hop of several (`rtnexthop`).
const FIXED: usize = 12;
const HOP_HEAD: usize = 8;

/// The attributes that matter.
#[derive(Default)]
struct Fields {
    destination: Option<IpAddr>,
    table: Option<u32>,
    metric: Option<u32>,
    object: Option<u32>,
    way: Way,
    several: Option<Vec<(Hop, u16)>>,
    skipped: u32,
}

/// The attributes of one hop.
#[derive(Default)]
struct Way {
    gateway: Option<IpAddr>,
    interface: Option<u32>,
}

pub(super) fn decode(body: &[u8], announced: bool) -> Result<Decoded, Refusal> {
    let (fixed, attributes) = fixed_part::<FIXED>(body, "the fixed part of a route")?;
    let [family, length, source_length, service, table, protocol, scope, kind, ..] = *fixed;
    let drop = match kind {
        RTN_UNICAST => None,
        RTN_BLACKHOLE => Some(NextHop::Blackhole),
        RTN_UNREACHABLE => Some(NextHop::Unreachable),
        RTN_PROHIBIT => Some(NextHop::Prohibit),
        // A delete does not say it.
        _ if !announced => None,
        _ => return Ok(Decoded { message: Message::KeptOut, skipped: 0 }),
    };
    if !matches!(family, AF_INET | AF_INET6) {
        return Ok(Decoded { message: Message::KeptOut, skipped: 0 });
    }
    if source_length != 0 {
        return refuse(HEAD + 2, Reason::Unsupported("a route for some sources only"));
    }
    if service != 0 {
        return refuse(HEAD + 3, Reason::Unsupported("a route for one type of service only"));
    }
    let fields = read(attributes, family)?;
    let key = key(family, length, &fields, table)?;
    if !announced {
        return Ok(Decoded { message: Message::RouteGone(key), skipped: fields.skipped });
    }
    let skipped = fields.skipped;
    let metric = fields.metric.unwrap_or(0);
    let target = target(fields, drop)?;
    let message = Message::Route(RouteMessage { key, protocol, scope, kind, metric, target });
    Ok(Decoded { message, skipped })
}

fn read(attributes: &[u8], family: u8) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    for attribute in Attributes::of(attributes, HEAD + FIXED) {
        let attribute = attribute?;
        match attribute.kind {
            RTA_DST => {
                let value = address(&attribute, family, "the destination")?;
                attribute.once(&mut fields.destination, value, "the destination")?;
            }
            RTA_SRC => {
                return refuse(attribute.at, Reason::Unsupported("a route for some sources only"));
            }
            RTA_PRIORITY => {
                let value = attribute.number("the priority")?;
                attribute.once(&mut fields.metric, value, "the priority")?;
            }
            RTA_TABLE => {
                let value = attribute.number("the table")?;
                attribute.once(&mut fields.table, value, "the table")?;
            }
            RTA_NH_ID => {
                let value = attribute.number("the id of a next-hop object")?;
                attribute.once(&mut fields.object, value, "the id of a next-hop object")?;
            }
            RTA_MULTIPATH => {
                let value = several(&attribute, family, &mut fields.skipped)?;
                attribute.once(&mut fields.several, value, "the list of hops")?;
            }
            _ => fields.skipped += u32::from(!fields.way.take(&attribute, family)?),
        }
    }
    Ok(fields)
}

impl Way {
    /// `false`: it does not matter for where packets go.
    fn take(&mut self, attribute: &Attribute<'_>, family: u8) -> Result<bool, Refusal> {
        match attribute.kind {
            RTA_GATEWAY => {
                let value = address(attribute, family, "the gateway")?;
                attribute.once(&mut self.gateway, value, "the gateway")?;
            }
            RTA_VIA => attribute.once(&mut self.gateway, via(attribute)?, "the gateway")?,
            RTA_OIF => {
                let value = attribute.number("the interface")?;
                attribute.once(&mut self.interface, value, "the interface")?;
            }
            // Without its labels or segments a packet would go astray.
            RTA_ENCAP | RTA_ENCAP_TYPE => {
                return refuse(attribute.at, Reason::Unsupported("an encapsulation (MPLS, SRv6)"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn hop(self) -> Option<Hop> {
        let Self { gateway, interface } = self;
        (gateway.is_some() || interface.is_some()).then_some(Hop { gateway, interface })
    }
}

/// A gateway of another family than the destination (`rtvia`): the family, then the address.
fn via(attribute: &Attribute<'_>) -> Result<IpAddr, Refusal> {
    let Some((&[low, high], octets)) = attribute.value.split_first_chunk::<2>() else {
        return attribute.wrong_size("the gateway");
    };
    let family = u8::try_from(u16::from_ne_bytes([low, high])).unwrap_or(0);
    address(&Attribute { value: octets, ..*attribute }, family, "the gateway")
}

/// The list of hops: each has a length of its own, and attributes.
fn several(list: &Attribute<'_>, family: u8, skipped: &mut u32) -> Result<Vec<(Hop, u16)>, Refusal> {
    let mut hops = Vec::new();
    let (mut rest, mut at) = (list.value, list.at + 4);
    while !rest.is_empty() {
        let Some((&[a, b, _flags, share, c, d, e, f], _)) = rest.split_first_chunk::<HOP_HEAD>() else {
            return refuse(at, Reason::Trailing(rest.len()));
        };
        let length = u16::from_ne_bytes([a, b]);
        let Some(attributes) = rest.get(HOP_HEAD..usize::from(length)) else {
            return refuse(at, Reason::AttributeLength { kind: RTA_MULTIPATH, length, left: rest.len() });
        };
        let mut way = Way::default();
        for attribute in Attributes::of(attributes, at + HOP_HEAD) {
            *skipped += u32::from(!way.take(&attribute?, family)?);
        }
        let interface = u32::from_ne_bytes([c, d, e, f]);
        way.interface = way.interface.or(Some(interface).filter(|interface| *interface != 0));
        let Some(hop) = way.hop() else {
            return refuse(at, Reason::Missing("gateway and interface of a hop"));
        };
        if hops.len() == MAX_MEMBERS {
            return refuse(at, Reason::TooMany { what: "hops", limit: MAX_MEMBERS });
        }
        hops.push((hop, u16::from(share) + 1));
        let whole = usize::from(length).next_multiple_of(4);
        rest = rest.get(whole..).unwrap_or_default();
        at += whole;
    }
    Ok(hops)
}

fn key(family: u8, length: u8, fields: &Fields, table: u8) -> Result<RouteKey, Refusal> {
    let zero = if family == AF_INET { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let destination = match fields.destination {
        Some(destination) => destination,
        // The default route may go without.
        None if length == 0 => zero,
        None => return refuse(HEAD + 1, Reason::Missing("the destination")),
    };
    let number = fields.table.unwrap_or(u32::from(table));
    // To the kernel, too, no table is the main one.
    let table = TableId::new(number).unwrap_or(TableId::MAIN);
    match FibKey::route(table, destination, length) {
        Ok(FibKey::Route { table, net }) => Ok(RouteKey { table, net }),
        Ok(FibKey::NextHop(_)) => refuse(HEAD, Reason::Missing("the destination")),
        Err(error) => refuse(HEAD + 1, Reason::Fib(error)),
    }
}

fn target(fields: Fields, drop: Option<NextHop>) -> Result<Target, Refusal> {
    let definition = match (drop, fields.object, fields.several) {
        // Zebra names an object with these too, which does not say in what way to drop.
        (Some(drop), _, _) => Definition::Drop(drop),
        (None, Some(0), _) => return refuse(HEAD, Reason::ZeroId),
        (None, Some(id), _) => return Ok(Target::Object(id)),
        (None, None, Some(hops)) => match hops.as_slice() {
            [] => return refuse(HEAD, Reason::Missing("every hop of the list")),
            [(hop, _)] => Definition::Hop(*hop),
            [_, _, ..] => Definition::Hops(hops),
        },
        (None, None, None) => match fields.way.hop() {
            Some(hop) => Definition::Hop(hop),
            None => return refuse(HEAD, Reason::Missing("gateway and interface")),
        },
    };
    Ok(Target::Inline(definition))
}
