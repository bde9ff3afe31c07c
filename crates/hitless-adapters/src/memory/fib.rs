//! The fib itself: what a switch chip holds, with its rules on references.

use std::collections::HashMap;
use std::net::IpAddr;

use hitless_proto::entry::Blob;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::{FibKey, GROUP_BASE, NextHop, Route, TableId};
use ipnet::IpNet;

use crate::route_map::RouteMap;

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
    routes: RouteMap<TableId, Route>,
    next_hops: HashMap<u32, Held>,
}

#[derive(Debug)]
struct Held {
    next_hop: NextHop,
    /// Routes and groups that name it.
    users: u64,
}

impl FibTable {
    pub(super) fn len(&self) -> usize {
        self.routes.len() + self.next_hops.len()
    }

    pub(super) fn lookup(&self, table: TableId, destination: IpAddr) -> Option<Forwarding> {
        let (prefix, &Route { next_hop: id, metric }) = self.routes.longest(table, destination)?;
        let next_hop = self.next_hops.get(&id)?.next_hop.clone();
        Some(Forwarding { prefix, id, metric, next_hop })
    }

    pub(super) fn holds(&self, key: &Blob) -> bool {
        match FibKey::decode(key) {
            Ok(FibKey::NextHop(id)) => self.next_hops.contains_key(&id),
            Ok(FibKey::Route { table, net }) => self.routes.get(table, &net).is_some(),
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
        let routes = self.routes.iter();
        let routes = routes.map(|(table, net, route)| (FibKey::Route { table, net }, route.encode()));
        hops.chain(routes).map(|(key, part)| (key.encode(), part)).collect()
    }

    fn put_route(&mut self, table: TableId, net: IpNet, route: Route) -> Outcome {
        self.hold(route.next_hop)?;
        let former = self.routes.insert(table, net, route);
        self.release(former.map(|former| former.next_hop));
        Ok(())
    }

    fn delete_route(&mut self, table: TableId, net: IpNet) {
        let former = self.routes.remove(table, &net);
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
