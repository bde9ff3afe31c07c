//! Where packets go: single next hops and weighted groups of them.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::{FibError, FibKey, GROUP_BASE, MAX_MEMBERS, parse_id, parse_number};
use crate::entry::Blob;

const BLACKHOLE: u8 = 0;
const VIA_V4: u8 = 1;
const VIA_V6: u8 = 2;
const GROUP: u8 = 3;
const LINK: u8 = 4;
const UNREACHABLE: u8 = 5;
const PROHIBIT: u8 = 6;
/// Bytes of a member: its id and its weight.
const MEMBER: usize = 6;
/// Bytes of a device name, as in Linux (`IFNAMSIZ` less the closing zero).
const MAX_DEVICE: usize = 15;

/// The card part of a next hop or group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NextHop {
    /// Drop, and say nothing.
    Blackhole,
    /// Drop, and tell the sender by ICMP that the destination is unreachable.
    Unreachable,
    /// Drop, and tell the sender by ICMP that the destination is prohibited.
    Prohibit,
    /// Send to a router.
    Via {
        /// Its address.
        gateway: IpAddr,
        /// The link to it; `None`: found by looking up the gateway.
        device: Option<Device>,
    },
    /// The destination itself is on this link.
    Link(Device),
    /// Spread over these, sorted by id.
    Group(Vec<Member>),
}

/// One member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// A single next hop: not 0, below [`GROUP_BASE`].
    pub next_hop: u32,
    /// Its share; not 0.
    pub weight: u16,
}

/// The name of a network device: 1 to 15 printable ASCII characters without space, `/` and `:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device(String);

impl Device {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Device {
    type Err = FibError;

    fn from_str(name: &str) -> Result<Self, FibError> {
        let fits = !name.is_empty() && name.len() <= MAX_DEVICE && name != "." && name != "..";
        let printable = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
        if fits && printable { Ok(Self(name.into())) } else { Err(FibError::BadDevice(name.into())) }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NextHop {
    /// The card part.
    #[must_use]
    pub fn encode(&self) -> Blob {
        let mut bytes = Vec::new();
        match self {
            Self::Blackhole => bytes.push(BLACKHOLE),
            Self::Unreachable => bytes.push(UNREACHABLE),
            Self::Prohibit => bytes.push(PROHIBIT),
            Self::Via { gateway, device } => {
                match gateway {
                    IpAddr::V4(address) => {
                        bytes.push(VIA_V4);
                        bytes.extend_from_slice(&address.octets());
                    }
                    IpAddr::V6(address) => {
                        bytes.push(VIA_V6);
                        bytes.extend_from_slice(&address.octets());
                    }
                }
                bytes.extend(device.iter().flat_map(|device| device.as_str().bytes()));
            }
            Self::Link(device) => {
                bytes.push(LINK);
                bytes.extend_from_slice(device.as_str().as_bytes());
            }
            Self::Group(members) => {
                bytes.push(GROUP);
                for member in members {
                    bytes.extend_from_slice(&member.next_hop.to_be_bytes());
                    bytes.extend_from_slice(&member.weight.to_be_bytes());
                }
            }
        }
        Blob::new(&bytes)
    }

    /// Reads a card part.
    ///
    /// # Errors
    /// Bytes that [`NextHop::encode`] never gives for a possible next hop.
    pub fn decode(bytes: &[u8]) -> Result<Self, FibError> {
        let (&kind, body) = bytes.split_first().ok_or(FibError::WrongSize("next hop"))?;
        match kind {
            BLACKHOLE if body.is_empty() => Ok(Self::Blackhole),
            UNREACHABLE if body.is_empty() => Ok(Self::Unreachable),
            PROHIBIT if body.is_empty() => Ok(Self::Prohibit),
            BLACKHOLE => Err(FibError::WrongSize("blackhole")),
            UNREACHABLE => Err(FibError::WrongSize("unreachable")),
            PROHIBIT => Err(FibError::WrongSize("prohibit")),
            VIA_V4 => {
                let (octets, device) = body.split_first_chunk::<4>().ok_or(FibError::WrongSize("gateway"))?;
                via(IpAddr::from(*octets), decode_device(device)?)
            }
            VIA_V6 => {
                let (octets, device) =
                    body.split_first_chunk::<16>().ok_or(FibError::WrongSize("gateway"))?;
                via(IpAddr::from(*octets), decode_device(device)?)
            }
            GROUP => decode_group(body),
            LINK => decode_device(body)?.map(Self::Link).ok_or_else(|| FibError::BadDevice(String::new())),
            _ => Err(FibError::UnknownKind(kind)),
        }
    }

    /// Whether it is a group: what ids from [`GROUP_BASE`] up hold, and no others.
    #[must_use]
    pub const fn is_group(&self) -> bool {
        match self {
            Self::Group(_) => true,
            Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Via { .. } | Self::Link(_) => false,
        }
    }

    /// Its members, if it is a group.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        match self {
            Self::Group(members) => members,
            Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Via { .. } | Self::Link(_) => &[],
        }
    }

    /// A next hop by gateway and, if known, device.
    ///
    /// # Errors
    /// An address that cannot be a gateway; a link-local one without a device.
    pub fn via(gateway: IpAddr, device: Option<Device>) -> Result<Self, FibError> {
        via(gateway, device)
    }

    /// A group of these members; sorts them.
    ///
    /// # Errors
    /// No members or too many, one that is named twice, is a group itself, or has weight 0.
    pub fn group(mut members: Vec<Member>) -> Result<Self, FibError> {
        members.sort_unstable_by_key(|member| member.next_hop);
        check_members(&members)?;
        Ok(Self::Group(members))
    }
}

fn via(gateway: IpAddr, device: Option<Device>) -> Result<NextHop, FibError> {
    let (broadcast, link_local) = match gateway {
        IpAddr::V4(address) => (address.octets()[0] >= 240, false),
        IpAddr::V6(address) => (false, address.segments()[0] & 0xffc0 == 0xfe80),
    };
    if gateway.is_unspecified() || gateway.is_loopback() || gateway.is_multicast() || broadcast {
        return Err(FibError::BadGateway(gateway));
    }
    if link_local && device.is_none() {
        return Err(FibError::NoDevice(gateway));
    }
    Ok(NextHop::Via { gateway, device })
}

fn decode_device(bytes: &[u8]) -> Result<Option<Device>, FibError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let name = core::str::from_utf8(bytes).map_err(|_| FibError::BadDevice("not UTF-8".into()))?;
    name.parse().map(Some)
}

fn decode_group(body: &[u8]) -> Result<NextHop, FibError> {
    let (chunks, rest) = body.as_chunks::<MEMBER>();
    if !rest.is_empty() {
        return Err(FibError::WrongSize("group"));
    }
    if chunks.len() > MAX_MEMBERS {
        return Err(FibError::GroupSize(chunks.len()));
    }
    let members: Vec<Member> = chunks
        .iter()
        .map(|&[a, b, c, d, e, f]| Member {
            next_hop: u32::from_be_bytes([a, b, c, d]),
            weight: u16::from_be_bytes([e, f]),
        })
        .collect();
    check_members(&members)?;
    Ok(NextHop::Group(members))
}

fn check_members(members: &[Member]) -> Result<(), FibError> {
    if members.is_empty() || members.len() > MAX_MEMBERS {
        return Err(FibError::GroupSize(members.len()));
    }
    for member in members {
        if member.next_hop == 0 || member.next_hop >= GROUP_BASE {
            return Err(FibError::BadMember(FibKey::NextHop(member.next_hop)));
        }
        if member.weight == 0 {
            return Err(FibError::ZeroWeight);
        }
    }
    if members.is_sorted_by(|a, b| a.next_hop < b.next_hop) { Ok(()) } else { Err(FibError::MemberOrder) }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blackhole => f.write_str("blackhole"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Prohibit => f.write_str("prohibit"),
            Self::Via { gateway, device } => {
                write!(f, "via {gateway}")?;
                device.as_ref().map_or(Ok(()), |device| write!(f, " dev {device}"))
            }
            Self::Link(device) => write!(f, "dev {device}"),
            Self::Group(members) => {
                f.write_str("group ")?;
                for (at, member) in members.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{}*{}", member.next_hop, member.weight)?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for NextHop {
    type Err = FibError;

    /// `blackhole`, `unreachable`, `prohibit`, `via 192.0.2.1 dev eth0`, `dev eth0` or `group 1*10,2*20` (the weight may be left out).
    fn from_str(text: &str) -> Result<Self, FibError> {
        let not_next_hop = || FibError::NotNextHop(text.into());
        let mut words = text.split_ascii_whitespace();
        let next_hop = match (words.next(), words.next()) {
            (Some("blackhole"), None) => return Ok(Self::Blackhole),
            (Some("unreachable"), None) => return Ok(Self::Unreachable),
            (Some("prohibit"), None) => return Ok(Self::Prohibit),
            (Some("dev"), Some(name)) => Self::Link(name.parse()?),
            (Some("group"), Some(members)) => Self::group(parse_members(members)?)?,
            (Some("via"), Some(gateway)) => {
                let gateway = gateway.parse().map_err(|_| not_next_hop())?;
                match (words.next(), words.next()) {
                    (None, None) => via(gateway, None)?,
                    (Some("dev"), Some(name)) => via(gateway, Some(name.parse()?))?,
                    (Some(_), Some(_) | None) | (None, Some(_)) => return Err(not_next_hop()),
                }
            }
            (Some(_), Some(_) | None) | (None, Some(_) | None) => return Err(not_next_hop()),
        };
        if words.next().is_some() { Err(not_next_hop()) } else { Ok(next_hop) }
    }
}

fn parse_members(text: &str) -> Result<Vec<Member>, FibError> {
    text.split(',')
        .map(|member| {
            let (id, weight) = member.split_once('*').unwrap_or((member, "1"));
            let weight = parse_number(weight).and_then(|weight| u16::try_from(weight).ok());
            let weight = weight.ok_or_else(|| FibError::NotNextHop(text.into()))?;
            Ok(Member { next_hop: parse_id(id)?, weight })
        })
        .collect()
}
