//! Chassis of every size.

use std::time::Instant;

use hitless_proto::ids::{CardId, Party};
use hitless_proto::process::{Processes, fib, table};
use hitless_sim::{Builder, World};

use crate::scene::{
    CARD_2, all_in_step, channel, heal_and_compare, kill_primary, load, pair, plan, put, successor, wait,
    whole,
};
use crate::wires::{ops_to, since};

fn table_only() -> Processes {
    vec![Box::new(table::Table)]
}

/// Observed: with one process its one channel to card 2 is replayed; with two, that of the process with the un-acked
/// update and not the other. Both with one standby and with several, all of which have the update in their queues.
#[test]
fn claims_7_8_one_and_several_standby_processes() {
    for (units, processes) in [(2, 1), (2, 2), (4, 1), (4, 2)] {
        let builder = World::builder().units(units);
        let mut world = whole(if processes == 1 { builder.processes(table_only) } else { builder });
        assert_eq!(world.processes().len(), processes);
        let (primary, _) = pair(&world);
        load(&mut world, 10);
        world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
        put(&mut world, "key-1", "after");
        world.run_for(20_000).unwrap();
        for standby in world.units().iter().filter(|unit| **unit != primary) {
            let status = world.unit_status(*standby).unwrap();
            assert_eq!(status.processes.len(), processes);
            let pending: Vec<u64> = status.processes.iter().map(|process| process.pending).collect();
            assert_eq!(pending, if processes == 1 { vec![1] } else { vec![0, 1] }, "{standby}");
        }
        let mark = world.messages().len();
        kill_primary(&mut world);
        let (unit, report) = successor(&mut world, primary);
        assert_eq!(report.channels.len(), 2 * processes);
        assert_eq!(channel(&report, table::ID, CARD_2).replayed, 1);
        assert_eq!(ops_to(since(&world, mark), unit, fib::ID, CARD_2).len(), 0);
        heal_and_compare(&mut world);
    }
}

/// Observed: eight standbys, all in sync; the chassis goes on through three deaths in a row, and heals.
#[test]
fn a_chassis_with_eight_standbys() {
    let mut world = whole(World::builder().units(9));
    load(&mut world, 20);
    for death in 0..3 {
        let former = world.primary().unwrap();
        world.hold_one_way(Party::Unit(former), Party::Card(CARD_2));
        put(&mut world, "key-1", &format!("before death {death}"));
        world.run_for(20_000).unwrap();
        kill_primary(&mut world);
        let (unit, report) = successor(&mut world, former);
        assert!(report.channels.iter().all(|channel| channel.verified), "{report:?}");
        assert_eq!(plan(&world, unit, table::ID, CARD_2).replay, ["key-1".into()]);
        world.release_link(Party::Unit(former), Party::Card(CARD_2));
    }
    assert_eq!(world.held(world.primary().unwrap(), table::ID).len(), 20);
    heal_and_compare(&mut world);
}

/// One failover with so many cards: one of them is in doubt, all are verified.
fn failover(builder: Builder, cards: u16, entries: u32) {
    let mut world = builder.cards(cards).build();
    wait(&mut world, all_in_step);
    let (primary, _) = pair(&world);
    load(&mut world, entries);
    world.hold_one_way(Party::Unit(primary), Party::Card(CardId(cards)));
    put(&mut world, "key-1", "after");
    world.run_for(50_000).unwrap();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    assert_eq!(report.channels.len(), world.processes().len() * usize::from(cards));
    assert!(report.channels.iter().all(|channel| channel.verified) && report.absent.is_empty());
    let replayed: Vec<CardId> =
        report.channels.iter().filter(|channel| channel.replayed > 0).map(|channel| channel.card).collect();
    assert_eq!(replayed, [CardId(cards)]);
    assert_eq!(plan(&world, unit, table::ID, CardId(cards)).replay, ["key-1".into()]);
    heal_and_compare(&mut world);
}

/// Observed: 128 channels are planned and verified; of one card one key is replayed.
#[test]
fn a_chassis_with_64_cards() {
    failover(World::builder(), 64, 200);
}

/// Observed: the same at the largest number of cards.
#[test]
fn a_chassis_with_1024_cards() {
    let began = Instant::now();
    failover(World::builder().processes(table_only), 1024, 5);
    println!("{:?}", began.elapsed());
}
