//! `fib`: next hops and the IPv4 and IPv6 routes that use them, in one ordered channel.
//!
//! The encoding is canonical: a value has exactly one byte string, so that digests of equal tables are equal.
//!
//! ```text
//! key   next hop or group  0 | id u32 BE                 group ids start at GROUP_BASE
//!       IPv4 route         1 | length u8 | octets        in the main table; only the octets that the length needs
//!       IPv6 route         2 | length u8 | octets
//!       IPv4 route         3 | table u32 BE | length u8 | octets    in any other table: not 0, not 254
//!       IPv6 route         4 | table u32 BE | length u8 | octets
//! card  route              id u32 BE of a next hop or group | metric u32 BE, left out where it is 0
//! part  blackhole          0
//!       via IPv4           1 | 4 octets | device name    the name may be empty
//!       via IPv6           2 | 16 octets | device name   needed for a link-local address
//!       group              3 | (id u32 BE | weight u16 BE)...   ids rising
//!       on a link          4 | device name
//!       unreachable        5
//!       prohibit           6
//! ```
//!
//! The standby-only part is free bytes: the source's word on where the entry comes from (AS path, protocol).

mod error;
mod next_hop;
mod route;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

pub use self::error::FibError;
pub use self::next_hop::{Device, Member, NextHop};
pub use self::route::{Route, TableId};
use super::Process;
use crate::entry::{Audience, Blob, Change, Content};
use crate::ids::ProcessId;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Number of the process on the wire.
pub const ID: ProcessId = ProcessId(1);
/// Ids from here up name groups. A next hop never turns into a group in place (the Linux kernel refuses that too), and
/// with the ranges apart the rank of a key is known from the key alone: members go before groups, groups before routes.
pub const GROUP_BASE: u32 = 1 << 31;
/// Members of one group: what routing daemons are built for (FRR: `--enable-multipath=256`).
pub const MAX_MEMBERS: usize = 256;

const TAG_NEXT_HOP: u8 = 0;
const TAG_V4: u8 = 1;
const TAG_V6: u8 = 2;
const TAG_TABLE_V4: u8 = 3;
const TAG_TABLE_V6: u8 = 4;
/// Bytes of the longest key: tag, table, length, and an IPv6 address.
const MAX_KEY: usize = 1 + 4 + 1 + 16;

/// What names an entry of the fib.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FibKey {
    /// A next hop, or from [`GROUP_BASE`] up a group; never 0.
    NextHop(u32),
    /// A route. One table has one route to a prefix: its metric is in the card part.
    Route {
        /// The table that it is in.
        table: TableId,
        /// A destination prefix without host bits; not multicast.
        net: IpNet,
    },
}

impl FibKey {
    /// The route to this prefix in the main table.
    #[must_use]
    pub const fn main(net: IpNet) -> Self {
        Self::Route { table: TableId::MAIN, net }
    }

    /// The route to this prefix.
    ///
    /// # Errors
    /// A length beyond the addresses of the family, host bits that are set, or a multicast destination.
    pub fn route(table: TableId, address: IpAddr, length: u8) -> Result<Self, FibError> {
        route(table, address, u32::from(length))
    }

    /// The bytes that name it.
    #[must_use]
    pub fn encode(&self) -> Blob {
        let mut bytes = [0_u8; MAX_KEY];
        let used = match self {
            Self::NextHop(id) => {
                bytes[0] = TAG_NEXT_HOP;
                bytes[1..5].copy_from_slice(&id.to_be_bytes());
                5
            }
            Self::Route { table, net } => {
                let main = *table == TableId::MAIN;
                let at = if main { 1 } else { 5 };
                if !main {
                    bytes[1..5].copy_from_slice(&table.get().to_be_bytes());
                }
                let length = net.prefix_len();
                let octets = octets_of(length);
                bytes[at] = length;
                let given = &mut bytes[at + 1..at + 1 + octets];
                let tag = match net.network() {
                    IpAddr::V4(address) => {
                        given.copy_from_slice(&address.octets()[..octets]);
                        if main { TAG_V4 } else { TAG_TABLE_V4 }
                    }
                    IpAddr::V6(address) => {
                        given.copy_from_slice(&address.octets()[..octets]);
                        if main { TAG_V6 } else { TAG_TABLE_V6 }
                    }
                };
                bytes[0] = tag;
                at + 1 + octets
            }
        };
        Blob::new(&bytes[..used])
    }

    /// The key that these bytes name.
    ///
    /// # Errors
    /// Bytes that [`FibKey::encode`] never gives.
    pub fn decode(bytes: &[u8]) -> Result<Self, FibError> {
        let (&tag, body) = bytes.split_first().ok_or(FibError::UnknownTag)?;
        match tag {
            TAG_NEXT_HOP => Ok(Self::NextHop(decode_id(body)?)),
            TAG_V4 => decode_v4(TableId::MAIN, body),
            TAG_V6 => decode_v6(TableId::MAIN, body),
            TAG_TABLE_V4 => decode_table(body).and_then(|(table, prefix)| decode_v4(table, prefix)),
            TAG_TABLE_V6 => decode_table(body).and_then(|(table, prefix)| decode_v6(table, prefix)),
            _ => Err(FibError::UnknownTag),
        }
    }

    /// The group of this number: `group(1)` has the id `GROUP_BASE + 1`.
    ///
    /// # Errors
    /// 0, or [`GROUP_BASE`] and above.
    pub fn group(number: u32) -> Result<Self, FibError> {
        let id = number.checked_add(GROUP_BASE).filter(|&id| id != GROUP_BASE);
        id.map(Self::NextHop).ok_or_else(|| FibError::BadId(number.to_string()))
    }

    /// The change that puts this entry, for all cards.
    #[must_use]
    pub fn put(&self, card_part: Blob, note: Blob) -> Change {
        let content = Content { audience: Audience::All, card_part, standby_part: Some(note) };
        Change { key: self.encode(), content: Some(content) }
    }

    /// The change that deletes this entry.
    #[must_use]
    pub fn delete(&self) -> Change {
        Change { key: self.encode(), content: None }
    }
}

fn decode_table(body: &[u8]) -> Result<(TableId, &[u8]), FibError> {
    let (table, prefix) = body.split_first_chunk::<4>().ok_or(FibError::WrongSize("table"))?;
    let table = TableId::new(u32::from_be_bytes(*table))?;
    if table == TableId::MAIN { Err(FibError::MainTable) } else { Ok((table, prefix)) }
}

fn decode_v4(table: TableId, body: &[u8]) -> Result<FibKey, FibError> {
    let (octets, length) = decode_prefix::<4>(body)?;
    route(table, IpAddr::V4(Ipv4Addr::from(octets)), u32::from(length))
}

fn decode_v6(table: TableId, body: &[u8]) -> Result<FibKey, FibError> {
    let (octets, length) = decode_prefix::<16>(body)?;
    route(table, IpAddr::V6(Ipv6Addr::from(octets)), u32::from(length))
}

fn octets_of(length: u8) -> usize {
    usize::from(length).div_ceil(8)
}

fn decode_id(bytes: &[u8]) -> Result<u32, FibError> {
    let id = bytes.try_into().map(u32::from_be_bytes).map_err(|_| FibError::WrongSize("next-hop id"))?;
    if id == 0 || id == GROUP_BASE { Err(FibError::ZeroId) } else { Ok(id) }
}

fn decode_prefix<const OCTETS: usize>(body: &[u8]) -> Result<([u8; OCTETS], u8), FibError> {
    let (&length, given) = body.split_first().ok_or(FibError::WrongSize("prefix"))?;
    let bits = OCTETS * 8;
    if usize::from(length) > bits {
        let bits = u8::try_from(bits).unwrap_or(u8::MAX);
        return Err(FibError::PrefixLength { length: u32::from(length), bits });
    }
    if given.len() != octets_of(length) {
        return Err(FibError::WrongSize("prefix"));
    }
    let mut octets = [0; OCTETS];
    octets[..given.len()].copy_from_slice(given);
    Ok((octets, length))
}

/// The route to a prefix: the one place where every rule on destinations is checked.
fn route(table: TableId, address: IpAddr, length: u32) -> Result<FibKey, FibError> {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let too_long = FibError::PrefixLength { length, bits };
    let short = u8::try_from(length).ok().filter(|&short| short <= bits).ok_or(too_long.clone())?;
    let net = IpNet::new(address, short).map_err(|_| too_long)?;
    if net.network() != address {
        return Err(FibError::HostBits(short));
    }
    // 0.0.0.0/0 also covers multicast; a prefix is refused only where nothing else is in it.
    if is_multicast(&net) { Err(FibError::Multicast) } else { Ok(FibKey::Route { table, net }) }
}

fn is_multicast(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() >= 4 && Ipv4Net::network(net).is_multicast(),
        IpNet::V6(net) => net.prefix_len() >= 8 && Ipv6Net::network(net).is_multicast(),
    }
}

impl fmt::Display for FibKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NextHop(id) if *id >= GROUP_BASE => write!(f, "group {}", id - GROUP_BASE),
            Self::NextHop(id) => write!(f, "next-hop {id}"),
            Self::Route { table, net } if *table == TableId::MAIN => net.fmt(f),
            Self::Route { table, net } => write!(f, "{net} table {table}"),
        }
    }
}

impl FromStr for FibKey {
    type Err = FibError;

    /// `10.0.0.0/8`, `2001:db8::/32 table 100`, `next-hop 7` or `group 7`.
    fn from_str(text: &str) -> Result<Self, FibError> {
        if let Some(id) = text.strip_prefix("next-hop ") {
            return parse_id(id.trim()).map(Self::NextHop);
        }
        if let Some(number) = text.strip_prefix("group ") {
            return parse_id(number.trim()).and_then(Self::group);
        }
        let not_prefix = || FibError::NotPrefix(text.into());
        let (prefix, table) = text.split_once(" table ").map_or((text, None), |(net, id)| (net, Some(id)));
        let table = table.map_or(Ok(TableId::MAIN), str::parse)?;
        let (address, length) = prefix.split_once('/').ok_or_else(not_prefix)?;
        let address = address.parse().map_err(|_| not_prefix())?;
        route(table, address, parse_number(length).ok_or_else(not_prefix)?)
    }
}

/// A single next hop's id, `1..GROUP_BASE`.
fn parse_id(text: &str) -> Result<u32, FibError> {
    match parse_number(text) {
        Some(0) => Err(FibError::ZeroId),
        Some(id) if id < GROUP_BASE => Ok(id),
        Some(_) | None => Err(FibError::BadId(text.into())),
    }
}

/// Digits only: `u32::from_str` takes a plus sign too.
fn parse_number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The process itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fib;

impl Process for Fib {
    fn id(&self) -> ProcessId {
        ID
    }

    fn name(&self) -> &'static str {
        "fib"
    }

    fn validate(&self, change: &Change) -> Result<(), String> {
        check(change).map_err(|error| error.to_string())
    }

    fn ranks(&self) -> u8 {
        3
    }

    fn rank(&self, key: &[u8]) -> u8 {
        match key {
            [TAG_NEXT_HOP, high, ..] => u8::from(*high >= (GROUP_BASE >> 24) as u8),
            _ => 2,
        }
    }
}

fn check(change: &Change) -> Result<(), FibError> {
    let key = FibKey::decode(&change.key)?;
    let Some(content) = &change.content else { return Ok(()) };
    match key {
        FibKey::Route { .. } => Route::decode(&content.card_part).map(drop),
        FibKey::NextHop(id) => {
            let next_hop = NextHop::decode(&content.card_part)?;
            match (next_hop.is_group(), id >= GROUP_BASE) {
                (true, false) => Err(FibError::KindMismatch(key, "group")),
                (false, true) => Err(FibError::KindMismatch(key, "single next hop")),
                (true, true) | (false, false) => Ok(()),
            }
        }
    }
}
