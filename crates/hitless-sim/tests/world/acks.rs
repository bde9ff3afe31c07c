//! Acks that come twice, late, or not at all.

use super::*;
use hitless_proto::config::AckPath;

fn repeat_all(world: &mut World) -> usize {
    let (units, cards) = (world.units().to_vec(), world.cards().to_vec());
    let pairs = units.iter().flat_map(|unit| cards.iter().map(|card| (*card, *unit)));
    pairs.collect::<Vec<_>>().into_iter().filter(|(card, unit)| world.repeat_ack(*card, *unit)).count()
}

#[test]
fn acks_that_come_again_change_nothing() {
    for path in [AckPath::Direct, AckPath::Relayed] {
        let mut repeated = 0;
        for seed in 0..8 {
            let mut world = up(World::builder().seed(seed).units(3).ack_path(path));
            for round in 0..30 {
                load(&mut world, round * 10, round * 10 + 40);
                world.run_for(400).unwrap();
                repeated += repeat_all(&mut world);
                if round == 15 {
                    let primary = Party::Unit(world.primary().unwrap());
                    world.kill(primary);
                    world.run_until(|world| world.primary().is_some()).unwrap();
                    world.restart(primary);
                }
            }
            world.run_for(1_000_000).unwrap();
            repeated += repeat_all(&mut world);
            settle(&mut world);
        }
        assert!(repeated > 500, "{path:?}: only {repeated} acks came again");
    }
}

#[test]
fn a_new_life_of_a_card_does_not_repeat_the_former_ones_acks() {
    let mut world = up(World::builder());
    for n in 0..20 {
        load(&mut world, n, n + 10);
        world.run_until(World::all_safe).unwrap();
    }
    let unit = world.primary().unwrap();
    assert!(world.repeat_ack(CardId(1), unit));
    world.kill_and_wipe(CardId(1));
    assert!(!world.repeat_ack(CardId(1), unit), "the card is dead");
    world.restart(C1);
    assert!(!world.repeat_ack(CardId(1), unit), "the new life has said nothing yet");
    settle(&mut world);
}

#[test]
fn acks_that_never_reach_the_standby_are_found_again_at_the_takeover() {
    let mut world = up(World::builder());
    let primary = world.primary().unwrap();
    let standby = world.units().iter().copied().find(|unit| *unit != primary).unwrap();
    world.drop_acks(CardId(1), standby);
    load(&mut world, 0, 100);
    world.run_until(World::all_safe).unwrap();
    world.kill(Party::Unit(primary));
    world.run_until(|world| world.report().is_some_and(|report| report.unit == standby)).unwrap();
    let replayed: u64 = world.report().unwrap().channels.iter().map(|channel| channel.replayed).sum();
    assert_eq!(replayed, 0, "the cards said again what they had acked");
    settle(&mut world);
}
