//! What is ours in the kernel, as far as we know: what the kernel answered to our writes, and what dumps and notifications told
//! since. It says how a write is to be made (add or replace), and what depends on what.

use foldhash::{HashMap, HashSet};
use hitless_proto::entry::Blob;
use hitless_proto::process::fib::{FibKey, NextHop, Route, TableId};
use ipnet::IpNet;

use crate::route_map::RouteMap;

/// A route's key: its destination in one of the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RouteKey {
    pub(super) table: u32,
    pub(super) net: IpNet,
}

/// Where a route goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RouteKind {
    /// To a next-hop object.
    NextHop,
    /// Nowhere, and the sender is told that it is unreachable. The kernel has no next-hop object for that: it is a type of route.
    Unreachable,
    /// Nowhere, and the sender is told that it is prohibited. Likewise.
    Prohibit,
    /// Where no card part leads: somebody else has written it under our name.
    Other,
}

/// A route of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HeldRoute {
    pub(super) kind: RouteKind,
    /// 0: not known.
    pub(super) next_hop: u32,
    /// As the kernel has it. Part of what identifies a route there.
    pub(super) metric: u32,
    /// The metric was asked for, and is not the kernel's own.
    pub(super) given: bool,
    /// The survey that saw it last, or during which it was written.
    pub(super) round: u32,
}

/// A next hop or group of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldHop {
    /// `None`: no card part says what it is, so somebody else has written it under our name.
    pub(super) part: Option<NextHop>,
    pub(super) link: Option<u32>,
    pub(super) round: u32,
}

/// What is written and found: next hops come before routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Hop(u32),
    Route(RouteKey),
}

#[derive(Debug, Default)]
pub(super) struct Mirror {
    hops: HashMap<u32, HeldHop>,
    routes: RouteMap<u32, HeldRoute>,
    /// Routes and groups that name a next hop, by its id.
    users: HashMap<u32, u64>,
}

impl Mirror {
    pub(super) fn hop(&self, id: u32) -> Option<&HeldHop> {
        self.hops.get(&id)
    }

    pub(super) fn hop_mut(&mut self, id: u32) -> Option<&mut HeldHop> {
        self.hops.get_mut(&id)
    }

    pub(super) fn route(&self, key: &RouteKey) -> Option<&HeldRoute> {
        self.routes.get(key.table, &key.net)
    }

    /// How many routes and groups name it.
    pub(super) fn users(&self, id: u32) -> u64 {
        self.users.get(&id).copied().unwrap_or(0)
    }

    pub(super) fn hops(&self) -> impl Iterator<Item = (u32, &HeldHop)> {
        self.hops.iter().map(|(id, held)| (*id, held))
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = (RouteKey, &HeldRoute)> {
        self.routes.iter().map(|(table, net, route)| (RouteKey { table, net }, route))
    }

    /// What is held under a route's key from now on, or nothing; gives what was.
    pub(super) fn set_route(&mut self, key: RouteKey, route: Option<HeldRoute>) -> Option<HeldRoute> {
        if let Some(route) = &route {
            self.hold(route.next_hop);
        }
        let former = match route {
            Some(route) => self.routes.insert(key.table, key.net, route),
            None => self.routes.remove(key.table, &key.net),
        };
        if let Some(former) = &former {
            self.release(former.next_hop);
        }
        former
    }

    /// What is held under an id from now on, or nothing; gives what was.
    pub(super) fn set_hop(&mut self, id: u32, hop: Option<HeldHop>) -> Option<HeldHop> {
        hop.iter().flat_map(members).for_each(|member| self.hold(member));
        let former = match hop {
            Some(hop) => self.hops.insert(id, hop),
            None => self.hops.remove(&id),
        };
        former.iter().flat_map(members).for_each(|member| self.release(member));
        former
    }

    /// The first of our next hops for routes of this kind, which the kernel tells nothing of but the kind.
    pub(super) fn hop_of(&self, kind: RouteKind) -> Option<u32> {
        let of_kind = |(_, hop): &(&u32, &HeldHop)| {
            hop.is_virtual() && hop.part.as_ref().map(RouteKind::on) == Some(kind)
        };
        self.hops.iter().filter(of_kind).map(|(id, _)| *id).min()
    }

    /// The keys of routes that name any of these.
    pub(super) fn routes_on(&self, ids: &HashSet<u32>) -> Vec<RouteKey> {
        let on = self.routes().filter(|(_, route)| ids.contains(&route.next_hop));
        on.map(|(key, _)| key).collect()
    }

    fn hold(&mut self, id: u32) {
        *self.users.entry(id).or_default() += 1;
    }

    fn release(&mut self, id: u32) {
        if let Some(users) = self.users.get_mut(&id) {
            *users = users.saturating_sub(1);
            if *users == 0 {
                self.users.remove(&id);
            }
        }
    }
}

/// The members of a group, as ids.
pub(super) fn members(hop: &HeldHop) -> Vec<u32> {
    hop.part.iter().flat_map(NextHop::members).map(|member| member.next_hop).collect()
}

impl Key {
    /// The key in the fib; `own_table` is the kernel's table for routes of the main one.
    pub(super) fn encode(&self, own_table: u32) -> Blob {
        match self {
            Self::Hop(id) => FibKey::NextHop(*id).encode(),
            Self::Route(RouteKey { table, net }) => {
                let other = TableId::new(*table).ok().filter(|_| *table != own_table);
                FibKey::Route { table: other.unwrap_or(TableId::MAIN), net: *net }.encode()
            }
        }
    }
}

impl RouteKind {
    /// The kind of routes on this next hop.
    pub(super) fn on(next_hop: &NextHop) -> Self {
        match next_hop {
            NextHop::Unreachable => Self::Unreachable,
            NextHop::Prohibit => Self::Prohibit,
            NextHop::Blackhole | NextHop::Via { .. } | NextHop::Link(_) | NextHop::Group(_) => Self::NextHop,
        }
    }
}

impl HeldRoute {
    /// Whether the kernel has the same.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let way = self.kind != RouteKind::NextHop || self.next_hop == other.next_hop;
        way && (self.kind, self.metric) == (other.kind, other.metric)
    }

    /// The card part; bytes that are none where there is none for it.
    pub(super) fn part(&self) -> Blob {
        if self.next_hop == 0 || self.kind == RouteKind::Other {
            return Blob::default();
        }
        Route { next_hop: self.next_hop, metric: if self.given { self.metric } else { 0 } }.encode()
    }
}

impl HeldHop {
    /// Whether the kernel knows nothing of it: it is only in its routes.
    pub(super) fn is_virtual(&self) -> bool {
        self.part.as_ref().is_some_and(|part| RouteKind::on(part) != RouteKind::NextHop)
    }

    /// The card part; bytes that are none where there is none for it.
    pub(super) fn part_bytes(&self) -> Blob {
        self.part.as_ref().map_or_else(Blob::default, NextHop::encode)
    }
}
