//! Routes as the kernel has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::mirror::{HeldRoute, RouteKey, RouteKind};
use super::netlink::codes::{
    AF_INET, AF_INET6, IPV6_METRIC, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE, RTA_DST, RTA_NH_ID, RTA_PRIORITY,
    RTA_TABLE, RTM_F_CLONED, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, RTN_UNSPEC,
};
use super::netlink::{Attributes, Encoder, Malformed, Message};

/// `rtm_table` where the number is too large for it: it stands in an attribute.
const TABLE_COMPAT: u8 = 252;

/// A route, as a dump or a notification tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KernelRoute {
    pub(super) key: RouteKey,
    pub(super) protocol: u8,
    pub(super) metric: u32,
    pub(super) kind: RouteKind,
    /// 0 but for [`RouteKind::NextHop`].
    pub(super) next_hop: u32,
}

impl KernelRoute {
    /// As it is remembered.
    pub(super) fn held(&self) -> HeldRoute {
        let given = self.metric != default_metric(&self.key.net);
        HeldRoute { kind: self.kind, next_hop: self.next_hop, metric: self.metric, given, round: 0 }
    }
}

/// The metric that the kernel gives a route for which none is asked.
pub(super) fn default_metric(net: &IpNet) -> u32 {
    match net {
        IpNet::V4(_) => 0,
        IpNet::V6(_) => IPV6_METRIC,
    }
}

/// Encodes what identifies a route, behind the beginning of a message.
fn begin(
    encoder: &mut Encoder,
    (kind, flags): (u16, u16),
    number: u32,
    (key, route): (&RouteKey, &HeldRoute),
    fixed: [u8; 3],
) {
    let family = match key.net {
        IpNet::V4(_) => AF_INET,
        IpNet::V6(_) => AF_INET6,
    };
    let table = u8::try_from(key.table).unwrap_or(TABLE_COMPAT);
    let [protocol, scope, route_type] = fixed;
    let header = [family, key.net.prefix_len(), 0, 0, table, protocol, scope, route_type, 0, 0, 0, 0];
    encoder.begin((kind, flags), number, &header);
    match key.net.network() {
        IpAddr::V4(address) => encoder.attribute(RTA_DST, &address.octets()),
        IpAddr::V6(address) => encoder.attribute(RTA_DST, &address.octets()),
    }
    if u8::try_from(key.table).is_err() {
        encoder.number(RTA_TABLE, key.table);
    }
    if route.metric != 0 {
        encoder.number(RTA_PRIORITY, route.metric);
    }
    if route.kind == RouteKind::NextHop {
        encoder.number(RTA_NH_ID, route.next_hop);
    }
}

/// Encodes a put.
pub(super) fn encode_put(
    encoder: &mut Encoder,
    kind: (u16, u16),
    number: u32,
    route: (&RouteKey, &HeldRoute),
    protocol: u8,
) {
    let route_type = match route.1.kind {
        RouteKind::NextHop => RTN_UNICAST,
        RouteKind::Unreachable => RTN_UNREACHABLE,
        RouteKind::Prohibit => RTN_PROHIBIT,
        // Nothing of the kind is written.
        RouteKind::Other => RTN_UNSPEC,
    };
    begin(encoder, kind, number, route, [protocol, RT_SCOPE_UNIVERSE, route_type]);
}

/// Encodes a delete of exactly this route.
pub(super) fn encode_delete(
    encoder: &mut Encoder,
    kind: (u16, u16),
    number: u32,
    route: (&RouteKey, &HeldRoute),
    protocol: u8,
) {
    begin(encoder, kind, number, route, [protocol, RT_SCOPE_NOWHERE, RTN_UNSPEC]);
}

/// Reads a route; `None`: one of a kind that can never be ours (a cached one, one for a source or a type of service, multicast).
///
/// # Errors
/// The message does not add up.
pub(super) fn decode(message: &Message<'_>) -> Result<Option<KernelRoute>, Malformed> {
    let (fixed, attributes) = message.parts::<12>()?;
    let [family, length, source, service, table, protocol, _, kind, flags @ ..] = *fixed;
    let ignored = u32::from_ne_bytes(flags) & RTM_F_CLONED != 0 || source != 0 || service != 0;
    if ignored || (family != AF_INET && family != AF_INET6) {
        return Ok(None);
    }
    let mut address =
        if family == AF_INET { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let (mut table, mut metric, mut next_hop) = (u32::from(table), 0, None);
    for attribute in attributes {
        match attribute? {
            (RTA_DST, value) => address = decode_address(value)?,
            (RTA_TABLE, value) => table = Attributes::number(value)?,
            (RTA_PRIORITY, value) => metric = Attributes::number(value)?,
            (RTA_NH_ID, value) => next_hop = Some(Attributes::number(value)?),
            _other => {}
        }
    }
    let fits = address.is_ipv4() == (family == AF_INET);
    let net = IpNet::new(address, length).ok().filter(|_| fits).map(|net| net.trunc());
    let Some(net) = net else { return Err(Malformed { offset: 0, what: "a prefix that is none" }) };
    // As in the fib: shorter prefixes hold more than multicast.
    if address.is_multicast() && length >= if address.is_ipv4() { 4 } else { 8 } {
        return Ok(None);
    }
    let (kind, next_hop) = match (kind, next_hop) {
        (RTN_UNICAST | RTN_BLACKHOLE, Some(id)) if id != 0 => (RouteKind::NextHop, id),
        (RTN_UNREACHABLE, None) => (RouteKind::Unreachable, 0),
        (RTN_PROHIBIT, None) => (RouteKind::Prohibit, 0),
        _other => (RouteKind::Other, 0),
    };
    Ok(Some(KernelRoute { key: RouteKey { table, net }, protocol, metric, kind, next_hop }))
}

/// An address of either family.
///
/// # Errors
/// Neither four nor sixteen bytes.
pub(super) fn decode_address(value: &[u8]) -> Result<IpAddr, Malformed> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Ok(octets.into());
    }
    let octets = <[u8; 16]>::try_from(value);
    octets.map(IpAddr::from).map_err(|_| Malformed { offset: 0, what: "an address that is none" })
}
