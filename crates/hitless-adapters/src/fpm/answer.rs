//! What zebra is answered: the route, with a flag that says what became of it. FRR before 8.5 reads and drops it.

use std::net::IpAddr;

use super::frame::frame_of;
use super::message::RouteKey;
use super::routes::Wanted;

const RTM_NEWROUTE: u16 = 24;
const NLM_F_REQUEST: u16 = 1;
const RTM_F_OFFLOAD: u32 = 0x4000;
const RTM_F_OFFLOAD_FAILED: u32 = 0x2000_0000;
const RTA_DST: u16 = 1;
const RTA_PRIORITY: u16 = 6;
const RTA_TABLE: u16 = 15;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Bytes of the message's head and its fixed part.
const HEAD: usize = 16 + 12;

/// The frame that says: this route is in every forwarding table; or one of them refused it.
pub(super) fn encode(key: &RouteKey, wanted: &Wanted, failed: bool) -> Option<Vec<u8>> {
    let table = key.table.get();
    let flags = if failed { RTM_F_OFFLOAD_FAILED } else { RTM_F_OFFLOAD };
    let mut attributes = Vec::with_capacity(40);
    let family = match key.net.network() {
        IpAddr::V4(address) => {
            attribute(&mut attributes, RTA_DST, &address.octets());
            AF_INET
        }
        IpAddr::V6(address) => {
            attribute(&mut attributes, RTA_DST, &address.octets());
            AF_INET6
        }
    };
    if wanted.metric != 0 {
        attribute(&mut attributes, RTA_PRIORITY, &wanted.metric.to_ne_bytes());
    }
    let short_table = u8::try_from(table).unwrap_or(0);
    if short_table == 0 {
        attribute(&mut attributes, RTA_TABLE, &table.to_ne_bytes());
    }
    let length = u32::try_from(HEAD + attributes.len()).ok()?;
    let mut message = Vec::with_capacity(HEAD + attributes.len());
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&RTM_NEWROUTE.to_ne_bytes());
    message.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    let prefix = key.net.prefix_len();
    message.extend_from_slice(&[
        family,
        prefix,
        0,
        0,
        short_table,
        wanted.protocol,
        wanted.scope,
        wanted.kind,
    ]);
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&attributes);
    frame_of(&message)
}

/// All values here have 4 or 16 bytes, so nothing is padded.
fn attribute(attributes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    attributes.extend_from_slice(&length.to_ne_bytes());
    attributes.extend_from_slice(&kind.to_ne_bytes());
    attributes.extend_from_slice(value);
}
