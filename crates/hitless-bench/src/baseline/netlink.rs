//! Routes into the kernel by messages that were encoded beforehand, many to a send, one answer to each send.

use std::net::IpAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use crate::process::of_this_thread;

/// Messages to a send: more gain nothing measurable.
const BATCH: usize = 512;
/// Marks these routes; nobody else here uses it.
const PROTOCOL: u8 = 202;

/// What it took.
pub(crate) struct Took {
    pub(crate) seconds: f64,
    /// Seconds on a processor: the kernel does the work on behalf of the caller.
    pub(crate) on_processor: f64,
}

/// Adds routes to `next_hop`, which must be there, to the main table.
pub(crate) fn add(prefixes: &[IpNet], next_hop: u32) -> Result<Took> {
    send(prefixes, NLM_F_CREATE | NLM_F_EXCL, |net| RouteNetlinkMessage::NewRoute(route(net, next_hop)))
}

/// Moves them to `next_hop`.
pub(crate) fn replace(prefixes: &[IpNet], next_hop: u32) -> Result<Took> {
    send(prefixes, NLM_F_CREATE | NLM_F_REPLACE, |net| RouteNetlinkMessage::NewRoute(route(net, next_hop)))
}

/// Deletes them.
pub(crate) fn delete(prefixes: &[IpNet], next_hop: u32) -> Result<Took> {
    send(prefixes, 0, |net| RouteNetlinkMessage::DelRoute(route(net, next_hop)))
}

fn send(prefixes: &[IpNet], flags: u16, message: impl Fn(&IpNet) -> RouteNetlinkMessage) -> Result<Took> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let batches = prefixes.chunks(BATCH).map(|chunk| encode(chunk, flags, &message));
    let batches = batches.collect::<Result<Vec<_>>>()?;
    let (begun, before) = (Instant::now(), of_this_thread()?);
    let mut answer = vec![0; 4096];
    for batch in &batches {
        let sent = socket.send(batch, 0)?;
        ensure!(sent == batch.len(), "netlink took a part of a datagram");
        let length = socket.recv(&mut &mut answer[..], 0)?;
        let told = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer[..length])?;
        match told.payload {
            NetlinkPayload::Error(error) if error.code.is_none() => {}
            other => bail!("the kernel refuses: {other:?}"),
        }
    }
    Ok(Took { seconds: begun.elapsed().as_secs_f64(), on_processor: of_this_thread()? - before })
}

fn encode(prefixes: &[IpNet], flags: u16, route: impl Fn(&IpNet) -> RouteNetlinkMessage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (index, net) in prefixes.iter().enumerate() {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        if index + 1 == prefixes.len() {
            header.flags |= NLM_F_ACK;
        }
        header.sequence_number = u32::try_from(index).context("a batch is small")?;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(route(net)));
        message.finalize();
        let begin = bytes.len();
        bytes.resize(begin + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[begin..]);
    }
    Ok(bytes)
}

fn route(net: &IpNet, next_hop: u32) -> RouteMessage {
    let (address_family, address) = match net.network() {
        IpAddr::V4(address) => (AddressFamily::Inet, RouteAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, RouteAddress::Inet6(address)),
    };
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family,
        destination_prefix_length: net.prefix_len(),
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::Other(PROTOCOL),
        scope: RouteScope::Universe,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    message.attributes = vec![RouteAttribute::Destination(address), RouteAttribute::NhId(next_hop)];
    message
}
