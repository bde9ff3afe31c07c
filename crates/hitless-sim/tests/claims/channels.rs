//! One virtual channel for each pair of a standby process and a client process.

use std::collections::BTreeMap;

use hitless_proto::ids::{Party, Seq};
use hitless_proto::limits::WINDOW_BYTES;
use hitless_proto::message::ToCard;
use hitless_proto::process::{fib, table};
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, forwarded, heal_and_compare, kill_primary, load, pair, put, successor, wait, wait_safe,
    whole,
};
use crate::wires::{acks, ops_to, since, to_cards};

/// A route-less fib entry, so that the fib has something to do.
fn put_next_hop(world: &mut World, id: u32) {
    let key = format!("next-hop {id}").parse::<fib::FibKey>().unwrap();
    world.submit(fib::ID, key.put((&[0][..]).into(), "".into())).unwrap();
}

/// Observed: a card's `table` is stuck, and what is sent to it exceeds the channel's window; the same card's `fib` and
/// the other card's `table` go on, and no more than the window is in flight to the stuck one.
#[test]
fn claims_3_16_40_one_channel_per_process_and_card() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 5);
    world.table_mut(CARD_1, table::ID).unwrap().stuck = true;
    let mark = world.messages().len();
    let value = "v".repeat(50_000);
    (0..50).for_each(|n| {
        put(&mut world, &format!("big-{n}"), &value);
    });
    (1..=20).for_each(|id| put_next_hop(&mut world, id));
    world.run_for(200_000).unwrap();
    assert_eq!(world.table(CARD_1, table::ID).unwrap().entries().len(), 5, "it is stuck");
    assert_eq!(world.table(CARD_1, fib::ID).unwrap().entries().len(), 20, "the other process of the card");
    assert_eq!(world.table(CARD_2, table::ID).unwrap().entries().len(), 55, "the process on the other card");
    let status = world.unit_status(primary).unwrap();
    let of = |process| status.processes.iter().find(|of| of.process == process).unwrap();
    assert_eq!((of(fib::ID).programmed, of(table::ID).programmed), (Seq(20), Seq(5)));
    let stuck = |channel: &&hitless_proto::status::ChannelStatus| {
        (channel.process, channel.follower) == (table::ID, Party::Card(CARD_1))
    };
    let in_flight = status.channels.iter().find(stuck).unwrap().in_flight;
    assert!((WINDOW_BYTES..WINDOW_BYTES + 2 * 65_536).contains(&in_flight), "{in_flight}");
    let sent = ops_to(since(&world, mark), primary, table::ID, CARD_1);
    assert!(sent.len() < 30, "{} of 50 within the window", sent.len());

    world.table_mut(CARD_1, table::ID).unwrap().stuck = false;
    wait_safe(&mut world);
    assert_eq!(forwarded(&world, CARD_1, "big-49"), Some(value.as_bytes()));
    heal_and_compare(&mut world);
}

/// Observed over a failover: on each channel, updates and replays alike name the op before them on that very channel,
/// beginning at its `Start`, and acks name the process, the beginning and the epoch they belong to.
#[test]
fn claims_3_16_40_updates_acks_and_replay_share_the_channel() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    (1..=10).for_each(|id| put_next_hop(&mut world, id));
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "after");
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, _) = successor(&mut world, primary);
    (11..=20).for_each(|id| put_next_hop(&mut world, id));
    wait_safe(&mut world);
    let mut at = BTreeMap::new();
    let mut batches = 0;
    for (from, card, message) in to_cards(since(&world, mark)).filter(|(from, ..)| *from == unit) {
        match message {
            ToCard::Start(start) => drop(at.insert((card, start.process), (start.session, start.base.seq))),
            ToCard::Ops(ops) => {
                let expected = at.get_mut(&(card, ops.process)).unwrap();
                assert_eq!((ops.session, ops.prev), *expected, "{from} to {card}");
                expected.1 = ops.ops.last().unwrap().version.seq;
                batches += 1;
            }
            _ => {}
        }
    }
    assert_eq!(at.len(), 4, "two processes on two cards");
    assert!(batches >= 3, "the replay, and later ops on both cards: {batches}");
    for (card, _, ack) in acks(since(&world, mark)).filter(|(.., ack)| ack.epoch.0 == 2) {
        let (session, last) = at[&(card, ack.process)];
        assert!(ack.session == session && ack.applied <= last);
    }
    heal_and_compare(&mut world);
}

/// Observed: the primary dies while `table` is stuck on card 2: the takeover opens all the same, and the other channels
/// take ops; when the table works again, its channel is brought in step as well.
#[test]
fn claims_3_16_40_a_stuck_channel_does_not_hold_up_the_takeover() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    world.table_mut(CARD_2, table::ID).unwrap().stuck = true;
    put(&mut world, "key-1", "stuck");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    wait(&mut world, |world| world.primary().is_some_and(|unit| unit != primary));
    put(&mut world, "key-2", "after");
    put_next_hop(&mut world, 1);
    world.run_for(100_000).unwrap();
    assert_eq!(forwarded(&world, CARD_1, "key-2"), Some(&b"after"[..]));
    assert_eq!(world.table(CARD_1, fib::ID).unwrap().entries().len(), 1);
    assert_eq!(forwarded(&world, CARD_2, "key-1"), Some(&b"before"[..]), "it is stuck still");
    heal_and_compare(&mut world);
    assert_eq!(forwarded(&world, CARD_2, "key-1"), Some(&b"stuck"[..]));
}
