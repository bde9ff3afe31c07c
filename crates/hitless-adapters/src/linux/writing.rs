//! Writes on their way to the kernel: what each needs is told from what is known, many are sent at once, and what the kernel
//! answers becomes their outcomes.

use foldhash::HashSet;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::limits::MAX_REASON;
use hitless_proto::process::fib::{FibKey, GROUP_BASE, NextHop, Route, TableId};
use ipnet::IpNet;
use rustix::io::Errno;

use super::LinuxTable;
use super::batch::Failed;
use super::known::LOCAL_TABLE;
use super::limits::{BATCH_BYTES, BATCH_MESSAGES, MAX_CONFLICTS};
use super::mirror::{HeldHop, HeldRoute, Key, RouteKey, RouteKind};
use super::netlink::Refusal;
use super::netlink::codes::{
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE,
};
use super::survey::Scope;
use super::{next_hop, route};

/// A row of writes being done.
pub(super) struct Run<'a> {
    writes: &'a [Write],
    outcomes: Vec<Option<Outcome>>,
    /// What the messages of the batch being filled are for, one each.
    slots: Vec<Slot>,
    /// The keys among them: a second write of one waits for the first one's answer.
    keys: HashSet<Key>,
    /// Routes to delete once their successors are there.
    succeeded: Vec<(usize, RouteKey, HeldRoute)>,
    /// What is refused since somebody else is in its place is settled by a survey, once.
    surveyed: bool,
}

/// What a message is for.
struct Slot {
    /// Index of the write.
    write: usize,
    undo: Undo,
    deletes: bool,
}

/// What was known before.
enum Undo {
    Route(RouteKey, Option<HeldRoute>),
    Hop(u32, Option<HeldHop>),
    /// The write was done before: this message only clears up after it.
    Nothing,
}

impl Run<'_> {
    /// A part of a write is done; of its parts, a refusal counts.
    fn done(&mut self, write: usize) {
        if self.outcomes[write].is_none() {
            self.outcomes[write] = Some(Ok(()));
        }
    }
}

impl LinuxTable {
    /// Does writes of the fib, in order. One outcome each.
    pub(super) fn write_fib(&mut self, writes: &[Write]) -> Vec<Outcome> {
        let mut run = Run {
            writes,
            outcomes: vec![None; writes.len()],
            slots: Vec::new(),
            keys: HashSet::default(),
            succeeded: Vec::new(),
            surveyed: false,
        };
        self.gateways.clear();
        if !self.adopted
            && let Err(error) = self.adopt()
        {
            let refused = || Err(shortened(format!("the kernel's table cannot be read: {error}")));
            return writes.iter().map(|_| refused()).collect();
        }
        for index in 0..writes.len() {
            self.add(&mut run, index);
        }
        self.flush(&mut run);
        self.wake_if_found();
        let unanswered = || Err("not answered".to_owned());
        run.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unanswered)).collect()
    }

    /// Adds a write to the batch, or refuses it.
    fn add(&mut self, run: &mut Run<'_>, index: usize) {
        if self.batch.len() >= BATCH_MESSAGES || self.batch.bytes() >= BATCH_BYTES {
            self.flush(run);
        }
        if let Err(reason) = self.plan(run, index) {
            run.outcomes[index] = Some(Err(shortened(reason)));
        }
    }

    fn plan(&mut self, run: &mut Run<'_>, index: usize) -> Result<(), String> {
        let write = &run.writes[index];
        let decoded = FibKey::decode(&write.key).map_err(|error| error.to_string())?;
        let key = self.key(&decoded)?;
        if run.keys.contains(&key) {
            self.flush(run);
        }
        if run.slots.is_empty() {
            self.take_events();
            self.batch.begin(&mut self.socket);
        }
        let planned = match (key, &write.part) {
            (Key::Route(key), Some(part)) => {
                let route = Route::decode(part).map_err(|error| error.to_string())?;
                self.plan_route(run, index, key, route)?;
                true
            }
            (Key::Route(key), None) => self.plan_route_delete(run, index, key),
            (Key::Hop(id), Some(part)) => {
                let next_hop = NextHop::decode(part).map_err(|error| error.to_string())?;
                self.plan_hop(run, index, id, next_hop)?
            }
            (Key::Hop(id), None) => self.plan_hop_delete(run, index, id)?,
        };
        if planned {
            run.keys.insert(key);
        } else {
            run.done(index);
        }
        Ok(())
    }

    /// Where a key is in the kernel.
    fn key(&self, key: &FibKey) -> Result<Key, String> {
        let (table, net) = match key {
            FibKey::NextHop(id) => return Ok(Key::Hop(*id)),
            FibKey::Route { table, net } => (*table, *net),
        };
        let own = self.settings.table;
        match table.get() {
            _main if table == TableId::MAIN => Ok(Key::Route(RouteKey { table: own, net })),
            LOCAL_TABLE => Err(format!("table {LOCAL_TABLE} is the kernel's own")),
            other if other == own => Err(format!("table {own} is where this card keeps the main table")),
            other => Ok(Key::Route(RouteKey { table: other, net })),
        }
    }

    fn plan_route(
        &mut self,
        run: &mut Run<'_>,
        index: usize,
        key: RouteKey,
        route: Route,
    ) -> Result<(), String> {
        let hop = self.known.mirror().hop(route.next_hop).ok_or_else(|| absent(route.next_hop))?;
        if matches!(key.net, IpNet::V6(_))
            && matches!(&hop.part, Some(NextHop::Via { gateway, .. }) if gateway.is_ipv4())
        {
            return Err(format!(
                "an IPv6 route cannot use {}: its gateway is IPv4",
                FibKey::NextHop(route.next_hop)
            ));
        }
        let kind = hop.part.as_ref().map_or(RouteKind::NextHop, RouteKind::on);
        let given = route.metric != 0;
        let metric = if given { route.metric } else { route::default_metric(&key.net) };
        let former = self.known.mirror().route(&key).copied();
        let held = HeldRoute { kind, next_hop: route.next_hop, metric, given, round: 0 };
        let same_place = former.is_some_and(|former| former.metric == held.metric);
        // A replacement takes whatever is in that place, so it is for what is known to be ours.
        let how = if same_place || self.settings.take_over { NLM_F_REPLACE } else { NLM_F_EXCL };
        let (encoder, number) = self.batch.next();
        let kind = (RTM_NEWROUTE, NLM_F_CREATE | how);
        route::encode_put(encoder, kind, number, (&key, &held), self.settings.protocol);
        if let Some(former) = former.filter(|_| !same_place) {
            run.succeeded.push((index, key, former));
        }
        let former = self.known.wrote_route(key, Some(held));
        run.slots.push(Slot { write: index, undo: Undo::Route(key, former), deletes: false });
        Ok(())
    }

    /// Says whether there is something to delete.
    fn plan_route_delete(&mut self, run: &mut Run<'_>, index: usize, key: RouteKey) -> bool {
        let Some(former) = self.known.wrote_route(key, None) else { return false };
        let (encoder, number) = self.batch.next();
        route::encode_delete(encoder, (RTM_DELROUTE, 0), number, (&key, &former), self.settings.protocol);
        run.slots.push(Slot { write: index, undo: Undo::Route(key, Some(former)), deletes: true });
        true
    }

    /// Says whether there is something to send.
    fn plan_hop(
        &mut self,
        run: &mut Run<'_>,
        index: usize,
        id: u32,
        next_hop: NextHop,
    ) -> Result<bool, String> {
        if next_hop.is_group() != (id >= GROUP_BASE) {
            return Err(format!("{} cannot change between a next hop and a group", FibKey::NextHop(id)));
        }
        let mirror = self.known.mirror();
        for member in next_hop.members() {
            let held = mirror.hop(member.next_hop).ok_or_else(|| absent(member.next_hop))?;
            if held.is_virtual() {
                let member = FibKey::NextHop(member.next_hop);
                return Err(format!(
                    "{member} cannot be in a group: the kernel has no next hops of its kind"
                ));
            }
        }
        let kind = RouteKind::on(&next_hop);
        let former = mirror.hop(id).and_then(|hop| hop.part.as_ref()).map(RouteKind::on);
        if former.is_some_and(|former| former != kind) && mirror.users(id) > 0 {
            return self.change_kind(run, index, id, next_hop);
        }
        if kind == RouteKind::NextHop {
            return self.send_hop(run, index, id, next_hop).map(|()| true);
        }
        let held = HeldHop { part: Some(next_hop), link: None, round: 0 };
        let former = self.known.wrote_hop(id, Some(held));
        let was_real = former.as_ref().is_some_and(|former| !former.is_virtual());
        if was_real {
            let (encoder, number) = self.batch.next();
            next_hop::encode_delete(encoder, (RTM_DELNEXTHOP, 0), number, id);
            run.slots.push(Slot { write: index, undo: Undo::Hop(id, former), deletes: true });
        }
        Ok(was_real)
    }

    /// A next hop that the kernel has as an object.
    fn send_hop(
        &mut self,
        run: &mut Run<'_>,
        index: usize,
        id: u32,
        next_hop: NextHop,
    ) -> Result<(), String> {
        if matches!(next_hop, NextHop::Via { device: None, .. }) {
            // What is looked up may depend on what is still to be sent.
            self.flush(run);
        }
        let form = self.form(&next_hop)?;
        let ours = self.known.mirror().hop(id).is_some_and(|hop| !hop.is_virtual());
        let how = if ours { NLM_F_REPLACE } else { NLM_F_EXCL };
        let (encoder, number) = self.batch.next();
        let kind = (RTM_NEWNEXTHOP, NLM_F_CREATE | how);
        next_hop::encode_put(encoder, kind, number, (id, &form), self.settings.protocol);
        let held = HeldHop { part: Some(next_hop), link: form.link(), round: 0 };
        let former = self.known.wrote_hop(id, Some(held));
        run.slots.push(Slot { write: index, undo: Undo::Hop(id, former), deletes: false });
        Ok(())
    }

    /// A next hop in use becomes one of the kinds that the kernel has only as types of routes, or was one: its routes are
    /// written anew, each by a replacement. What is refused leaves the rest done, and is told as this write's outcome.
    fn change_kind(
        &mut self,
        run: &mut Run<'_>,
        index: usize,
        id: u32,
        next_hop: NextHop,
    ) -> Result<bool, String> {
        self.flush(run);
        let routes = self.known.mirror().routes_on(&HashSet::from_iter([id]));
        if routes.len() as u64 != self.known.mirror().users(id) {
            return Err(format!(
                "{} is in a group: the kernel has no next hops of that kind",
                FibKey::NextHop(id)
            ));
        }
        let kind = RouteKind::on(&next_hop);
        let former = self.known.mirror().hop(id).cloned();
        if kind == RouteKind::NextHop {
            self.send_hop(run, index, id, next_hop)?;
            self.flush(run);
        } else {
            self.known.wrote_hop(id, Some(HeldHop { part: Some(next_hop), link: None, round: 0 }));
        }
        let failed = |run: &Run<'_>| matches!(run.outcomes[index], Some(Err(_)));
        for key in routes {
            let Some(held) = self.known.mirror().route(&key).copied().filter(|_| !failed(run)) else {
                continue;
            };
            if self.batch.len() >= BATCH_MESSAGES || self.batch.bytes() >= BATCH_BYTES {
                self.flush(run);
            }
            let held = HeldRoute { kind, ..held };
            let (encoder, number) = self.batch.next();
            let how = (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
            route::encode_put(encoder, how, number, (&key, &held), self.settings.protocol);
            let former = self.known.wrote_route(key, Some(held));
            run.slots.push(Slot { write: index, undo: Undo::Route(key, former), deletes: false });
        }
        self.flush(run);
        let was_real = former.as_ref().is_some_and(|former| !former.is_virtual());
        if failed(run) {
            self.known.wrote_hop(id, former);
        } else if was_real && kind != RouteKind::NextHop {
            let (encoder, number) = self.batch.next();
            next_hop::encode_delete(encoder, (RTM_DELNEXTHOP, 0), number, id);
            run.slots.push(Slot { write: index, undo: Undo::Nothing, deletes: true });
        }
        if !failed(run) {
            run.outcomes[index] = Some(Ok(()));
        }
        Ok(true)
    }

    /// Says whether there is something to delete.
    fn plan_hop_delete(&mut self, run: &mut Run<'_>, index: usize, id: u32) -> Result<bool, String> {
        if run.slots.iter().any(|slot| !(slot.deletes && matches!(slot.undo, Undo::Hop(..)))) {
            // Whether it is still in use depends on what becomes of these.
            self.flush(run);
        }
        if self.known.mirror().hop(id).is_none() {
            return Ok(false);
        }
        // The kernel would delete what uses it along with it, without a word.
        match self.known.mirror().users(id) {
            0 => {}
            users => return Err(format!("{} is in use by {users} routes or groups", FibKey::NextHop(id))),
        }
        let former = self.known.wrote_hop(id, None);
        if former.as_ref().is_some_and(HeldHop::is_virtual) {
            return Ok(false);
        }
        let (encoder, number) = self.batch.next();
        next_hop::encode_delete(encoder, (RTM_DELNEXTHOP, 0), number, id);
        run.slots.push(Slot { write: index, undo: Undo::Hop(id, former), deletes: true });
        Ok(true)
    }

    /// Sends the batch, and settles what it was for.
    fn flush(&mut self, run: &mut Run<'_>) {
        let slots = std::mem::take(&mut run.slots);
        if self.crossed.is_empty() {
            std::mem::swap(&mut self.crossed, &mut run.keys);
        }
        self.crossed.extend(run.keys.drain());
        let contested = match self.batch.exchange(&mut self.socket) {
            Ok(answers) => self.settle(run, slots, answers),
            Err(Failed::NotSent(error)) => {
                for slot in slots {
                    self.undo(slot.undo);
                    run.outcomes[slot.write] =
                        Some(Err(shortened(format!("nothing can be sent to the kernel: {error}"))));
                }
                Vec::new()
            }
            Err(Failed::Lost(error)) => {
                self.look_what_became(run, slots, &error);
                Vec::new()
            }
        };
        self.batch.begin(&mut self.socket);
        self.clear_up(run);
        if !contested.is_empty() {
            self.contest(run, contested);
        }
    }

    /// Turns answers into outcomes; gives the writes in whose place something else is.
    fn settle(&mut self, run: &mut Run<'_>, slots: Vec<Slot>, answers: Vec<Option<Refusal>>) -> Vec<usize> {
        let mut contested = Vec::new();
        for (slot, answer) in slots.into_iter().zip(answers) {
            let outcome = match answer {
                None => Ok(()),
                // It was not there.
                Some(refusal) if slot.deletes && matches!(refusal.errno, Errno::SRCH | Errno::NOENT) => {
                    Ok(())
                }
                Some(refusal) => {
                    if refusal.errno == Errno::EXIST {
                        contested.push(slot.write);
                    }
                    self.undo(slot.undo);
                    Err(shortened(refusal.to_string()))
                }
            };
            match outcome {
                Ok(()) => run.done(slot.write),
                Err(reason) => run.outcomes[slot.write] = Some(Err(reason)),
            }
        }
        contested
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Route(key, former) => drop(self.known.wrote_route(key, former)),
            Undo::Hop(id, former) => drop(self.known.wrote_hop(id, former)),
            Undo::Nothing => {}
        }
    }

    /// Deletes the predecessors of what was written under another metric, now that that is there.
    fn clear_up(&mut self, run: &mut Run<'_>) {
        for (index, key, former) in std::mem::take(&mut run.succeeded) {
            if run.outcomes[index] != Some(Ok(())) {
                continue;
            }
            let (encoder, number) = self.batch.next();
            route::encode_delete(encoder, (RTM_DELROUTE, 0), number, (&key, &former), self.settings.protocol);
            run.slots.push(Slot { write: index, undo: Undo::Nothing, deletes: true });
        }
        if !run.slots.is_empty() {
            self.flush(run);
        }
    }

    /// Somebody is where these were to be added. If it is ourselves (what is known was wrong), they are written again; if not,
    /// that is why they are refused.
    fn contest(&mut self, run: &mut Run<'_>, contested: Vec<usize>) {
        let key = |table: &Self, index: &usize| {
            let decoded = FibKey::decode(&run.writes[*index].key).ok()?;
            Some((decoded, table.key(&decoded).ok()?))
        };
        let keys: Vec<(usize, FibKey, Key)> = contested
            .iter()
            .filter_map(|index| key(self, index).map(|(decoded, key)| (*index, decoded, key)))
            .collect();
        let is_new = |key: &Key| match key {
            Key::Route(key) => !self.conflicts.contains(key),
            Key::Hop(_) => true,
        };
        let again = !run.surveyed && keys.iter().any(|(_, _, key)| is_new(key));
        if again {
            run.surveyed = true;
            if let Err(error) = self.survey_now(Scope::All) {
                self.blind.push(error.to_string());
            }
        }
        for (index, decoded, key) in keys {
            let ours = match &key {
                Key::Hop(id) => self.known.mirror().hop(*id).is_some(),
                Key::Route(key) => self.known.mirror().route(key).is_some(),
            };
            if ours && again {
                run.outcomes[index] = None;
                self.add(run, index);
                continue;
            }
            let reason = match key {
                Key::Hop(id) => format!(
                    "{decoded}: the kernel's next-hop id {id} belongs to another program (`ip nexthop show id {id}`)"
                ),
                Key::Route(key) => {
                    if self.conflicts.len() < MAX_CONFLICTS {
                        self.conflicts.insert(key);
                    }
                    format!(
                        "another program's route to {} with the same metric is in table {} (`ip route show {}`): \
                         remove it, or set take_over",
                        key.net, key.table, key.net
                    )
                }
            };
            run.outcomes[index] = Some(Err(shortened(reason)));
        }
    }

    /// The kernel may have done some of it, and we shall never hear of which: its table tells.
    fn look_what_became(&mut self, run: &mut Run<'_>, slots: Vec<Slot>, error: &std::io::Error) {
        let written: Vec<usize> = slots.iter().map(|slot| slot.write).collect();
        slots.into_iter().for_each(|slot| self.undo(slot.undo));
        let looked = self.reopen().and_then(|()| self.survey_now(Scope::All));
        self.survey_due |= looked.is_err();
        for index in written {
            let write = &run.writes[index];
            let decoded = FibKey::decode(&write.key).map_err(|error| error.to_string());
            let Ok(key) = decoded.and_then(|decoded| self.key(&decoded)) else { continue };
            let there = match key {
                Key::Hop(id) => self.known.mirror().hop(id).map(HeldHop::part_bytes),
                Key::Route(key) => self.known.mirror().route(&key).map(HeldRoute::part),
            };
            run.outcomes[index] = Some(match &looked {
                Ok(()) if there == write.part => Ok(()),
                Ok(()) => {
                    Err(shortened(format!("the kernel did not do it, and its answer was lost: {error}")))
                }
                Err(blind) => Err(shortened(format!(
                    "the kernel's answer was lost ({error}), and so was its table ({blind})"
                ))),
            });
        }
    }
}

fn absent(id: u32) -> String {
    format!("{} is not in the table", FibKey::NextHop(id))
}

/// At most as long as a reason may be.
fn shortened(mut reason: String) -> String {
    let end = (0..=MAX_REASON.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
    reason.truncate(end.unwrap_or(0));
    reason
}
