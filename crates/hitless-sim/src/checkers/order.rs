//! A route never lacks its next hop: what is sent again goes in dependency order, and where a channel is in step no route is
//! written whose next hop the primary has and the forwarding table has not.

use std::collections::BTreeMap;
use std::sync::Arc;

use hitless_proto::ControlUnit;
use hitless_proto::entry::CardOp;
use hitless_proto::entry::{Blob, Origin, Update};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, UnitId, Version};
use hitless_proto::io::{Outcome, Write};
use hitless_proto::message::{Fill, Message, ToCard};
use hitless_proto::process::{Process, Processes, fib};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Order {
    processes: Processes,
    /// Of the replay of each epoch: where its last op stands in the order.
    replays: BTreeMap<(UnitId, ProcessId), (Epoch, (bool, u8))>,
    /// After which op a channel began.
    bases: BTreeMap<(Party, ProcessId), Seq>,
}

/// Puts by rising rank, then deletes by falling rank.
fn place(process: &dyn Process, key: &[u8], deletes: bool) -> (bool, u8) {
    let rank = process.rank(key);
    (deletes, if deletes { u8::MAX - rank } else { rank })
}

/// The key of the next hop that a route uses.
fn next_hop(key: &[u8], part: &[u8]) -> Option<Blob> {
    let route = matches!(fib::FibKey::decode(key), Ok(fib::FibKey::Route { .. }));
    let id = fib::Route::decode(part).ok().filter(|_| route)?.next_hop;
    Some(fib::FibKey::NextHop(id).encode())
}

impl Order {
    fn process(&mut self, world: &World, id: ProcessId) -> Option<&dyn Process> {
        if self.processes.is_empty() {
            self.processes = (world.make_processes)();
        }
        self.processes.iter().find(|of| of.id() == id).map(|of| &**of)
    }

    fn issued(
        &mut self,
        world: &World,
        (unit, id): (UnitId, ProcessId),
        update: &Update,
    ) -> Result<(), String> {
        if update.origin != Origin::Replay {
            return Ok(());
        }
        let Some(process) = self.process(world, id) else { return Ok(()) };
        let now = (update.version.epoch, place(process, &update.key, update.content.is_none()));
        let before = self.replays.insert((unit, id), now).filter(|before| before.0 == now.0);
        match before.filter(|before| before.1 > now.1) {
            Some(before) => {
                Err(format!("{unit} {id} replays {update:?} after what stands at {:?}", before.1))
            }
            None => Ok(()),
        }
    }

    fn filled(&mut self, world: &World, to: Party, fill: &Fill<CardOp>) -> Result<(), String> {
        let base = self.bases.get(&(to, fill.process)).copied().unwrap_or_default();
        let Some(process) = self.process(world, fill.process) else { return Ok(()) };
        // What was changed since the channel began was sent as an op: here it comes too late to do harm.
        let old = fill.entries.iter().filter(|op| op.version.seq <= base);
        let places: Vec<_> = old.map(|op| place(process, &op.key, op.content.is_none())).collect();
        if places.is_sorted() {
            return Ok(());
        }
        Err(format!("{to} {} is filled in this order (delete, rank): {places:?}", fill.process))
    }
}

/// The version of the op after a position that asks for a write.
fn issued(unit: &ControlUnit, after: Seq, write: &Write) -> Option<Version> {
    let is_it = |op: &&Arc<Update>| {
        op.key == write.key && op.content.as_ref().map(|of| &of.card_part) == write.part.as_ref()
    };
    let mut ops = (after.0 + 1..).map_while(|seq| unit.logged(fib::ID, Seq(seq)));
    ops.find(is_it).map(|op| op.version)
}

/// Routes of this batch whose next hop is missing.
fn lacking(scene: &Scene<'_>, id: CardId, writes: &[Write], outcomes: &[Outcome]) -> Option<String> {
    let world = scene.world;
    let (card, table) = (world.card(id)?, world.table(id, fib::ID)?);
    let (epoch, owner) = card.promised();
    let progress = card.progress(fib::ID).filter(|progress| progress.in_step && progress.epoch == epoch)?;
    let unit = world.unit(owner)?;
    // A mend answers no op: the route is as old as what the card holds.
    let mends = world.writes_again(id, fib::ID, writes);
    let asked = |write: &Write| {
        if mends {
            card.version(fib::ID, &write.key).map(|held| held.0)
        } else {
            issued(unit, progress.applied.seq, write)
        }
    };
    let done = writes.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok());
    done.filter_map(|(write, _)| Some((write, next_hop(&write.key, write.part.as_ref()?)?))).find_map(
        |(write, hop)| {
            let now = || writes.iter().zip(outcomes).any(|(write, of)| write.key == hop && of.is_err());
            let refused = card.version(fib::ID, &hop).is_some_and(|held| held.1) || now();
            let astray = table.tampered().contains(&hop);
            let missing = !table.entries().contains_key(&hop) && !refused && !astray;
            let wanted = unit.progress(fib::ID).is_some_and(|of| of.leads && of.epoch == epoch)
                && unit.entry(fib::ID, &hop).is_some_and(|(_, content)| content.audience.contains(id))
                && unit.version(fib::ID, &hop) < asked(write);
            (missing && wanted).then(|| format!("{id} writes {write:?}, and lacks its next hop"))
        },
    )
}

impl Checker for Order {
    fn property(&self) -> &'static str {
        "a route never lacks its next hop"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Issued { unit, process, update } = seen {
            return self.issued(scene.world, (*unit, *process), update);
        }
        if let Seen::Sent { to, message: Message::ToCard(ToCard::Start(start)), .. } = seen {
            self.bases.insert((*to, start.process), start.base.seq);
        }
        if let Seen::Sent { to, message: Message::ToCard(ToCard::Fill(fill)), .. } = seen {
            return self.filled(scene.world, *to, fill);
        }
        let Seen::Applied { party: Party::Card(card), process: fib::ID, writes, outcomes } = seen else {
            return Ok(());
        };
        lacking(scene, *card, writes, outcomes).map_or(Ok(()), Err)
    }
}
