//! The fib itself: what a switch chip holds, with its rules on references.

use std::collections::HashMap;
use std::net::IpAddr;

use hitless_proto::entry::Blob;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::{FibKey, GROUP_BASE, NextHop, Route, TableId};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// Where a packet goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// The route that won: the longest prefix.
    pub prefix: IpNet,
    /// The id of its next hop or group.
    pub id: u32,
    /// The metric of the route; 0: none.
    pub metric: u32,
    /// That next hop or group.
    pub next_hop: NextHop,
}

/// Routes, and the next hops and groups that they use. A route cannot be without its next hop, nor a group without a
/// member: what lacks one is refused, and so is the deletion of what is used, as hardware does. (The Linux kernel
/// deletes the routes along instead: nobody is told, and the table differs from what was acked.)
#[derive(Debug, Default)]
pub(super) struct FibTable {
    /// Only tables that have routes.
    tables: HashMap<TableId, Routes>,
    next_hops: HashMap<u32, Held>,
}

/// The routes of one table.
#[derive(Debug, Default)]
struct Routes {
    v4: PrefixMap<Ipv4Net, Route>,
    v6: PrefixMap<Ipv6Net, Route>,
}

#[derive(Debug)]
struct Held {
    next_hop: NextHop,
    /// Routes and groups that name it.
    users: u64,
}

impl Routes {
    fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    fn longest(&self, destination: IpAddr) -> Option<(IpNet, Route)> {
        match destination {
            IpAddr::V4(address) => {
                let (net, route) = self.v4.get_lpm(&Ipv4Net::from(address))?;
                Some((IpNet::V4(net), *route))
            }
            IpAddr::V6(address) => {
                let (net, route) = self.v6.get_lpm(&Ipv6Net::from(address))?;
                Some((IpNet::V6(net), *route))
            }
        }
    }

    fn holds(&self, net: &IpNet) -> bool {
        match net {
            IpNet::V4(net) => self.v4.contains_key(net),
            IpNet::V6(net) => self.v6.contains_key(net),
        }
    }

    fn insert(&mut self, net: IpNet, route: Route) -> Option<Route> {
        match net {
            IpNet::V4(net) => self.v4.insert(net, route),
            IpNet::V6(net) => self.v6.insert(net, route),
        }
    }

    fn remove(&mut self, net: IpNet) -> Option<Route> {
        match net {
            IpNet::V4(net) => self.v4.remove(&net),
            IpNet::V6(net) => self.v6.remove(&net),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (IpNet, Route)> {
        let v4 = self.v4.iter().map(|(net, route)| (IpNet::V4(net), *route));
        v4.chain(self.v6.iter().map(|(net, route)| (IpNet::V6(net), *route)))
    }
}

impl FibTable {
    pub(super) fn len(&self) -> usize {
        self.tables.values().map(Routes::len).sum::<usize>() + self.next_hops.len()
    }

    pub(super) fn lookup(&self, table: TableId, destination: IpAddr) -> Option<Forwarding> {
        let (prefix, Route { next_hop: id, metric }) = self.tables.get(&table)?.longest(destination)?;
        let next_hop = self.next_hops.get(&id)?.next_hop.clone();
        Some(Forwarding { prefix, id, metric, next_hop })
    }

    pub(super) fn holds(&self, key: &Blob) -> bool {
        match FibKey::decode(key) {
            Ok(FibKey::NextHop(id)) => self.next_hops.contains_key(&id),
            Ok(FibKey::Route { table, net }) => {
                self.tables.get(&table).is_some_and(|routes| routes.holds(&net))
            }
            Err(_) => false,
        }
    }

    pub(super) fn write(&mut self, write: &Write) -> Outcome {
        match (FibKey::decode(&write.key).map_err(|error| error.to_string())?, &write.part) {
            (FibKey::Route { table, net }, None) => {
                self.delete_route(table, net);
                Ok(())
            }
            (FibKey::Route { table, net }, Some(part)) => {
                let route = Route::decode(part).map_err(|error| error.to_string())?;
                self.put_route(table, net, route)
            }
            (FibKey::NextHop(id), None) => self.delete_next_hop(id),
            (FibKey::NextHop(id), Some(part)) => {
                self.put_next_hop(id, NextHop::decode(part).map_err(|error| error.to_string())?)
            }
        }
    }

    pub(super) fn dump(&self) -> Vec<(Blob, Blob)> {
        let hops = self.next_hops.iter().map(|(id, held)| (FibKey::NextHop(*id), held.next_hop.encode()));
        let routes = self.tables.iter().flat_map(|(&table, routes)| {
            routes.iter().map(move |(net, route)| (FibKey::Route { table, net }, route.encode()))
        });
        hops.chain(routes).map(|(key, part)| (key.encode(), part)).collect()
    }

    fn put_route(&mut self, table: TableId, net: IpNet, route: Route) -> Outcome {
        self.hold(route.next_hop)?;
        let former = self.tables.entry(table).or_default().insert(net, route);
        self.release(former.map(|former| former.next_hop));
        Ok(())
    }

    fn delete_route(&mut self, table: TableId, net: IpNet) {
        let Some(routes) = self.tables.get_mut(&table) else { return };
        let former = routes.remove(net);
        if routes.len() == 0 {
            self.tables.remove(&table);
        }
        self.release(former.map(|former| former.next_hop));
    }

    fn put_next_hop(&mut self, id: u32, next_hop: NextHop) -> Outcome {
        if next_hop.is_group() != (id >= GROUP_BASE) {
            return Err(format!("{} cannot change between a next hop and a group", FibKey::NextHop(id)));
        }
        let members = members(&next_hop);
        if let Some(absent) = members.iter().find(|member| !self.next_hops.contains_key(member)) {
            return Err(absent_text(*absent));
        }
        for member in members {
            self.hold(member)?;
        }
        let users = self.next_hops.get(&id).map_or(0, |held| held.users);
        if let Some(former) = self.next_hops.insert(id, Held { next_hop, users }) {
            self.release_members(&former.next_hop);
        }
        Ok(())
    }

    fn delete_next_hop(&mut self, id: u32) -> Outcome {
        match self.next_hops.get(&id) {
            Some(Held { users, .. }) if *users > 0 => {
                return Err(format!("{} is in use by {users} routes or groups", FibKey::NextHop(id)));
            }
            Some(_) | None => {}
        }
        if let Some(former) = self.next_hops.remove(&id) {
            self.release_members(&former.next_hop);
        }
        Ok(())
    }

    fn hold(&mut self, id: u32) -> Outcome {
        let held = self.next_hops.get_mut(&id).ok_or_else(|| absent_text(id))?;
        held.users += 1;
        Ok(())
    }

    fn release(&mut self, id: impl IntoIterator<Item = u32>) {
        for id in id {
            if let Some(held) = self.next_hops.get_mut(&id) {
                held.users = held.users.saturating_sub(1);
            }
        }
    }

    fn release_members(&mut self, next_hop: &NextHop) {
        self.release(members(next_hop));
    }
}

fn members(next_hop: &NextHop) -> Vec<u32> {
    next_hop.members().iter().map(|member| member.next_hop).collect()
}

fn absent_text(id: u32) -> String {
    format!("{} is not in the table", FibKey::NextHop(id))
}
