//! What is replayed, to whom, and in which order of age.

use hitless_proto::config::{OutputRule, Timing};
use hitless_proto::ids::{CardId, Party};
use hitless_proto::io::Event;
use hitless_proto::process::{fib, table};
use hitless_proto::report::Method;
use hitless_sim::World;

use crate::cookies::{by_key, told};
use crate::scene::{
    CARD_1, CARD_2, channel, claimant, forwarded, heal_and_compare, kill_primary, load, pair, plan, put,
    successor, wait_safe, whole,
};
use crate::wires::{ops_to, since, updates_to};

/// Observed: what the standby process is told, and what is sent: the current state of the key, once, to card 2 alone;
/// the other process is told nothing and sent nothing.
#[test]
fn claims_2_15_34_39_the_process_out_of_sync_is_named_told_and_its_current_state_sent() {
    let mut world = whole(World::builder().processes(by_key));
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    assert!(told().is_empty());
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "first");
    put(&mut world, "key-1", "current");
    world.submit(table::ID, table::delete(b"key-2")).unwrap();
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    let keys = vec!["key-1".into(), "key-2".into()];
    assert_eq!(told(), [(table::ID, CARD_2, hitless_proto::process::Scope::Keys(keys))]);
    let sent = ops_to(since(&world, mark), unit, table::ID, CARD_2);
    let sent: Vec<_> =
        sent.iter().map(|op| (&op.key[..], op.content.as_ref().map(|content| &content.part[..]))).collect();
    assert_eq!(sent, [(&b"key-1"[..], Some(&b"current"[..])), (b"key-2", None)]);
    assert_eq!(ops_to(since(&world, mark), unit, fib::ID, CARD_2).len(), 0);
    assert_eq!(
        (forwarded(&world, CARD_2, "key-1"), forwarded(&world, CARD_2, "key-2")),
        (Some(&b"current"[..]), None)
    );
    assert!(report.channels.iter().all(|channel| channel.verified));
    heal_and_compare(&mut world);
}

/// Observed: of three pending updates for a key two are folded and never sent, the newest is replayed.
#[test]
fn claim_19_older_and_newer_pending_messages_are_treated_differently() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    ["oldest", "older", "newest"].into_iter().for_each(|value| {
        put(&mut world, "key-1", value);
    });
    put(&mut world, "key-2", "other");
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    assert_eq!(unit, standby);
    let plan = plan(&world, unit, table::ID, CARD_2);
    assert_eq!((plan.superseded, plan.replay.len()), (2, 2), "{plan}");
    let sent = ops_to(since(&world, mark), unit, table::ID, CARD_2);
    let parts: Vec<&[u8]> = sent.iter().map(|op| &op.content.as_ref().unwrap().part[..]).collect();
    assert_eq!(parts, [&b"newest"[..], b"other"]);
    assert_eq!(channel(&report, table::ID, CARD_2).replayed, 2);
    heal_and_compare(&mut world);
}

/// Observed: an update that was un-acked for longer than `ack_overdue` sends its channel to reconcile, with the reason
/// in the plan; the channel of the card that acked is folded.
#[test]
fn claim_19_overdue_messages_send_their_channel_to_reconcile() {
    let timing = Timing { ack_overdue: 100_000, ..Timing::default() };
    let mut world = whole(World::builder().timing(timing));
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "after");
    world.run_for(200_000).unwrap();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    let overdue = plan(&world, unit, table::ID, CARD_2);
    assert_eq!(
        (overdue.method, overdue.why),
        (Method::Reconcile, "an op was unacked for too long: its client process may be stuck")
    );
    assert_eq!(plan(&world, unit, table::ID, CARD_1).method, Method::Replay);
    assert_eq!(plan(&world, unit, fib::ID, CARD_2).method, Method::Replay);
    assert_eq!(channel(&report, table::ID, CARD_2).replayed, 1, "the digest names the one key");
    assert_eq!(forwarded(&world, CARD_2, "key-1"), Some(&b"after"[..]));
    heal_and_compare(&mut world);
}

/// Observed: what a source submits while the claims are out is sent, the replay of the same key is not.
#[test]
fn claim_19_what_is_submitted_now_supersedes_the_replay() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "in doubt");
    put(&mut world, "key-2", "in doubt");
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let unit = claimant(&mut world);
    let now = table::put(b"key-1", b"submitted now", b"");
    let version = world.submit_to(unit, table::ID, now).unwrap();
    successor(&mut world, primary);
    let sent = ops_to(since(&world, mark), unit, table::ID, CARD_2);
    let sent: Vec<_> = sent.iter().map(|op| (&op.key[..], &op.content.as_ref().unwrap().part[..])).collect();
    assert_eq!(sent, [(&b"key-1"[..], &b"submitted now"[..]), (b"key-2", b"in doubt")]);
    assert_eq!(world.mirrored(CARD_2, table::ID, b"key-1").unwrap().0, version);
    heal_and_compare(&mut world);
}

/// Observed: the order of replayed ops on the wire: next hop, route; deletes the other way round.
#[test]
fn claims_2_39_replay_keeps_dependency_order() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    let key = |text: &str| text.parse::<fib::FibKey>().unwrap();
    let blackhole = || (&[0][..]).into();
    let route = |next_hop: u32| fib::Route::to(next_hop).encode();
    for change in [key("next-hop 2").put(blackhole(), "".into()), key("10.2.0.0/16").put(route(2), "".into())]
    {
        world.submit(fib::ID, change).unwrap();
    }
    wait_safe(&mut world);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    for change in [
        key("next-hop 3").put(blackhole(), "".into()),
        key("10.3.0.0/16").put(route(3), "".into()),
        key("10.2.0.0/16").delete(),
        key("next-hop 2").delete(),
    ] {
        world.submit(fib::ID, change).unwrap();
    }
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, _) = successor(&mut world, primary);
    let sent = ops_to(since(&world, mark), unit, fib::ID, CARD_2);
    let order: Vec<String> =
        sent.iter().map(|op| fib::FibKey::decode(&op.key).unwrap().to_string()).collect();
    assert_eq!(order, ["next-hop 3", "10.3.0.0/16", "10.2.0.0/16", "next-hop 2"]);
    heal_and_compare(&mut world);
}

/// Observed: a nack in the promise is folded as failed, told to the source, and not replayed as if it were in doubt.
#[test]
fn claims_29_39_a_refused_op_is_folded_as_failed_and_not_replayed() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world.fail_key(CARD_2, table::ID, b"key-1");
    [primary, standby].into_iter().for_each(|unit| world.drop_acks(CARD_2, unit));
    put(&mut world, "key-1", "refused");
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    let plan = plan(&world, unit, table::ID, CARD_2);
    assert_eq!((plan.failed.len(), plan.replay.len()), (1, 0));
    assert_eq!(plan.failed[0].reason, "refused on demand");
    assert_eq!(channel(&report, table::ID, CARD_2).failed, 1);
    assert_eq!(updates_to(since(&world, mark), primary, table::ID).len(), 0);
    let failed = |card: CardId| {
        world.events().iter().any(|(_, party, event)| {
            *party == Party::Unit(unit) && matches!(event, Event::Failed { card: of, .. } if *of == card)
        })
    };
    assert!(failed(CARD_2) && !failed(CARD_1));
    heal_and_compare(&mut world);
}

/// Observed: a card reports a hole after its replay was planned; the report says of its channel that digests brought it in
/// step, since more may be sent then than was in doubt; the other channels went by acks.
#[test]
fn a_channel_that_begins_anew_before_it_is_equal_is_reported_as_reconciled() {
    // With the gated rule the replay waits until the record is opened.
    let mut world = whole(World::builder().output_rule(OutputRule::Gated));
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "in doubt");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    let epoch = |world: &World| world.card(CARD_2).unwrap().progress(table::ID).unwrap().epoch;
    let before = epoch(&world);
    world.run_until(|world| epoch(world) > before).unwrap();
    // Its own mend is refused: what the primary takes for programmed is not, so the card asks to be compared.
    world.fail_key(CARD_2, table::ID, b"key-2");
    world.edit_table(CARD_2, table::ID, &"key-2".into(), None);
    assert_eq!(world.audit_table(CARD_2, table::ID), 1);
    let (unit, report) = successor(&mut world, primary);
    assert_eq!(plan(&world, unit, table::ID, CARD_2).method, Method::Replay);
    let anew = channel(&report, table::ID, CARD_2);
    assert_eq!((anew.method, anew.in_doubt, anew.verified), (Method::Reconcile, 1, true));
    assert!(anew.replayed > anew.in_doubt, "{anew:?}");
    assert_eq!(channel(&report, table::ID, CARD_1).method, Method::Replay);
    heal_and_compare(&mut world);
}
