//! Op ids, the pending queue, and what an update carries.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{Party, ProcessId, Version};
use hitless_proto::process::{fib, table};
use hitless_proto::wire;
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, channel, forwarded, heal_and_compare, kill_primary, load, pair, pending, plan, put,
    successor, wait_safe, whole,
};
use crate::wires::{acks, card_batches, ops_to, since, to_cards, unit_batches, updates_to};

/// Observed: the id of every update at the standby is that of exactly one op on each card, and of the acks' watermark;
/// after failover, the keys of the un-acked ids and no others are sent again.
#[test]
fn claims_1_9_22_33_37_updates_and_acks_are_stored_and_replayed_by_op_id() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 20);
    // The updates of these reach the standby, and card 1; card 2 gets nothing more from the primary.
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    let mark = world.messages().len();
    let in_doubt: Vec<Version> = (0..3).map(|n| put(&mut world, &format!("key-{n}"), "after")).collect();
    world.run_for(20_000).unwrap();
    let updates = updates_to(since(&world, mark), standby, table::ID);
    assert_eq!(updates.iter().map(|update| update.version).collect::<Vec<_>>(), in_doubt);
    for card in [CARD_1, CARD_2] {
        let ops = ops_to(since(&world, mark), primary, table::ID, card);
        assert_eq!(ops.iter().map(|op| op.version).collect::<Vec<_>>(), in_doubt, "one id at both: {card}");
    }
    let acked =
        acks(since(&world, mark)).filter(|(_, unit, ack)| *unit == standby && ack.process == table::ID);
    assert_eq!(acked.map(|(card, _, ack)| (card, ack.applied)).max(), Some((CARD_1, in_doubt[2].seq)));
    assert_eq!(pending(&world, standby, table::ID), 3, "they wait for the acks of card 2");

    let mark = world.messages().len();
    kill_primary(&mut world);
    let (successor, report) = successor(&mut world, primary);
    assert_eq!(successor, standby);
    let replayed = ops_to(since(&world, mark), successor, table::ID, CARD_2);
    let keys: Vec<&[u8]> = replayed.iter().map(|op| &op.key[..]).collect();
    assert_eq!(keys, [b"key-0", b"key-1", b"key-2"]);
    assert!(
        replayed.iter().all(|op| op.content.as_ref().is_some_and(|content| &content.part[..] == b"after"))
    );
    assert_eq!(ops_to(since(&world, mark), successor, table::ID, CARD_1).len(), 0);
    assert_eq!(channel(&report, table::ID, CARD_2).replayed, 3);
    assert_eq!(forwarded(&world, CARD_2, "key-2"), Some(&b"after"[..]));
    heal_and_compare(&mut world);
}

/// Observed: over a failover no two payloads have one id, seqs have no hole, and the epoch tells the two primaries' ops
/// apart.
#[test]
fn claims_1_25_an_op_id_names_one_payload_for_ever() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 50);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-7", "in doubt");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    successor(&mut world, primary);
    put(&mut world, "key-8", "afterwards");
    heal_and_compare(&mut world);
    let mut payloads: BTreeMap<(ProcessId, Version), (Blob, Option<Blob>)> = BTreeMap::new();
    for (_, _, batch) in card_batches(world.messages()) {
        for op in &batch.ops {
            let part = op.content.as_ref().map(|content| content.part.clone());
            let payload = (op.key.clone(), part);
            let first = payloads.entry((batch.process, op.version)).or_insert_with(|| payload.clone());
            assert_eq!(*first, payload, "{}", op.version);
        }
    }
    let seqs: Vec<u64> = payloads.keys().filter(|id| id.0 == table::ID).map(|id| id.1.seq.0).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(payloads.keys().map(|id| id.1.epoch).collect::<std::collections::BTreeSet<_>>().len(), 2);
}

/// Observed: without acks of card 2 the updates stay pending and the standby's state without them; an ack that comes
/// before its update waits for it too; the queue empties when both halves are there.
#[test]
fn claims_14_27_38_a_pending_queue_holds_updates_and_acks_until_both_are_there() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 5);
    [primary, standby].into_iter().for_each(|unit| world.drop_acks(CARD_2, unit));
    put(&mut world, "held", "1");
    world.run_for(20_000).unwrap();
    assert_eq!(pending(&world, standby, table::ID), 1);
    assert!(!world.held(standby, table::ID).contains_key(&"held".into()), "not folded");
    assert_eq!(forwarded(&world, CARD_2, "held"), Some(&b"1"[..]), "though the card has it");
    world.pass_acks(CARD_2, standby);
    put(&mut world, "next", "2");
    world.run_for(20_000).unwrap();
    assert_eq!(pending(&world, standby, table::ID), 0, "a later ack covers both");
    world.pass_acks(CARD_2, primary);

    world.hold_one_way(Party::Unit(primary), Party::Unit(standby));
    let early = put(&mut world, "early", "3");
    world.run_for(20_000).unwrap();
    let status = world.unit_status(standby).unwrap();
    let acked =
        status.channels.iter().filter(|channel| channel.process == table::ID).map(|channel| channel.acked);
    assert_eq!(acked.collect::<Vec<_>>(), [early.seq; 2], "the acks wait");
    assert!(status.processes.iter().all(|process| process.received.seq < early.seq));
    assert!(!world.held(standby, table::ID).contains_key(&"early".into()));
    world.release_link(Party::Unit(primary), Party::Unit(standby));
    world.run_for(20_000).unwrap();
    assert!(world.held(standby, table::ID).contains_key(&"early".into()));
}

/// Observed: of two pending ids the acked one is folded, the other not; after the failover only the process with the
/// un-acked id is replayed, and only its key.
#[test]
fn claims_25_26_29_31_matched_by_op_id_folded_on_ack_and_only_what_is_unsynced_is_replayed() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world
        .submit(fib::ID, "next-hop 1".parse::<fib::FibKey>().unwrap().put((&[0][..]).into(), "".into()))
        .unwrap();
    let matched = put(&mut world, "matched", "1");
    wait_safe(&mut world);
    world.run_for(20_000).unwrap();
    assert_eq!(world.held(standby, table::ID)[&"matched".into()].0, matched);

    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    let unmatched = put(&mut world, "unmatched", "2");
    world.run_for(20_000).unwrap();
    let status = world.unit_status(standby).unwrap();
    let of = |process| status.processes.iter().find(|of| of.process == process).unwrap();
    assert_eq!((of(table::ID).folded.seq.0 + 1, of(table::ID).received), (unmatched.seq.0, unmatched));
    assert_eq!(of(fib::ID).pending, 0);

    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    assert_eq!(plan(&world, unit, table::ID, CARD_2).replay, ["unmatched".into()]);
    assert!(plan(&world, unit, fib::ID, CARD_2).replay.is_empty());
    for (process, card, keys) in
        [(table::ID, CARD_1, 0), (fib::ID, CARD_1, 0), (fib::ID, CARD_2, 0), (table::ID, CARD_2, 1)]
    {
        assert_eq!(ops_to(since(&world, mark), unit, process, card).len(), keys, "{process} {card}");
        assert_eq!(channel(&report, process, card).replayed, keys as u64);
    }
    heal_and_compare(&mut world);
}

/// Observed on the wire: a standby's update has the note and the whole of what the card's has; no frame to a card has
/// the note in it.
#[test]
fn claims_12_13_the_cards_update_is_a_subset() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    let mark = world.messages().len();
    let note = b"known to control units only";
    for n in 0..20_u8 {
        world.submit(table::ID, table::put(&[n], &[n, n], note)).unwrap();
    }
    wait_safe(&mut world);
    let sent = since(&world, mark);
    let updates = updates_to(sent, standby, table::ID);
    assert_eq!(updates.len(), 20);
    for card in [CARD_1, CARD_2] {
        for (update, op) in updates.iter().zip(ops_to(sent, primary, table::ID, card)) {
            let whole = update.content.as_ref().unwrap();
            assert_eq!(whole.standby_part.as_deref(), Some(&note[..]));
            assert_eq!((&update.key, &whole.card_part), (&op.key, &op.content.as_ref().unwrap().part));
            assert_eq!(update.version, op.version);
        }
    }
    let contains = |bytes: &[u8]| bytes.windows(note.len()).any(|window| window == note);
    let frames = |to_card: bool| {
        let frames = sent.iter().filter(move |sent| matches!(sent.to, Party::Card(_)) == to_card);
        frames.filter(|sent| contains(&wire::encode(&sent.message))).count()
    };
    assert!(to_cards(sent).count() > 0 && unit_batches(sent).count() > 0);
    assert_eq!(frames(true), 0);
    assert!(frames(false) > 0, "what was looked for can be found");
}
