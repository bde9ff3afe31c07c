//! Clocks that jump, cards that come late and cards that go for good, and the end of the numbers.

use super::*;
use hitless_proto::error::SwitchoverError;
use hitless_proto::ids::Epoch;
use hitless_proto::io::Event;

/// An hour.
const HOUR: u64 = 3_600_000_000;

#[test]
fn a_clock_that_jumps_an_hour_costs_links_at_most() {
    for (at, party) in [U1, U2, C1, C2].into_iter().cycle().take(16).enumerate() {
        let mut world = up(World::builder().seed(at as u64));
        load(&mut world, 0, 200);
        world.run_for(500).unwrap();
        world.jump_clock(party, HOUR);
        load(&mut world, 100, 300);
        world.run_for(3_000_000).unwrap();
        world.run_until(World::is_whole).unwrap();
        settle(&mut world);
        assert!(world.now().0 < HOUR, "the world itself did not jump");
    }
}

#[test]
fn every_party_measures_by_its_own_clock() {
    let mut world = up(World::builder());
    let primary = world.primary().unwrap();
    let standby = if Party::Unit(primary) == U1 { U2 } else { U1 };
    world.jump_clock(standby, HOUR);
    world.run_until(World::is_whole).unwrap();
    let primary = world.primary().unwrap();
    world.kill(Party::Unit(primary));
    world.run_until(|world| world.report().is_some_and(|report| report.unit != primary)).unwrap();
    let phases = world.report().unwrap().phases;
    assert!(phases.verified > 0 && phases.verified < 10_000_000, "{phases:?}");
}

#[test]
fn a_card_that_is_added_late_is_filled() {
    let mut world = World::builder().cards(3).late_cards(1).build();
    world.run_until(World::is_whole).unwrap();
    load(&mut world, 0, 100);
    world.run_until(World::all_safe).unwrap();
    assert!(world.card(CardId(3)).is_none());
    world.restart(Party::Card(CardId(3)));
    world.run_until(|world| convergence::check(world).is_ok()).unwrap();
    assert_eq!(world.table(CardId(3), table::ID).unwrap().entries().len(), 100);
}

#[test]
fn a_card_that_is_gone_for_good_is_waited_for_by_nobody() {
    let mut world = up(World::builder().cards(3));
    load(&mut world, 0, 100);
    world.run_until(World::all_safe).unwrap();
    assert!(world.retire(CardId(1)).is_err(), "a voter");
    world.retire(CardId(3)).unwrap();
    assert_eq!(world.cards(), [CardId(1), CardId(2)]);
    load(&mut world, 0, 150);
    // Everything that had live state dies: what the next primary builds on is the cards, and one of them is missing.
    world.kill(U1);
    world.kill(U2);
    world.restart(U1);
    world.restart(U2);
    world.run_until(World::is_whole).unwrap();
    assert!(world.report().unwrap().recovered);
    settle(&mut world);
    world.restart(Party::Card(CardId(3)));
    assert!(world.card(CardId(3)).is_none(), "gone is gone");
}

#[test]
fn a_chassis_runs_at_the_end_of_the_numbers_of_epochs() {
    for external in [false, true] {
        let builder = World::builder().units(3).first_epoch(Epoch(u32::MAX - 2));
        let mut world = up(if external { builder.external_arbiter() } else { builder });
        for epoch in [u32::MAX - 2, u32::MAX - 1, u32::MAX] {
            let primary = world.primary().unwrap();
            assert_eq!(world.unit_status(primary).unwrap().record.epoch, Epoch(epoch));
            load(&mut world, 0, 100);
            world.run_until(World::all_safe).unwrap();
            if epoch < u32::MAX {
                world.kill(Party::Unit(primary));
                world.run_until(|world| world.primary().is_some()).unwrap();
                world.restart(Party::Unit(primary));
                world.run_until(World::is_whole).unwrap();
            }
        }
        settle(&mut world);
    }
}

#[test]
fn with_epochs_used_up_the_primary_goes_on_and_nobody_else_can_claim() {
    for external in [false, true] {
        let builder = World::builder().first_epoch(Epoch(u32::MAX));
        let mut world = up(if external { builder.external_arbiter() } else { builder });
        let primary = world.primary().unwrap();
        let handed: Result<UnitId, SwitchoverError> = world.switchover(None);
        assert!(handed.is_ok(), "{handed:?}");
        world.run_for(10_000_000).unwrap();
        assert_eq!(world.primary(), Some(primary), "the hand-over came to nothing");
        load(&mut world, 0, 100);
        world.run_until(World::all_safe).unwrap();
        let safe = world.oracle().counts();
        world.kill(U1);
        world.kill(U2);
        world.restart(U1);
        world.restart(U2);
        let before = world.steps();
        world.run_for(60_000_000).unwrap();
        assert!(world.steps() - before < 20_000, "they ask again and again: {}", world.steps() - before);
        assert_eq!((world.primary(), world.oracle().counts()), (None, safe));
        let told = |(_, _, event): &&(_, _, Event)| matches!(event, Event::Waiting { reason } if reason.contains("epochs are used up"));
        assert!(world.events().iter().any(|event| told(&event)), "the operator was not told why");
        assert_eq!(world.table(CardId(1), table::ID).unwrap().entries().len(), 100, "cards go on forwarding");
    }
}
