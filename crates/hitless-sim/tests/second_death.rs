//! Takeovers out of what is left: after a second death, and after the death of all units.
#![allow(clippy::unwrap_used)]

use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Role;
use hitless_proto::message::{Message, ToStandby, UnitMessage};
use hitless_proto::process::table;
use hitless_proto::report::Method;
use hitless_sim::checkers::convergence;
use hitless_sim::{Sent, World};

const FORMER: Party = Party::Unit(UnitId(1));
const NEXT: Party = Party::Unit(UnitId(2));
const THIRD: Party = Party::Unit(UnitId(3));

/// The next primary begins a channel with the former one.
fn begins_former(sent: &Sent) -> bool {
    let is_start = matches!(&sent.message, Message::Unit(UnitMessage::Primary(ToStandby::Start(_))));
    is_start && (sent.from, sent.to) == (NEXT, FORMER)
}

fn put(world: &mut World, unit: UnitId, key: u32, value: u32) {
    let change = table::put(format!("key-{key}").as_bytes(), format!("value-{value}").as_bytes(), b"note");
    world.submit_to(unit, table::ID, change).unwrap();
}

/// Three units, of which the first is primary and holds ops that nobody else ever gets.
fn primary_alone() -> World {
    let mut world = World::builder().units(3).cards(1).external_arbiter().keep_messages().build();
    world.run_until(World::is_whole).unwrap();
    if world.primary() != Some(UnitId(1)) {
        world.switchover(Some(UnitId(1))).unwrap();
        world.run_until(|world| world.primary() == Some(UnitId(1)) && world.is_whole()).unwrap();
    }
    (0..10).for_each(|key| put(&mut world, UnitId(1), key, 0));
    world.run_until(World::all_safe).unwrap();
    let others: Vec<Party> = [NEXT, THIRD].into_iter().chain([Party::Card(world.cards()[0])]).collect();
    others.into_iter().for_each(|other| world.cut(FORMER, other));
    (0..5).for_each(|key| put(&mut world, UnitId(1), key, 1));
    world
}

#[test]
fn a_former_primary_that_was_being_repaired_does_not_plan_by_acks() {
    let mut world = primary_alone();
    // The next one never gets to open its epoch, nor to repair the former primary.
    world.hold_one_way(THIRD, NEXT);
    world.run_until(|world| world.role(UnitId(2)) == Some(Role::TakingOver)).unwrap();
    world.mend(FORMER, NEXT);
    world.run_until(|world| world.messages().iter().any(begins_former)).unwrap();
    world.hold_one_way(FORMER, NEXT);
    world.run_for(200_000).unwrap();
    world.mend(FORMER, THIRD);
    world.mend(FORMER, Party::Card(world.cards()[0]));
    world.run_for(1_000_000).unwrap();
    assert_eq!(world.role(UnitId(2)), Some(Role::TakingOver));
    let granted = world.unit_status(UnitId(2)).map(|status| status.epoch);
    world.freeze(THIRD);
    world.kill(NEXT);
    let anew = |world: &World| world.report().is_some_and(|report| Some(report.epoch) > granted);
    world.run_until(|world| world.primary() == Some(UnitId(1)) && anew(world)).unwrap();
    let report = world.report().unwrap();
    let of_table = report.channels.iter().find(|channel| channel.process == table::ID).unwrap();
    assert_eq!(of_table.method, Method::Reconcile, "{of_table:?}");
    world.heal();
    world.run_until(World::is_whole).unwrap();
    world.run_for(1_000_000).unwrap();
    convergence::check(&world).unwrap();
}

#[test]
fn a_card_whose_table_refuses_a_mend_is_read_on() {
    let mut world = World::builder().units(1).cards(2).build();
    world.run_until(World::is_whole).unwrap();
    (0..20).for_each(|key| put(&mut world, UnitId(1), key, 0));
    world.run_until(World::all_safe).unwrap();
    world.kill(FORMER);
    world.restart(FORMER);
    world.run_until(|world| world.role(UnitId(1)) == Some(Role::TakingOver)).unwrap();
    // The last of 64 questions is not answered so soon.
    world.run_for(10_000).unwrap();
    assert_eq!(world.role(UnitId(1)), Some(Role::TakingOver), "the cards are still being read");
    let card = world.cards()[0];
    let key = world.table(card, table::ID).unwrap().entries().keys().next().unwrap().clone();
    world.fail_key(card, table::ID, &key);
    world.edit_table(card, table::ID, &key, None);
    assert_eq!(world.audit_table(card, table::ID), 1);
    world.run_until(|world| world.primary() == Some(UnitId(1))).unwrap();
    world.heal();
    world.run_until(World::is_whole).unwrap();
    world.run_for(5_000_000).unwrap();
    assert_eq!(world.held(UnitId(1), table::ID).len(), 20);
    convergence::check(&world).unwrap();
}
