//! A follower is brought up to date by the cheapest means that suffices: tail, reconcile or bulk.

use hitless_proto::ids::Party;
use hitless_proto::message::ToStandby;
use hitless_proto::process::table;
use hitless_sim::World;

use crate::scene::{CARD_2, forwarded, heal_and_compare, load, pair, put, successor, wait_safe, whole};
use crate::wires::{Used, since, to_standbys, used};

/// Entries before anything happens.
const LOADED: u32 = 400;

/// `follower` loses the primary for a while, in which five keys change.
fn away(world: &mut World, follower: Party, meanwhile: impl FnOnce(&mut World)) -> Used {
    let (primary, _) = pair(world);
    world.cut(Party::Unit(primary), follower);
    world.run_for(1_000_000).unwrap();
    (0..5).for_each(|n| {
        put(world, &format!("key-{n}"), "after");
    });
    meanwhile(world);
    world.run_for(100_000).unwrap();
    let mark = world.messages().len();
    world.mend(Party::Unit(primary), follower);
    heal_and_compare(world);
    used(since(world, mark), follower, table::ID)
}

fn loaded() -> (World, Party) {
    let mut world = whole(World::builder().units(3));
    load(&mut world, LOADED);
    let standby = Party::Unit(pair(&world).1);
    (world, standby)
}

/// Observed: the five ops, and no question but for the root.
#[test]
fn a_card_catches_up_by_tail() {
    let mut world = loaded().0;
    assert_eq!(away(&mut world, Party::Card(CARD_2), |_| ()), Used { ops: 5, descents: 0, fills: 0 });
}

/// Observed: a card that restarted with its forwarding table is asked down the tree, and sent the five entries alone.
#[test]
fn a_card_catches_up_by_reconcile() {
    let mut world = loaded().0;
    let used = away(&mut world, Party::Card(CARD_2), |world| world.restart(Party::Card(CARD_2)));
    assert_eq!((used.ops, used.fills), (0, 5));
    assert!(used.descents > 0, "{used:?}");
}

/// Observed: a card that lost its forwarding table is sent every entry, and no question but for the root.
#[test]
fn a_card_catches_up_by_bulk() {
    let mut world = loaded().0;
    let used = away(&mut world, Party::Card(CARD_2), |world| {
        world.kill_and_wipe(CARD_2);
        world.restart(Party::Card(CARD_2));
    });
    assert_eq!(used, Used { ops: 0, descents: 0, fills: LOADED as usize });
}

/// Observed: the same of a standby: five updates.
#[test]
fn a_standby_catches_up_by_tail() {
    let (mut world, standby) = loaded();
    assert_eq!(away(&mut world, standby, |_| ()), Used { ops: 5, descents: 0, fills: 0 });
}

/// Observed: a standby that restarted holds nothing: it is sent the log, where that reaches back to the first op.
#[test]
fn a_standby_that_restarted_is_sent_the_whole_log() {
    let (mut world, standby) = loaded();
    let used = away(&mut world, standby, |world| world.restart(standby));
    assert_eq!(used, Used { ops: LOADED as usize + 5, descents: 0, fills: 0 });
}

/// Observed: where the log does not reach back, since the primary was rebuilt from the cards, it is sent every entry.
#[test]
fn a_standby_catches_up_by_bulk() {
    let mut world = loaded().0;
    let units = world.units().to_vec();
    units.iter().for_each(|unit| world.kill(Party::Unit(*unit)));
    world.run_for(1_000_000).unwrap();
    let mark = world.messages().len();
    units.iter().for_each(|unit| world.restart(Party::Unit(*unit)));
    heal_and_compare(&mut world);
    let standby = Party::Unit(pair(&world).1);
    assert_eq!(
        used(since(&world, mark), standby, table::ID),
        Used { ops: 0, descents: 0, fills: LOADED as usize }
    );
}

/// Observed: a former primary comes back with three ops that nobody else has; it is asked down the tree, sent those
/// three keys as its successor has them, and keeps nothing of its own.
#[test]
fn a_former_primary_catches_up_by_reconcile() {
    let mut world = loaded().0;
    let former = world.primary().unwrap();
    let others: Vec<Party> = world
        .units()
        .iter()
        .map(|unit| Party::Unit(*unit))
        .chain(world.cards().iter().map(|card| Party::Card(*card)))
        .filter(|party| *party != Party::Unit(former))
        .collect();
    others.iter().for_each(|party| world.cut(Party::Unit(former), *party));
    put(&mut world, "key-1", "lost");
    put(&mut world, "only here", "lost");
    world.submit(table::ID, table::delete(b"key-2")).unwrap();
    world.run_until(|world| world.primary().is_some_and(|unit| unit != former)).unwrap();
    successor(&mut world, former);
    world.run_for(100_000).unwrap();
    let mark = world.messages().len();
    others.iter().for_each(|party| world.mend(Party::Unit(former), *party));
    heal_and_compare(&mut world);
    let used = used(since(&world, mark), Party::Unit(former), table::ID);
    assert_eq!((used.ops, used.fills), (0, 3));
    assert!(used.descents > 0, "{used:?}");
    let held = world.held(former, table::ID);
    assert_eq!((held.len(), &held[&"key-1".into()].1.card_part[..]), (LOADED as usize, &b"before"[..]));
}

/// Observed: an op becomes safe with the primary alone while the joiner's digest is on its way, and has not reached the
/// joiner when the primary dies; the joiner does not take over, and the op survives on the cards.
#[test]
fn a_joiner_that_lacks_a_safe_op_is_not_named() {
    let mut world = whole(World::builder());
    let (primary, joiner) = pair(&world);
    world.kill(Party::Unit(joiner));
    load(&mut world, 10);
    let mark = world.messages().len();
    world.restart(Party::Unit(joiner));
    let asked = |world: &World| {
        let asks =
            to_standbys(since(world, mark)).filter(|(_, _, message)| matches!(message, ToStandby::Ask(_)));
        asks.count() == world.processes().len()
    };
    world.run_until(asked).unwrap();
    world.hold_one_way(Party::Unit(joiner), Party::Unit(primary));
    world.run_for(2_000).unwrap();
    world.cut_one_way(Party::Unit(primary), Party::Unit(joiner));
    put(&mut world, "new", "value");
    wait_safe(&mut world);
    world.release_link(Party::Unit(joiner), Party::Unit(primary));
    world.run_for(3_000).unwrap();
    assert!(!world.held(joiner, table::ID).contains_key(&"new".into()), "the joiner lacks it");
    world.kill(Party::Unit(primary));
    world.run_for(3_000_000).unwrap();
    assert_eq!(world.primary(), None, "who lacks a safe op may not take over");
    world.mend(Party::Unit(primary), Party::Unit(joiner));
    world.restart(Party::Unit(primary));
    heal_and_compare(&mut world);
    assert_eq!(forwarded(&world, CARD_2, "new"), Some(&b"value"[..]));
}
