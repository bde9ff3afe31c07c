//! What is not believed: dead primaries, forged acks, cards that forgot. And what a second death does.

use std::collections::BTreeMap;

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::digest::mac;
use hitless_proto::entry::{Audience, Cookie, Origin, Update};
use hitless_proto::ids::{CardId, Epoch, Life, Party, Seq, Time, UnitId, Version};
use hitless_proto::io::{Durable, Event, Output};
use hitless_proto::message::{
    Ack, AckMac, CardReport, ChannelAnswer, FromCard, InStep, Message, RelayedAck, Roster, Start, ToStandby,
    UnitMessage, UnitOps, UnitReport,
};
use hitless_proto::process::table;
use hitless_proto::report::Method;
use hitless_proto::wire::mac_bytes;
use hitless_proto::{ControlUnit, UnitConfig, UnitStart};
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, all_in_step, channel, claimant, forwarded, heal_and_compare, kill_primary, load, pair,
    plan, put, successor, wait, wait_safe, whole,
};
use crate::wires::{card_batches, ops_to, promises, since};

const PRIMARY: UnitId = UnitId(1);
const STANDBY: UnitId = UnitId(2);
const ACK_KEY: u128 = 0xfeed;
const BOOT: Life = Life(7);

/// A standby of a chassis with one card, which was sent one update that the card has not acked.
fn standby_that_waits() -> ControlUnit {
    let chassis = Chassis {
        name: "fences".into(),
        digest_key: 3,
        units: vec![PRIMARY, STANDBY],
        cards: vec![CARD_1],
        arbiter: ArbiterKind::External,
        ack_path: AckPath::Relayed,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    };
    let start = UnitStart { life: Life(2), durable: Durable::default(), seed: 1 };
    let config = UnitConfig { chassis, unit: STANDBY };
    let mut unit = ControlUnit::new(config, vec![Box::new(table::Table)], start, Time(0));
    unit.handle_connected(Party::Unit(PRIMARY), Life(1), Time(1));
    unit.handle_connected(Party::Card(CARD_1), BOOT, Time(1));
    let (epoch, process, session) = (Epoch(1), table::ID, 1);
    let report =
        CardReport { boot: BOOT, promised: epoch, owner: PRIMARY, ack_key: ACK_KEY, channels: Vec::new() };
    unit.handle_message(Party::Card(CARD_1), Message::FromCard(FromCard::Report(report)), Time(2));
    let update = Update {
        version: Version::new(1, 1),
        key: "key".into(),
        content: table::put(b"key", b"value", b"").content,
        to: Audience::All,
        cookie: Cookie::Key,
        origin: Origin::Source,
    };
    let ops = UnitOps { epoch, process, session, stable: Seq(0), prev: Seq(0), ops: vec![update.into()] };
    let roster = Roster {
        epoch,
        in_step: vec![(process, CARD_1, BOOT)],
        in_sync: vec![(PRIMARY, Life(1)), (STANDBY, Life(2))],
    };
    let start = Start { epoch, process, session, base: Version::ZERO, keep: Version::ZERO };
    let report = UnitReport { epoch, primary: true, live: true, positions: Vec::new() };
    for message in [
        UnitMessage::Report(report),
        UnitMessage::Primary(ToStandby::Start(start)),
        UnitMessage::Primary(ToStandby::InStep(InStep { epoch, process, session })),
        UnitMessage::Primary(ToStandby::Roster(roster)),
        UnitMessage::Primary(ToStandby::Ops(ops)),
    ] {
        unit.handle_message(Party::Unit(PRIMARY), Message::Unit(message), Time(3));
    }
    assert_eq!(accused(&mut unit), []);
    unit
}

/// Whom the unit says to have broken the protocol.
fn accused(unit: &mut ControlUnit) -> Vec<Party> {
    let outputs = std::iter::from_fn(|| unit.poll_output());
    let peers = outputs.filter_map(|output| match output {
        Output::Event(Event::Misbehaved { peer, .. }) => Some(peer),
        _ => None,
    });
    peers.collect()
}

/// The primary forwards an ack of card 1 for the update, with a code of this key over `proved` of it.
fn relay(unit: &mut ControlUnit, key: u128, proved: Seq) -> Vec<Party> {
    let mut ack = Ack {
        epoch: Epoch(1),
        process: table::ID,
        session: 1,
        boot: BOOT,
        applied: proved,
        cookie: Cookie::Key,
        nacks: Vec::new(),
        consumed: 0,
        macs: Vec::new(),
    };
    let code = mac(key, &mac_bytes(CARD_1, &ack));
    (ack.applied, ack.macs) = (Seq(1), vec![AckMac { unit: STANDBY, code }]);
    let relayed = ToStandby::Relayed(RelayedAck { card: CARD_1, ack });
    unit.handle_message(Party::Unit(PRIMARY), Message::Unit(UnitMessage::Primary(relayed)), Time(4));
    accused(unit)
}

/// Observed: with a code of another key, or over another watermark, the primary is accused and nothing is folded; with
/// the card's own code the update is.
#[test]
fn claims_10_23_37_an_ack_that_a_primary_forged_is_refused() {
    let mut unit = standby_that_waits();
    let folded = |unit: &ControlUnit| unit.entry(table::ID, b"key").is_some();
    assert_eq!(relay(&mut unit, ACK_KEY + 1, Seq(1)), [Party::Unit(PRIMARY)]);
    assert!(!folded(&unit));
    assert_eq!(relay(&mut unit, ACK_KEY, Seq(0)), [Party::Unit(PRIMARY)]);
    assert!(!folded(&unit), "a watermark that the card never said");
    assert_eq!(relay(&mut unit, ACK_KEY, Seq(1)), []);
    assert!(folded(&unit));
}

/// Observed: bytes of the dead primary reach card 2 after its promise and change nothing.
#[test]
fn what_a_dead_primary_sent_has_no_effect_after_the_promise() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 10);
    world.hold_link(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "older");
    world.run_for(20_000).unwrap();
    // It is alive, but the other unit and card 1 lose sight of it.
    world.freeze(Party::Unit(primary));
    let (unit, _) = successor(&mut world, primary);
    put(&mut world, "key-1", "newer");
    world.run_for(20_000).unwrap();
    let writes = world.table(CARD_2, table::ID).unwrap().writes;
    let late =
        card_batches(world.messages()).filter(|(from, card, _)| (*from, *card) == (primary, CARD_2)).last();
    assert_eq!(late.unwrap().2.ops[0].key, "key-1".into(), "it is on its way still");
    world.release_link(Party::Unit(primary), Party::Card(CARD_2));
    world.run_for(100_000).unwrap();
    assert_eq!(world.table(CARD_2, table::ID).unwrap().writes, writes);
    assert_eq!(forwarded(&world, CARD_2, "key-1"), Some(&b"newer"[..]));
    heal_and_compare(&mut world);
    assert_eq!(world.primary(), Some(unit));
}

/// Observed: acks of card 2 for everything are stored at the standby; the card comes back empty in the course of the
/// takeover, with another boot id, answers `Unknown`, and is compared and filled.
#[test]
fn a_card_with_a_new_boot_id_is_not_trusted() {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 20);
    let acked = world.unit_status(standby).unwrap().channels;
    let stored = |channel: &hitless_proto::status::ChannelStatus| {
        (channel.process, channel.follower) == (table::ID, Party::Card(CARD_2)) && channel.acked == Seq(20)
    };
    assert!(acked.iter().any(stored), "{acked:?}");
    let before = world.card_status(CARD_2).unwrap().life;
    world.freeze(Party::Card(CARD_2));
    let mark = world.messages().len();
    kill_primary(&mut world);
    claimant(&mut world);
    world.kill_and_wipe(CARD_2);
    world.restart(Party::Card(CARD_2));
    wait(&mut world, |world| world.primary() == Some(standby) && all_cards_in_step(world));
    let promise = promises(since(&world, mark)).find(|(card, ..)| *card == CARD_2).unwrap().2;
    assert_ne!(promise.boot, before);
    assert!(promise.channels.iter().all(|(_, answer)| *answer == ChannelAnswer::Unknown), "{promise:?}");
    assert_eq!(world.table(CARD_2, table::ID).unwrap().entries().len(), 20);
    let (_, report) = successor(&mut world, primary);
    let folded =
        report.channels.iter().filter(|channel| channel.card == CARD_2).map(|channel| channel.folded);
    assert_eq!(folded.sum::<u64>(), 0);
    heal_and_compare(&mut world);
}

/// The same, with the card back before it is claimed: its plan is to reconcile.
#[test]
fn a_card_that_restarted_before_the_claim_is_reconciled() {
    let mut world = whole(World::builder());
    let (primary, _) = pair(&world);
    load(&mut world, 20);
    // The card restarts, and the new primary hears of it, before the old one can bring it in step.
    world.cut(Party::Unit(primary), Party::Card(CARD_2));
    world.kill_and_wipe(CARD_2);
    world.restart(Party::Card(CARD_2));
    world.run_for(100_000).unwrap();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    let plan = plan(&world, unit, table::ID, CARD_2);
    assert_eq!((plan.method, plan.why), (Method::Reconcile, "the card does not vouch for its history"));
    assert_eq!(channel(&report, table::ID, CARD_2).replayed, 20);
    assert_eq!(world.table(CARD_2, table::ID).unwrap().entries().len(), 20);
    heal_and_compare(&mut world);
}

fn all_cards_in_step(world: &World) -> bool {
    let in_step = |card: &CardId| {
        world.card_status(*card).is_some_and(|status| status.channels.iter().all(|channel| channel.in_step))
    };
    world.cards().iter().all(in_step)
}

/// Observed: no op is sent to any card in the new epoch, every channel is verified, and the report counts zero bytes.
#[test]
fn a_planned_switchover_replays_zero_bytes() {
    let mut world = whole(World::builder().units(3));
    let (primary, _) = pair(&world);
    load(&mut world, 100);
    (0..100).for_each(|n| {
        put(&mut world, &format!("key-{n}"), "in flight when it begins");
    });
    let to = world.switchover(None).unwrap();
    let (unit, report) = successor(&mut world, primary);
    assert_eq!((unit, report.planned), (to, true));
    assert_eq!(report.channels.len(), 4);
    assert!(
        report.channels.iter().all(|of| of.verified && (of.bytes, of.replayed, of.in_doubt) == (0, 0, 0))
    );
    wait(&mut world, all_in_step);
    assert_eq!(card_batches(world.messages()).filter(|(from, ..)| *from == to).count(), 0);
    assert!(world.all_safe());
    heal_and_compare(&mut world);
}

/// The new primary dies after `outputs` outputs of its takeover. Gives how many replays it had sent.
fn death_in_the_replay(outputs: u64) -> usize {
    let mut world = whole(World::builder().units(3).cards(3).external_arbiter().seed(outputs + 1));
    let (first, _) = pair(&world);
    load(&mut world, 10);
    [CARD_2, CardId(3)]
        .into_iter()
        .for_each(|card| world.hold_one_way(Party::Unit(first), Party::Card(card)));
    (0..5).for_each(|n| {
        put(&mut world, &format!("key-{n}"), "after");
    });
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    let second = claimant(&mut world);
    world.kill_after_outputs(Party::Unit(second), outputs);
    world.run_until(|world| world.unit(second).is_none()).unwrap();
    let sent = [CARD_2, CardId(3)].map(|card| ops_to(world.messages(), second, table::ID, card).len());
    let third = *world.units().iter().find(|unit| ![first, second].contains(unit)).unwrap();
    wait(&mut world, |world| world.primary() == Some(third) && all_cards_in_step(world));
    for card in world.cards() {
        assert!((0..5).all(|n| forwarded(&world, *card, &format!("key-{n}")) == Some(b"after")), "{card}");
    }
    heal_and_compare(&mut world);
    assert_eq!(world.primary(), Some(third));
    sent.iter().sum()
}

/// Observed: wherever in its takeover the new primary dies, the third unit finishes it; in some runs part of the replay
/// had been sent, in some all, in some none.
#[test]
fn a_new_primary_that_dies_in_the_replay_is_followed_by_the_next() {
    let replays: Vec<usize> = (0..48).map(death_in_the_replay).collect();
    assert!(replays.contains(&0) && replays.contains(&5) && replays.contains(&10), "{replays:?}");
}

/// Observed: after the death of all units the entries are those of the cards, each for the cards that held it, with the
/// standby-only part unknown; deletes stay deleted, and the report says that it was a recovery.
#[test]
fn a_double_death_is_recovered_from_the_cards() {
    let mut world = whole(World::builder());
    load(&mut world, 50);
    world.submit(table::ID, table::delete(b"key-7")).unwrap();
    wait_safe(&mut world);
    let before: BTreeMap<_, _> = world.table(CARD_1, table::ID).unwrap().entries().clone();
    for unit in world.units().to_vec() {
        world.kill(Party::Unit(unit));
    }
    world.run_for(1_000_000).unwrap();
    assert_eq!(*world.table(CARD_1, table::ID).unwrap().entries(), before, "cards go on forwarding");
    world.restart(Party::Unit(UnitId(2)));
    world.run_for(3_000_000).unwrap();
    assert_eq!(world.primary(), None, "one that held everything may come back yet");
    world.restart(Party::Unit(UnitId(1)));
    wait(&mut world, all_in_step);
    let (unit, report) = successor(&mut world, UnitId(0));
    assert!(report.recovered);
    let held = world.held(unit, table::ID);
    assert_eq!(held.len(), 49);
    for (key, (_, content)) in &held {
        assert_eq!((before.get(key), &content.standby_part), (Some(&content.card_part), &None));
    }
    for card in [CARD_1, CARD_2] {
        assert_eq!(*world.table(card, table::ID).unwrap().entries(), before, "{card}");
    }
    put(&mut world, "key-7", "again");
    wait_safe(&mut world);
    heal_and_compare(&mut world);
}
