//! What the tests set up and wait for.

use hitless_proto::ids::{CardId, Party, ProcessId, UnitId, Version};
use hitless_proto::io::{Event, Role};
use hitless_proto::plan::ChannelPlan;
use hitless_proto::process::table;
use hitless_proto::report::{ChannelReport, TakeoverReport};
use hitless_sim::checkers::convergence;
use hitless_sim::{Builder, World};

pub(crate) const CARD_1: CardId = CardId(1);
/// Not a voter in a chassis of two or three units.
pub(crate) const CARD_2: CardId = CardId(2);

/// A chassis with a primary, all standbys in sync and all cards in step; messages are kept.
pub(crate) fn whole(builder: Builder) -> World {
    let mut world = builder.keep_messages().build();
    wait(&mut world, all_in_step);
    world
}

/// Goes on until something is so, for 60 simulated seconds at most. Looks at every millisecond, not at every step: what
/// is asked for may take long to compute.
pub(crate) fn wait(world: &mut World, is_so: impl Fn(&World) -> bool) {
    for _ in 0..60_000 {
        if is_so(world) {
            return;
        }
        world.run_for(1_000).unwrap();
    }
    panic!("what was waited for did not come");
}

/// Waits until every op that was submitted in the epoch of the primary is safe.
pub(crate) fn wait_safe(world: &mut World) {
    let epoch = world.unit_status(world.primary().unwrap()).unwrap().epoch;
    let safe = |world: &World| {
        let mut ops = world.processes().iter().flat_map(|process| world.oracle().ops(*process));
        ops.all(|op| op.safe || op.version.epoch != epoch)
    };
    wait(world, safe);
}

/// Every unit is in sync and every card in step.
pub(crate) fn all_in_step(world: &World) -> bool {
    let card = |card: &CardId| {
        world.card_status(*card).is_some_and(|status| status.channels.iter().all(|channel| channel.in_step))
    };
    world.is_whole() && world.cards().iter().all(card)
}

/// The primary, and the first of the standbys.
pub(crate) fn pair(world: &World) -> (UnitId, UnitId) {
    let primary = world.primary().unwrap();
    (primary, *world.units().iter().find(|unit| **unit != primary).unwrap())
}

/// Submits to the process `table`.
pub(crate) fn put(world: &mut World, key: &str, value: &str) -> Version {
    world.submit(table::ID, table::put(key.as_bytes(), value.as_bytes(), b"note")).unwrap()
}

/// Submits `n` entries and waits until they are safe.
pub(crate) fn load(world: &mut World, n: u32) {
    (0..n).for_each(|n| {
        put(world, &format!("key-{n}"), "before");
    });
    wait_safe(world);
    world.run_for(50_000).unwrap();
}

/// The primary dies.
pub(crate) fn kill_primary(world: &mut World) -> UnitId {
    let primary = world.primary().unwrap();
    world.kill(Party::Unit(primary));
    primary
}

/// Waits until a unit has taken over from `former`, and its report is there.
pub(crate) fn successor(world: &mut World, former: UnitId) -> (UnitId, TakeoverReport) {
    world
        .run_until(|world| world.primary().is_some_and(|unit| unit != former && report(world).is_some()))
        .unwrap();
    (world.primary().unwrap(), report(world).unwrap().clone())
}

/// The report of the takeover that opened the current epoch.
fn report(world: &World) -> Option<&TakeoverReport> {
    let epoch = world.unit_status(world.primary()?)?.epoch;
    world.report().filter(|report| report.epoch == epoch)
}

/// Waits until a unit was granted an epoch that it has not opened.
pub(crate) fn claimant(world: &mut World) -> UnitId {
    let taking = |world: &World| {
        world.units().iter().copied().find(|unit| world.role(*unit) == Some(Role::TakingOver))
    };
    world.run_until(|world| taking(world).is_some()).unwrap();
    taking(world).unwrap()
}

/// What the last takeover of `unit` planned for a channel.
pub(crate) fn plan(world: &World, unit: UnitId, process: ProcessId, card: CardId) -> ChannelPlan {
    let plans = world.events().iter().rev().filter_map(|(_, party, event)| match event {
        Event::Planned(plan) if *party == Party::Unit(unit) => Some(plan),
        _ => None,
    });
    plans.clone().find(|plan| (plan.process, plan.card) == (process, card)).unwrap().clone()
}

/// One channel of a report.
pub(crate) fn channel(report: &TakeoverReport, process: ProcessId, card: CardId) -> &ChannelReport {
    report.channels.iter().find(|channel| (channel.process, channel.card) == (process, card)).unwrap()
}

/// What a forwarding table holds under a key of `table`.
pub(crate) fn forwarded<'a>(world: &'a World, card: CardId, key: &str) -> Option<&'a [u8]> {
    let held = world.table(card, table::ID)?.entries().get(&key.into());
    held.map(|part| &part[..])
}

/// How many updates wait in the pending queue of a process.
pub(crate) fn pending(world: &World, unit: UnitId, process: ProcessId) -> u64 {
    let status = world.unit_status(unit).unwrap();
    status.processes.iter().find(|of| of.process == process).unwrap().pending
}

/// Removes all faults, waits until the chassis is whole, and compares every table with every other.
pub(crate) fn heal_and_compare(world: &mut World) {
    world.heal();
    wait(world, |world| all_in_step(world) && convergence::check(world).is_ok());
}
