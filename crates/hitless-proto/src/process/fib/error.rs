//! Why something is not an entry of the fib.

use alloc::string::String;
use core::net::IpAddr;

use thiserror::Error;

use super::{FibKey, GROUP_BASE, MAX_MEMBERS, TableId};

/// Why something is not an entry of the fib.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FibError {
    /// The first byte of a key is none of the tags.
    #[error("a fib key starts with 0 (next hop), 1 (IPv4), 2 (IPv6), 3 or 4 (IPv4 or IPv6 in another table)")]
    UnknownTag,
    /// More or fewer bytes than the value needs.
    #[error("{0}: wrong number of bytes")]
    WrongSize(&'static str),
    /// Not an address at all.
    #[error("\"{0}\" is not a prefix: expected an address and a length, as in 10.0.0.0/8 or 2001:db8::/32")]
    NotPrefix(String),
    /// Longer than the addresses of its family.
    #[error("prefix length {length} is over {bits}, the bits of an address of this family")]
    PrefixLength {
        /// What was given.
        length: u32,
        /// The family's.
        bits: u8,
    },
    /// Bits behind the prefix length are set.
    #[error("host bits are set behind /{0}: the prefix must end in zeros")]
    HostBits(u8),
    /// The destination is multicast: a unicast fib cannot hold it.
    #[error("a multicast destination")]
    Multicast,
    /// 0 means "none" to whoever has tables.
    #[error("table 0: tables are 1..={max}, and {MAIN} is the main one", max = u32::MAX, MAIN = TableId::MAIN)]
    ZeroTable,
    /// Text that is no table's number.
    #[error("\"{0}\" is not a table: expected its number, 1..={max}", max = u32::MAX)]
    NotTable(String),
    /// The main table has keys of its own, without a number.
    #[error("table {MAIN} is the main one: its keys do not name it", MAIN = TableId::MAIN)]
    MainTable,
    /// A metric of 0 is left out.
    #[error("metric 0 is written by leaving it out")]
    ZeroMetric,
    /// 0 means "none" in every forwarding table.
    #[error("next hop 0: ids start at 1")]
    ZeroId,
    /// An id beyond what its kind may have.
    #[error("\"{0}\" is not the id of a next hop or group: 1..={max}", max = GROUP_BASE - 1)]
    BadId(String),
    /// None of the kinds of next hop.
    #[error("unknown kind of next hop {0}")]
    UnknownKind(u8),
    /// A gateway that cannot be one.
    #[error("{0} cannot be a gateway: it must be a unicast address of another host")]
    BadGateway(IpAddr),
    /// A link-local gateway says nothing without its link.
    #[error("the gateway {0} is link-local: name its device")]
    NoDevice(IpAddr),
    /// Not the name of a network device.
    #[error("\"{0}\" is not a device name: 1 to 15 printable characters without space, / and :")]
    BadDevice(String),
    /// A group without members, or with too many.
    #[error("a group of {0} members: 1 to {MAX_MEMBERS} are possible")]
    GroupSize(usize),
    /// A member that is a group (itself, perhaps) or 0.
    #[error("{0} cannot be a member of a group: members are single next hops")]
    BadMember(FibKey),
    /// Members must be sorted and unique.
    #[error("members of a group must be named once, in rising order of ids")]
    MemberOrder,
    /// A member without weight would never be used.
    #[error("weight 0: leave the member out instead")]
    ZeroWeight,
    /// A group under a next hop's id, or the reverse.
    #[error("{0} cannot hold a {1}")]
    KindMismatch(FibKey, &'static str),
    /// Text that is none of the forms.
    #[error(
        "\"{0}\" is not a next hop: expected `via ADDRESS [dev NAME]`, `dev NAME`, `blackhole`, `unreachable`, \
         `prohibit` or `group ID[*WEIGHT],...`"
    )]
    NotNextHop(String),
}
