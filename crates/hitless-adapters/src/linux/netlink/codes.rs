//! Numbers of netlink and rtnetlink, as in the kernel's `linux/netlink.h`, `rtnetlink.h`, `nexthop.h` and `if_link.h`.

pub(in crate::linux) const NLMSG_ERROR: u16 = 2;
pub(in crate::linux) const NLMSG_DONE: u16 = 3;
pub(in crate::linux) const NLMSG_OVERRUN: u16 = 4;
pub(in crate::linux) const RTM_NEWLINK: u16 = 16;
pub(in crate::linux) const RTM_DELLINK: u16 = 17;
pub(in crate::linux) const RTM_GETLINK: u16 = 18;
pub(in crate::linux) const RTM_NEWADDR: u16 = 20;
pub(in crate::linux) const RTM_NEWROUTE: u16 = 24;
pub(in crate::linux) const RTM_DELROUTE: u16 = 25;
pub(in crate::linux) const RTM_GETROUTE: u16 = 26;
pub(in crate::linux) const RTM_NEWNEXTHOP: u16 = 104;
pub(in crate::linux) const RTM_DELNEXTHOP: u16 = 105;
pub(in crate::linux) const RTM_GETNEXTHOP: u16 = 106;

pub(in crate::linux) const NLM_F_REQUEST: u16 = 0x001;
pub(in crate::linux) const NLM_F_ACK: u16 = 0x004;
pub(in crate::linux) const NLM_F_DUMP_INTR: u16 = 0x010;
pub(in crate::linux) const NLM_F_DUMP: u16 = 0x300;
pub(in crate::linux) const NLM_F_REPLACE: u16 = 0x100;
pub(in crate::linux) const NLM_F_EXCL: u16 = 0x200;
pub(in crate::linux) const NLM_F_CREATE: u16 = 0x400;
/// Of an error: the offending message is not repeated in full.
pub(in crate::linux) const NLM_F_CAPPED: u16 = 0x100;
/// Of an error: attributes follow.
pub(in crate::linux) const NLM_F_ACK_TLVS: u16 = 0x200;
/// Of an error: text for people.
pub(in crate::linux) const NLMSGERR_ATTR_MSG: u16 = 1;

pub(in crate::linux) const GROUP_LINK: u32 = 1;
pub(in crate::linux) const GROUP_IPV4_ADDRESS: u32 = 5;
pub(in crate::linux) const GROUP_IPV4_ROUTE: u32 = 7;
pub(in crate::linux) const GROUP_IPV6_ADDRESS: u32 = 9;
pub(in crate::linux) const GROUP_IPV6_ROUTE: u32 = 11;
pub(in crate::linux) const GROUP_NEXT_HOP: u32 = 32;

pub(in crate::linux) const AF_UNSPEC: u8 = 0;
pub(in crate::linux) const AF_INET: u8 = 2;
pub(in crate::linux) const AF_INET6: u8 = 10;

pub(in crate::linux) const RTA_DST: u16 = 1;
pub(in crate::linux) const RTA_OIF: u16 = 4;
pub(in crate::linux) const RTA_GATEWAY: u16 = 5;
pub(in crate::linux) const RTA_PRIORITY: u16 = 6;
pub(in crate::linux) const RTA_TABLE: u16 = 15;
pub(in crate::linux) const RTA_VIA: u16 = 18;
pub(in crate::linux) const RTA_NH_ID: u16 = 30;
pub(in crate::linux) const RTN_UNSPEC: u8 = 0;
pub(in crate::linux) const RTN_UNICAST: u8 = 1;
pub(in crate::linux) const RTN_BLACKHOLE: u8 = 6;
pub(in crate::linux) const RTN_UNREACHABLE: u8 = 7;
pub(in crate::linux) const RTN_PROHIBIT: u8 = 8;
pub(in crate::linux) const RT_SCOPE_UNIVERSE: u8 = 0;
pub(in crate::linux) const RT_SCOPE_NOWHERE: u8 = 255;
pub(in crate::linux) const RTM_F_CLONED: u32 = 0x200;
/// A route's metric where none is given, in IPv6. In IPv4 it is 0.
pub(in crate::linux) const IPV6_METRIC: u32 = 1024;

pub(in crate::linux) const NHA_ID: u16 = 1;
pub(in crate::linux) const NHA_GROUP: u16 = 2;
pub(in crate::linux) const NHA_GROUP_TYPE: u16 = 3;
pub(in crate::linux) const NHA_BLACKHOLE: u16 = 4;
pub(in crate::linux) const NHA_OIF: u16 = 5;
pub(in crate::linux) const NHA_GATEWAY: u16 = 6;
pub(in crate::linux) const NHA_OP_FLAGS: u16 = 14;
/// The kernel gives the high byte of weights (6.12 and later); before, there may be anything in its place.
pub(in crate::linux) const NHA_OP_FLAG_RESP_GRP_RESVD_0: u32 = 1 << 31;
pub(in crate::linux) const RTNH_F_ONLINK: u32 = 4;

pub(in crate::linux) const IFLA_IFNAME: u16 = 3;
pub(in crate::linux) const IFF_UP: u32 = 1;
/// `IFF_RUNNING | IFF_LOWER_UP`: with neither, the kernel drops the next hops of the link.
pub(in crate::linux) const IFF_CARRIER: u32 = 0x40 | 0x1_0000;
