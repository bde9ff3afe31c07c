//! All units die, and begin again with what they kept.
#![allow(clippy::unwrap_used)]

use hitless_proto::ids::{CardId, Party, UnitId, Version};
use hitless_proto::process::table;
use hitless_sim::checkers::convergence;
use hitless_sim::{Builder, World};

const AWAY: CardId = CardId(2);

fn put(world: &mut World, key: u32, value: u32) {
    let change = table::put(format!("key-{key}").as_bytes(), format!("value-{value}").as_bytes(), b"note");
    world.submit(table::ID, change).unwrap();
}

fn delete(world: &mut World, key: u32) {
    world.submit(table::ID, table::delete(format!("key-{key}").as_bytes())).unwrap();
}

fn whole(builder: Builder) -> World {
    let mut world = builder.build();
    world.run_until(World::is_whole).unwrap();
    (0..200).for_each(|key| put(&mut world, key, 0));
    settle(&mut world);
    world
}

fn settle(world: &mut World) {
    world.run_until(World::all_safe).unwrap();
    world.run_for(2_000_000).unwrap();
}

fn units(world: &World) -> Vec<Party> {
    world.units().iter().map(|unit| Party::Unit(*unit)).collect()
}

/// All units die at once, and start again.
fn restart_all_units(world: &mut World) {
    let units = units(world);
    units.iter().for_each(|unit| world.kill(*unit));
    world.run_for(1_000_000).unwrap();
    units.iter().for_each(|unit| world.restart(*unit));
}

fn end(world: &mut World) {
    world.heal();
    world.run_until(World::is_whole).unwrap();
    world.run_for(5_000_000).unwrap();
    convergence::check(world).unwrap();
}

fn writes(world: &World) -> Vec<u64> {
    let of = |card: &CardId| world.card_status(*card).unwrap().channels.iter().map(|of| of.writes).sum();
    world.cards().iter().map(of).collect()
}

/// Keys that the primary holds, and of how many it knows the standby-only part.
fn held(world: &World) -> (usize, usize) {
    let held = world.held(world.primary().unwrap(), table::ID);
    (held.len(), held.values().filter(|(_, content)| content.standby_part.is_some()).count())
}

#[test]
fn when_nothing_changed_no_card_is_written_and_the_standby_parts_are_there() {
    let mut world = whole(World::builder().units(2).cards(3).keeps());
    let before = writes(&world);
    restart_all_units(&mut world);
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    assert_eq!((writes(&world), held(&world)), (before, (200, 200)));
}

#[test]
fn cards_that_began_anew_meanwhile_are_not_written_either() {
    let mut world = whole(World::builder().units(2).cards(3).keeps());
    let units = units(&world);
    units.iter().for_each(|unit| world.kill(*unit));
    world.restart(Party::Card(CardId(1)));
    world.restart(Party::Card(CardId(3)));
    let before = writes(&world);
    units.iter().for_each(|unit| world.restart(*unit));
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    assert_eq!((writes(&world), held(&world)), (before, (200, 200)));
}

/// A card is away while keys are deleted; then all units die, and it comes back with them. How many keys are there then.
fn keys_after_a_card_was_away(builder: Builder, anew: bool) -> usize {
    let mut world = whole(builder.units(2).cards(3));
    world.kill(Party::Card(AWAY));
    (0..50).for_each(|key| delete(&mut world, key));
    (50..60).for_each(|key| put(&mut world, key, 1));
    settle(&mut world);
    assert_eq!(held(&world).0, 150);
    let units = units(&world);
    units.iter().for_each(|unit| world.kill(*unit));
    if anew {
        world.restart(Party::Card(CardId(1)));
    }
    world.restart(Party::Card(AWAY));
    units.iter().for_each(|unit| world.restart(*unit));
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    held(&world).0
}

#[test]
fn what_was_deleted_while_a_card_was_away_does_not_come_back() {
    for anew in [false, true] {
        assert_eq!(keys_after_a_card_was_away(World::builder().keeps(), anew), 150);
        assert_eq!(keys_after_a_card_was_away(World::builder(), anew), 200, "without a store they do");
    }
}

#[test]
fn what_the_store_did_not_get_is_taken_from_the_cards() {
    let mut world = whole(World::builder().units(2).cards(3).keeps());
    units(&world).iter().for_each(|unit| world.fill_disk(*unit, true));
    (0..20).for_each(|key| delete(&mut world, key));
    (100..130).for_each(|key| put(&mut world, key, 1));
    (200..210).for_each(|key| put(&mut world, key, 1));
    settle(&mut world);
    let wanted = world.wanted(world.primary().unwrap(), CardId(1), table::ID);
    let units = units(&world);
    units.iter().for_each(|unit| world.kill(*unit));
    units.iter().for_each(|unit| world.fill_disk(*unit, false));
    let before = writes(&world);
    units.iter().for_each(|unit| world.restart(*unit));
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    assert_eq!(world.wanted(world.primary().unwrap(), CardId(1), table::ID), wanted);
    assert_eq!(
        (writes(&world), held(&world)),
        (before, (190, 150)),
        "40 were written after the store was full"
    );
}

#[test]
fn a_store_that_was_full_for_a_while_is_whole_again() {
    let mut world = whole(World::builder().units(2).cards(2).keeps());
    units(&world).iter().for_each(|unit| world.fill_disk(*unit, true));
    (0..50).for_each(|key| put(&mut world, key, 1));
    settle(&mut world);
    units(&world).iter().for_each(|unit| world.fill_disk(*unit, false));
    (50..60).for_each(|key| delete(&mut world, key));
    settle(&mut world);
    restart_all_units(&mut world);
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    assert_eq!(held(&world), (190, 190));
}

#[test]
fn a_lost_store_is_no_base_and_another_units_goes_first() {
    let mut world = whole(World::builder().units(2).cards(2).keeps());
    let units = units(&world);
    units.iter().for_each(|unit| world.kill(*unit));
    world.lose_kept(UnitId(1));
    units.iter().for_each(|unit| world.restart(*unit));
    assert_eq!(world.kept_at(UnitId(1), table::ID), Version::ZERO);
    assert!(world.kept_at(UnitId(2), table::ID) > Version::ZERO);
    world.run_until(|world| world.primary().is_some()).unwrap();
    assert_eq!(world.primary(), Some(UnitId(2)));
    end(&mut world);
    assert_eq!(held(&world), (200, 200));
    // With both lost, the cards' entries are all there is.
    world.run_for(5_000_000).unwrap();
    units.iter().for_each(|unit| world.kill(*unit));
    world.units().to_vec().into_iter().for_each(|unit| world.lose_kept(unit));
    units.iter().for_each(|unit| world.restart(*unit));
    world.run_until(|world| world.primary().is_some()).unwrap();
    end(&mut world);
    assert_eq!(held(&world), (200, 0));
}

#[test]
fn a_unit_that_comes_back_alone_follows_from_where_it_was() {
    let mut world = whole(World::builder().units(2).cards(2).keeps());
    let primary = world.primary().unwrap();
    let other = *world.units().iter().find(|unit| **unit != primary).unwrap();
    world.kill(Party::Unit(other));
    (0..30).for_each(|key| delete(&mut world, key));
    settle(&mut world);
    world.restart(Party::Unit(other));
    end(&mut world);
    let at = world.unit(other).unwrap().progress(table::ID).unwrap();
    assert!(at.log_from.0 > 0, "it was given the tail of the log: {at:?}");
    assert_eq!((world.primary(), held(&world)), (Some(primary), (170, 170)));
}
