//! Ops that a card applied and the new primary never received.

use hitless_proto::config::{OutputRule, Timing};
use hitless_proto::entry::{Audience, Change, Content};
use hitless_proto::ids::{CardId, Party, Seq, UnitId};
use hitless_proto::io::Role;
use hitless_proto::message::FromStandby;
use hitless_proto::process::table;
use hitless_proto::status::{ChannelState, ClientStatus};
use hitless_sim::{Builder, Speeds, World};

use crate::scene::{
    CARD_1, CARD_2, all_in_step, channel, claimant, forwarded, heal_and_compare, kill_primary, load, pair,
    plan, put, successor, wait, wait_safe, whole,
};
use crate::wires::{card_batches, from_standbys, ops_to, since};

/// The primary dies when it has sent ops to card 1, but not to its standby, nor to card 2.
fn takeover(builder: Builder) -> (World, UnitId, usize) {
    let mut world = whole(builder);
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    world.cut_one_way(Party::Unit(primary), Party::Unit(standby));
    put(&mut world, "key-1", "after");
    put(&mut world, "new", "value");
    world.submit(table::ID, table::delete(b"key-2")).unwrap();
    let named = Content { audience: Audience::cards([CARD_1]), card_part: "1".into(), standby_part: None };
    world.submit(table::ID, Change { key: "named".into(), content: Some(named) }).unwrap();
    world.run_for(20_000).unwrap();
    let mark = world.messages().len();
    kill_primary(&mut world);
    (world, primary, mark)
}

/// Writes that the forwarding table of a card has taken.
fn writes(world: &World, card: CardId) -> u64 {
    world.card_status(card).unwrap().channels.iter().map(|channel| channel.writes).sum()
}

/// Observed: the promise of card 1 lists four orphans; the new primary holds their entries, marks the standby-only part
/// unknown, and sends them to both cards, of which card 1 has nothing to write.
#[test]
fn orphans_are_adopted_and_sent_to_the_rest_of_their_audience() {
    let (mut world, former, mark) = takeover(World::builder());
    let written = writes(&world, CARD_1);
    let (unit, report) = successor(&mut world, former);
    let adopted = plan(&world, unit, table::ID, CARD_1).adopt;
    let keys: Vec<&[u8]> = adopted.iter().map(|orphan| &orphan.key[..]).collect();
    assert_eq!(keys, [&b"key-1"[..], b"new", b"key-2", b"named"]);
    assert_eq!(channel(&report, table::ID, CARD_1).adopted, 4);
    assert_eq!(channel(&report, table::ID, CARD_2).adopted, 0);
    let held = world.held(unit, table::ID);
    assert_eq!(
        (&held[&"new".into()].1.card_part[..], &held[&"new".into()].1.standby_part),
        (&b"value"[..], &None)
    );
    assert_eq!(held[&"named".into()].1.audience, Audience::cards([CARD_1]));
    assert!(!held.contains_key(&"key-2".into()));
    assert_eq!(held[&"key-1".into()].0.epoch, report.epoch, "rolled forward by a new op");
    let sent = [CARD_1, CARD_2].map(|card| ops_to(since(&world, mark), unit, table::ID, card).len());
    assert_eq!(sent, [4, 4], "the history of each begins anew, and must name them");
    assert_eq!(writes(&world, CARD_1), written, "it has them");
    for card in [CARD_1, CARD_2] {
        assert_eq!(forwarded(&world, card, "key-1"), Some(&b"after"[..]), "{card}");
        assert_eq!(forwarded(&world, card, "new"), Some(&b"value"[..]), "{card}");
        assert_eq!(forwarded(&world, card, "key-2"), None, "{card}");
    }
    assert_eq!(
        (forwarded(&world, CARD_1, "named"), forwarded(&world, CARD_2, "named")),
        (Some(&b"1"[..]), None)
    );
    assert!(report.channels.iter().all(|channel| channel.verified));
    heal_and_compare(&mut world);
    world.submit(table::ID, table::put(b"new", b"value", b"note")).unwrap();
    wait_safe(&mut world);
    assert_eq!(world.held(unit, table::ID)[&"new".into()].1.standby_part, Some("note".into()), "named again");
}

/// Observed: the first takeover adopts an orphan, tells the third unit nothing of it, brings the card in step and dies; the
/// second finds the orphan on the card again.
#[test]
fn an_orphan_that_a_dead_claimant_adopted_is_adopted_again() {
    let mut world = whole(World::builder().units(3).cards(1));
    let (first, _) = pair(&world);
    load(&mut world, 10);
    let standbys = world.units().to_vec().into_iter().filter(|unit| *unit != first);
    standbys.for_each(|unit| world.cut_one_way(Party::Unit(first), Party::Unit(unit)));
    put(&mut world, "new", "value");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    let second = claimant(&mut world);
    world.hold_one_way(Party::Card(CARD_1), Party::Unit(second));
    world.run_for(3_000).unwrap();
    let third = *world.units().iter().find(|unit| ![first, second].contains(unit)).unwrap();
    world.cut_one_way(Party::Unit(second), Party::Unit(third));
    world.release_link(Party::Card(CARD_1), Party::Unit(second));
    let epoch = world.unit_status(second).unwrap().epoch;
    let follows = |channel: &ClientStatus| channel.in_step && channel.applied.epoch == epoch;
    wait(&mut world, |world| world.card_status(CARD_1).unwrap().channels.iter().all(follows));
    assert_eq!(plan(&world, second, table::ID, CARD_1).adopt.len(), 1);
    assert!(!world.held(third, table::ID).contains_key(&"new".into()));
    world.kill(Party::Unit(second));
    world.mend(Party::Unit(first), Party::Unit(third));
    world.restart(Party::Unit(first));
    let (unit, report) = successor(&mut world, second);
    assert_eq!((unit, channel(&report, table::ID, CARD_1).adopted), (third, 1));
    assert_eq!(forwarded(&world, CARD_1, "new"), Some(&b"value"[..]));
    heal_and_compare(&mut world);
    assert_eq!(forwarded(&world, CARD_1, "new"), Some(&b"value"[..]));
}

/// Observed: under the gated rule no card is sent an op before the standby said that it has it, so that the same death
/// leaves nothing to adopt.
#[test]
fn the_gated_rule_leaves_no_orphans() {
    let (mut world, former, _) = takeover(World::builder().output_rule(OutputRule::Gated));
    let standby = *world.units().iter().find(|unit| **unit != former).unwrap();
    let mut received = Seq(0);
    let mut checked = 0;
    for sent in world.messages() {
        let one = std::slice::from_ref(sent);
        for (from, _, message) in from_standbys(one) {
            if let (true, FromStandby::Received { process: table::ID, upto, .. }) = (from == standby, message)
            {
                received = received.max(*upto);
            }
        }
        for (.., batch) in card_batches(one).filter(|(.., batch)| batch.process == table::ID) {
            let last = batch.ops.last().unwrap().version.seq;
            assert!(last <= received, "{last} is sent, and {received} was received");
            checked += 1;
        }
    }
    assert!(checked > 0);
    let (unit, report) = successor(&mut world, former);
    assert!(report.channels.iter().all(|channel| channel.adopted == 0 && channel.verified), "{report:?}");
    assert!(plan(&world, unit, table::ID, CARD_1).adopt.is_empty());
    assert_eq!(forwarded(&world, CARD_1, "new"), None, "it never took effect anywhere");
    assert_eq!(world.held(unit, table::ID).len(), 10);
    heal_and_compare(&mut world);
}

/// The units that the primary's record names.
fn named(world: &World, primary: UnitId) -> usize {
    world.unit_status(primary).unwrap().record.in_sync.len()
}

/// With the gated rule: the primary's record names nobody else, and its standby is dead.
fn alone(speeds: Speeds) -> (World, UnitId, UnitId) {
    let builder = World::builder().external_arbiter().output_rule(OutputRule::Gated).speeds(speeds);
    let mut world = whole(builder);
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world.kill(Party::Unit(standby));
    wait(&mut world, |world| named(world, primary) == 1);
    (world, primary, standby)
}

/// Observed: what card 1 was sent while nobody else was in sync has not come to a standby that is in step. The record does
/// not name it: once it did, the op would be an orphan.
#[test]
fn gated_who_lacks_what_cards_were_sent_is_not_named() {
    let (mut world, primary, standby) = alone(Speeds::default());
    let mark = world.messages().len();
    world.restart(Party::Unit(standby));
    let tells =
        |message: &FromStandby| matches!(message, FromStandby::Tell(tell) if tell.process == table::ID);
    let told = |world: &World| from_standbys(since(world, mark)).any(|(.., message)| tells(message));
    world.run_until(told).unwrap();
    world.hold_one_way(Party::Unit(primary), Party::Unit(standby));
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "key-1", "after");
    let in_step = |world: &World| {
        let of_standby = (table::ID, Party::Unit(standby));
        world.unit(primary).unwrap().channel_state(of_standby.0, of_standby.1) == Some(ChannelState::InStep)
    };
    world.run_until(in_step).unwrap();
    world.run_for(200_000).unwrap();
    assert_eq!(forwarded(&world, CARD_1, "key-1"), Some(&b"after"[..]));
    assert_eq!(named(&world, primary), 1);
    world.release_link(Party::Unit(primary), Party::Unit(standby));
    wait(&mut world, |world| named(world, primary) == 2);
    kill_primary(&mut world);
    let (unit, _) = successor(&mut world, primary);
    assert!([CARD_1, CARD_2].iter().all(|card| plan(&world, unit, table::ID, *card).adopt.is_empty()));
    heal_and_compare(&mut world);
}

/// Observed: sources never pause, so that the standby is behind at any time; cards wait for it until it is named.
#[test]
fn gated_a_standby_is_named_while_sources_go_on() {
    let (mut world, primary, standby) = alone(Speeds { delay: (1_000, 2_000), ..Speeds::default() });
    world.restart(Party::Unit(standby));
    let mut n = 0;
    while named(&world, primary) == 1 {
        n += 1;
        assert!(n < 20_000, "it was never named");
        let change = table::put(b"key-1", format!("value {n}").as_bytes(), b"");
        let _busy = world.submit(table::ID, change);
        world.run_for(100).unwrap();
    }
    heal_and_compare(&mut world);
}

/// Observed: the claimant was primary before, and is to try again what card 1 refused, when the promise of card 1 is late.
/// It does not before it knows of the orphan of that key on card 2.
#[test]
fn what_was_refused_is_not_tried_again_before_orphans_are_adopted() {
    let timing = Timing { retry: 5_000_000, ..Timing::default() };
    let mut world = whole(World::builder().external_arbiter().timing(timing));
    let (claimant, former) = pair(&world);
    load(&mut world, 10);
    world.fail_key(CARD_1, table::ID, b"key-1");
    put(&mut world, "key-1", "refused");
    wait_safe(&mut world);
    let refused_at = world.now();
    world.switchover(Some(former)).unwrap();
    wait(&mut world, |world| world.primary() == Some(former) && all_in_step(world));
    world.run_for(refused_at.after(3_000_000).since(world.now())).unwrap();
    world.hold_one_way(Party::Unit(former), Party::Card(CARD_1));
    world.cut_one_way(Party::Unit(former), Party::Unit(claimant));
    put(&mut world, "key-1", "orphan");
    world.run_for(20_000).unwrap();
    assert_eq!(forwarded(&world, CARD_2, "key-1"), Some(&b"orphan"[..]));
    world.hold_one_way(Party::Card(CARD_1), Party::Unit(claimant));
    kill_primary(&mut world);
    world.run_until(|world| world.now() > refused_at.after(5_200_000)).unwrap();
    assert_eq!(world.role(claimant), Some(Role::TakingOver));
    world.release_link(Party::Card(CARD_1), Party::Unit(claimant));
    successor(&mut world, former);
    assert_eq!(plan(&world, claimant, table::ID, CARD_2).adopt.len(), 1);
    assert_eq!(&world.held(claimant, table::ID)[&"key-1".into()].1.card_part[..], b"orphan");
    heal_and_compare(&mut world);
}

/// Observed: while the claims are out a source names a key for card 2, and card 1 holds it by an orphan: it is taken away there.
#[test]
fn an_orphan_that_a_source_moves_to_another_card_is_taken_away() {
    let (mut world, former, _) = takeover(World::builder());
    let unit = claimant(&mut world);
    let moved = Content { audience: Audience::cards([CARD_2]), card_part: "2".into(), standby_part: None };
    world.submit_to(unit, table::ID, Change { key: "new".into(), content: Some(moved) }).unwrap();
    successor(&mut world, former);
    assert_eq!(plan(&world, unit, table::ID, CARD_1).adopt.len(), 4);
    assert_eq!((forwarded(&world, CARD_1, "new"), forwarded(&world, CARD_2, "new")), (None, Some(&b"2"[..])));
    heal_and_compare(&mut world);
}

/// Observed: under the gated rule a card that comes back empty is filled up to what the standby has; the rest follows when
/// the standby has that too.
#[test]
fn the_gated_rule_holds_for_what_a_card_is_filled_with() {
    let mut world = whole(World::builder().output_rule(OutputRule::Gated));
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    world.hold_one_way(Party::Unit(primary), Party::Unit(standby));
    put(&mut world, "key-1", "after");
    world.kill_and_wipe(CARD_2);
    world.restart(Party::Card(CARD_2));
    let filled = |world: &World| world.table(CARD_2, table::ID).unwrap().entries().len();
    world.run_for(300_000).unwrap();
    assert!(filled(&world) < 10, "the standby lacks what the card would be given");
    assert_ne!(forwarded(&world, CARD_2, "key-1"), Some(&b"after"[..]));
    world.release_link(Party::Unit(primary), Party::Unit(standby));
    wait(&mut world, |world| forwarded(world, CARD_2, "key-1") == Some(&b"after"[..]));
    heal_and_compare(&mut world);
    assert_eq!(filled(&world), 10);
}
