//! Names and addresses of the router: who has which link, with which addresses, in which network namespace.
//!
//! ```text
//!              hub: the demo itself and the BGP speaker
//!          u1 /      u2 |         | c1      \ c2            10.255.N.0/24: the control network
//!        ctl /      ctl |         | ctl      \ ctl
//!     unit-1        unit-2     card-1        card-2
//!     out1, out2    out1, out2   | in, out1,   | in, out1,  10.0.N.0/24, fd00:N::/64
//!     (to nowhere)  (to nowhere) | out2        | out2
//!                                |             |
//!     source: c1, c2 to `in` of card-1, card-2              10.254.N.0/24, fd00:254:N::/64
//!     sink: c1o1, c1o2, c2o1, c2o2 to `out1`, `out2` of card-1, card-2
//! ```
//!
//! `out1` and `out2` are named and numbered alike at both cards, and exist at the units too: what zebra says of next hops there
//! is true at every card.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hitless_proto::ids::{CardId, Party, UnitId};

/// Control units.
pub(super) const UNITS: [UnitId; 2] = [UnitId(1), UnitId(2)];
/// Cards.
pub(super) const CARDS: [CardId; 2] = [CardId(1), CardId(2)];
/// Links of a card towards the sink: every route is spread over both.
pub(super) const OUTS: [u8; 2] = [1, 2];
/// Routers behind each of these links, as last octet of their addresses: the sink is all of them.
pub(super) const HOPS: std::ops::RangeInclusive<u8> = 2..=9;
/// Where FRR's zebra finds its control unit, in the unit's namespace.
pub(super) const FPM: &str = "127.0.0.1:2620";
/// Announced when all else is; sorts behind every other prefix.
pub(super) const SENTINEL: &str = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128";
/// The AS of everybody: BGP is internal, so that next hops are looked up in the routes of the unit.
pub(super) const AS: u32 = 65_000;

const PROTOCOL_PORT: u16 = 4701;
const ADMIN_PORT: u16 = 4801;
const BGP_PORT: u16 = 179;

/// The host part of the hub's end of each control link.
const HUB: u8 = 254;

/// Third octet of a party's control link.
fn number(party: Party) -> u8 {
    match party {
        Party::Unit(unit) => unit.0,
        // Two cards: no overflow, and no unit has such a number.
        Party::Card(card) => 100 + card.0 as u8,
    }
}

fn control(party: Party) -> Ipv4Addr {
    Ipv4Addr::new(10, 255, number(party), 1)
}

/// The hub's address on a party's control link.
pub(super) fn hub_on(party: Party) -> Ipv4Addr {
    Ipv4Addr::new(10, 255, number(party), HUB)
}

/// The hub's end of a party's control link.
pub(super) fn hub_link(party: Party) -> String {
    match party {
        Party::Unit(unit) => format!("u{}", unit.0),
        Party::Card(card) => format!("c{}", card.0),
    }
}

/// Where a unit's parties dial it.
pub(super) fn protocol(unit: UnitId) -> SocketAddr {
    (control(Party::Unit(unit)), PROTOCOL_PORT).into()
}

/// Where a party's admin API listens.
pub(super) fn admin(party: Party) -> SocketAddr {
    (control(party), ADMIN_PORT).into()
}

/// Where a unit's bgpd listens.
pub(super) fn bgp(unit: UnitId) -> SocketAddr {
    (control(Party::Unit(unit)), BGP_PORT).into()
}

/// The router behind a link, of the family.
pub(super) fn gateway(v4: bool, out: u8, hop: u8) -> IpAddr {
    if v4 {
        IpAddr::V4(Ipv4Addr::new(10, 0, out, hop))
    } else {
        IpAddr::V6(Ipv6Addr::new(0xfd00, u16::from(out), 0, 0, 0, 0, 0, u16::from(hop)))
    }
}

/// The next hop that BGP announces: units know it to be behind both links.
pub(super) fn bgp_next_hop(v4: bool, hop: u8) -> IpAddr {
    if v4 {
        IpAddr::V4(Ipv4Addr::new(10, 9, 0, hop))
    } else {
        IpAddr::V6(Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, u16::from(hop)))
    }
}

/// All parties, units first.
pub(super) fn parties() -> impl Iterator<Item = Party> {
    UNITS.into_iter().map(Party::Unit).chain(CARDS.into_iter().map(Party::Card))
}

/// Lines for `ip -batch` that lay the links between the namespaces; `name` gives a namespace's full name.
pub(super) fn links(name: impl Fn(&str) -> String) -> Vec<String> {
    let veth = |end: &str, at: &str, other: &str, place: &str| {
        format!("link add {end} netns {} type veth peer name {other} netns {}", name(at), name(place))
    };
    let mut lines = Vec::new();
    for party in parties() {
        lines.push(veth("ctl", &party.to_string(), &hub_link(party), "hub"));
    }
    for unit in UNITS {
        for out in OUTS {
            lines.push(veth(
                &format!("out{out}"),
                &unit.to_string(),
                &format!("end{out}"),
                &unit.to_string(),
            ));
        }
    }
    for card in CARDS {
        lines.push(veth("in", &card.to_string(), &format!("c{}", card.0), "source"));
        for out in OUTS {
            lines.push(veth(&format!("out{out}"), &card.to_string(), &sink_link(card, out), "sink"));
        }
    }
    lines
}

/// The sink's end of a card's link.
pub(super) fn sink_link(card: CardId, out: u8) -> String {
    format!("c{}o{out}", card.0)
}

/// The source's end of a card's link.
pub(super) fn source_link(card: CardId) -> String {
    format!("c{}", card.0)
}

/// A namespace, what `/proc/sys/net` is to hold there before and when the links are there, and lines for `ip -batch`.
#[derive(Default)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) settings: Vec<(&'static str, &'static str)>,
    pub(super) link_settings: Vec<(&'static str, &'static str)>,
    pub(super) lines: Vec<String>,
}

const ROUTER: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    // Else every change of a next hop is told once for each route on it.
    ("ipv4/nexthop_compat_mode", "0"),
];

/// Of a card's links. A link may come up before its far end answers: packets wait at the card until it is asked
/// again for the neighbour, by default after a second, and no more than some hundred may wait.
const NEIGHBOURS: [(&str, &str); 8] = [
    ("ipv4/neigh/out1/retrans_time_ms", "50"),
    ("ipv4/neigh/out2/retrans_time_ms", "50"),
    ("ipv6/neigh/out1/retrans_time_ms", "50"),
    ("ipv6/neigh/out2/retrans_time_ms", "50"),
    ("ipv4/neigh/out1/mcast_solicit", "20"),
    ("ipv4/neigh/out2/mcast_solicit", "20"),
    ("ipv6/neigh/out1/mcast_solicit", "20"),
    ("ipv6/neigh/out2/mcast_solicit", "20"),
];

/// All namespaces. Each has what is to be done when the links are there.
pub(super) fn places() -> Vec<Place> {
    let mut places = vec![hub(), source(), sink()];
    places.extend(UNITS.map(unit));
    places.extend(CARDS.map(card));
    places
}

fn hub() -> Place {
    let mut lines = up("lo");
    for party in parties() {
        lines.push(format!("address add {}/24 dev {}", hub_on(party), hub_link(party)));
        lines.extend(up(&hub_link(party)));
    }
    Place { name: "hub".to_owned(), settings: ROUTER[..4].to_vec(), lines, ..Place::default() }
}

fn up(link: &str) -> Vec<String> {
    vec![format!("link set {link} up")]
}

/// A party's own end of its control link.
fn control_lines(party: Party) -> Vec<String> {
    let mut lines = up("lo");
    lines.push(format!("address add {}/24 dev ctl", control(party)));
    lines.extend(up("ctl"));
    lines.push(format!("route add 10.255.0.0/16 via {}", hub_on(party)));
    lines
}

/// A card's side of the links to the sink; `nodad`, or IPv6 addresses could not be used at once.
fn out_lines() -> Vec<String> {
    let mut lines = Vec::new();
    for out in OUTS {
        for v4 in [true, false] {
            let length = if v4 { "24" } else { "64 nodad" };
            lines.push(format!("address add {}/{length} dev out{out}", gateway(v4, out, 1)));
        }
        lines.extend(up(&format!("out{out}")));
    }
    lines
}

fn unit(unit: UnitId) -> Place {
    let mut lines = control_lines(Party::Unit(unit));
    lines.extend(OUTS.iter().flat_map(|out| up(&format!("end{out}"))));
    lines.extend(out_lines());
    for hop in HOPS {
        for v4 in [true, false] {
            let ways: Vec<String> =
                OUTS.iter().map(|out| format!("nexthop via {}", gateway(v4, *out, hop))).collect();
            lines.push(format!("route add {} {}", bgp_next_hop(v4, hop), ways.join(" ")));
        }
    }
    Place { name: unit.to_string(), settings: ROUTER.to_vec(), lines, ..Place::default() }
}

fn card(card: CardId) -> Place {
    let mut lines = control_lines(Party::Card(card));
    lines.push(format!("address add 10.254.{}.1/24 dev in", card.0));
    lines.push(format!("address add fd00:254:{}::1/64 dev in nodad", card.0));
    lines.extend(up("in"));
    lines.extend(out_lines());
    Place { name: card.to_string(), settings: ROUTER.to_vec(), link_settings: NEIGHBOURS.to_vec(), lines }
}

/// Each link has a default route; which one a packet takes is said by the socket.
fn source() -> Place {
    let mut lines = up("lo");
    for card in CARDS {
        let (link, number) = (source_link(card), card.0);
        lines.push(format!("address add 10.254.{number}.2/24 dev {link}"));
        lines.push(format!("address add fd00:254:{number}::2/64 dev {link} nodad"));
        lines.extend(up(&link));
        lines.push(format!("route add 0.0.0.0/0 via 10.254.{number}.1 dev {link} metric {number}"));
        lines.push(format!("route add ::/0 via fd00:254:{number}::1 dev {link} metric {number}"));
    }
    Place { name: "source".to_owned(), settings: ROUTER[2..4].to_vec(), lines, ..Place::default() }
}

/// Every address is the sink's own. The links of both cards have the same addresses: the cards are told the same gateways.
fn sink() -> Place {
    let mut lines = up("lo");
    for card in CARDS {
        for out in OUTS {
            let link = sink_link(card, out);
            for hop in HOPS {
                lines.push(format!("address add {}/24 dev {link}", gateway(true, out, hop)));
                lines.push(format!("address add {}/64 dev {link} nodad", gateway(false, out, hop)));
            }
            lines.extend(up(&link));
        }
    }
    lines.push("route add local 0.0.0.0/0 dev lo".to_owned());
    lines.push("route add local ::/0 dev lo".to_owned());
    let mut settings = ROUTER[2..4].to_vec();
    // The source's address is covered by the route above, and is not the sink's.
    settings.push(("ipv4/conf/all/accept_local", "1"));
    // The addresses of a link that goes down are there when it comes up.
    settings.push(("ipv6/conf/all/keep_addr_on_down", "1"));
    settings.push(("ipv6/conf/default/keep_addr_on_down", "1"));
    Place { name: "sink".to_owned(), settings, lines, ..Place::default() }
}
