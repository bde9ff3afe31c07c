//! What a message of zebra says of the fib.

use std::net::IpAddr;

use hitless_proto::process::fib::{FibKey, NextHop, TableId};
use ipnet::IpNet;

use super::attribute::{Attribute, RawMessage, Reason, Refusal, refuse};
use super::{next_hop, route};

/// Bytes of a message's head: offsets within the message count from there.
pub(super) const HEAD: usize = 16;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_DELNEXTHOP: u16 = 105;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

/// The name of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The table that it is in.
    pub table: TableId,
    /// Its destination.
    pub net: IpNet,
}

impl RouteKey {
    /// Its key in the fib.
    #[must_use]
    pub const fn fib(&self) -> FibKey {
        FibKey::Route { table: self.table, net: self.net }
    }
}

/// One way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The router, if the destination is not on the link itself.
    pub gateway: Option<IpAddr>,
    /// The number of the interface, at the host of zebra.
    pub interface: Option<u32>,
}

/// What zebra says of where packets go, in its own terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// Nowhere: blackhole, unreachable or prohibit.
    Drop(NextHop),
    /// One way out.
    Hop(Hop),
    /// Several, each with its weight.
    Hops(Vec<(Hop, u16)>),
    /// Several next-hop objects, each with its weight.
    Group(Vec<(u32, u16)>),
}

/// Where the packets of a route go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Where the next-hop object of this id says.
    Object(u32),
    /// As the route itself says.
    Inline(Definition),
}

/// A route as zebra announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMessage {
    /// Which route.
    pub key: RouteKey,
    /// Who wants it (`rtm_protocol`).
    pub protocol: u8,
    /// How far the destination is (`rtm_scope`).
    pub scope: u8,
    /// The type (`rtm_type`).
    pub kind: u8,
    /// Its priority; 0: none.
    pub metric: u32,
    /// Where packets go.
    pub target: Target,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// There is this route, whatever was there before.
    Route(RouteMessage),
    /// The route is gone.
    RouteGone(RouteKey),
    /// There is this next-hop object.
    Object {
        /// Zebra's id of it.
        id: u32,
        /// What it is now.
        definition: Definition,
    },
    /// The next-hop object is gone.
    ObjectGone(u32),
    /// Nothing that concerns the fib: another kind of message, of address, or of route.
    KeptOut,
}

/// A message, and how many of its attributes were passed over because they do not matter here or are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it says.
    pub message: Message,
    /// Attributes passed over.
    pub skipped: u32,
}

/// Reads a message.
///
/// # Errors
/// Where it is malformed, or why the fib cannot hold what it says.
pub fn decode(raw: &RawMessage<'_>) -> Result<Decoded, Refusal> {
    match raw.kind {
        RTM_NEWROUTE => route::decode(raw.body, true),
        RTM_DELROUTE => route::decode(raw.body, false),
        RTM_NEWNEXTHOP => next_hop::decode(raw.body, true),
        RTM_DELNEXTHOP => next_hop::decode(raw.body, false),
        _ => Ok(Decoded { message: Message::KeptOut, skipped: 0 }),
    }
}

/// An address of this family.
pub(super) fn address(attribute: &Attribute<'_>, family: u8, what: &'static str) -> Result<IpAddr, Refusal> {
    match (family, attribute.value.len()) {
        (AF_INET, 4) => octets::<4>(attribute.value).map(IpAddr::from),
        (AF_INET6, 16) => octets::<16>(attribute.value).map(IpAddr::from),
        _ => None,
    }
    .map_or_else(|| attribute.wrong_size(what), Ok)
}

fn octets<const COUNT: usize>(bytes: &[u8]) -> Option<[u8; COUNT]> {
    bytes.try_into().ok()
}

/// The fixed part of a message, and what follows it.
pub(super) fn fixed_part<'a, const COUNT: usize>(
    body: &'a [u8],
    what: &'static str,
) -> Result<(&'a [u8; COUNT], &'a [u8]), Refusal> {
    match body.split_first_chunk::<COUNT>() {
        Some(parts) => Ok(parts),
        None => refuse(HEAD, Reason::Size { what, length: body.len() }),
    }
}
