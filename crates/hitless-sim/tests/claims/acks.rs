//! How acks reach standbys, and what is done when they do not.

use hitless_proto::config::AckPath;
use hitless_proto::ids::{Party, Version};
use hitless_proto::message::ChannelAnswer;
use hitless_proto::process::table;
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, channel, forwarded, heal_and_compare, kill_primary, load, pair, pending, plan, put,
    successor, whole,
};
use crate::wires::{acks, claims, ops_to, promises, relayed, since};

/// Observed: cards send acks to the primary alone; the primary forwards each to the standby, which folds by them.
#[test]
fn claims_10_23_relayed_acks() {
    let mut world = whole(World::builder().ack_path(AckPath::Relayed));
    let (primary, standby) = pair(&world);
    let mark = world.messages().len();
    load(&mut world, 30);
    let sent = since(&world, mark);
    assert!(acks(sent).all(|(_, unit, _)| unit == primary));
    for card in [CARD_1, CARD_2] {
        let original: Vec<u64> =
            acks(sent).filter(|(from, ..)| *from == card).map(|(_, _, ack)| ack.applied.0).collect();
        let forwarded = relayed(sent).filter(|(_, to, relayed)| *to == standby && relayed.card == card);
        assert_eq!(forwarded.map(|(_, _, relayed)| relayed.ack.applied.0).collect::<Vec<_>>(), original);
        assert_eq!(original.last(), Some(&30));
    }
    let status = world.unit_status(standby).unwrap();
    assert!(status.channels.iter().all(|channel| channel.process != table::ID || channel.acked.0 == 30));
    assert_eq!((pending(&world, standby, table::ID), world.held(standby, table::ID).len()), (0, 30));
}

/// Observed: cards send every ack to every control unit; nothing is forwarded, and the standby folds.
#[test]
fn claims_11_24_direct_acks() {
    let mut world = whole(World::builder().ack_path(AckPath::Direct).units(3));
    let mark = world.messages().len();
    load(&mut world, 30);
    let sent = since(&world, mark);
    assert_eq!(relayed(sent).count(), 0);
    for unit in world.units() {
        for card in [CARD_1, CARD_2] {
            let mine = acks(sent).filter(|(from, to, _)| (*from, to) == (card, unit));
            assert_eq!(mine.map(|(_, _, ack)| ack.applied.0).max(), Some(30), "{card} to {unit}");
        }
    }
    let standbys = world.units().iter().filter(|unit| Some(**unit) != world.primary());
    assert!(standbys.clone().all(|unit| world.held(*unit, table::ID).len() == 30));
    assert!(standbys.clone().all(|unit| pending(&world, *unit, table::ID) == 0));
}

/// Acks of card 2 are lost before the failover; the ops themselves are lost in one run and not in the other.
fn takeover_without_acks(ops_lost: bool) {
    let mut world = whole(World::builder());
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    if ops_lost {
        world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    }
    [primary, standby].into_iter().for_each(|unit| world.drop_acks(CARD_2, unit));
    let versions: Vec<Version> = (0..4).map(|n| put(&mut world, &format!("key-{n}"), "after")).collect();
    world.run_for(20_000).unwrap();
    assert_eq!(pending(&world, standby, table::ID), 4);

    let mark = world.messages().len();
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    let sent = since(&world, mark);
    let asked = claims(sent).find(|(_, card, _)| *card == CARD_2).unwrap();
    assert_eq!((asked.0, asked.2.epoch), (unit, report.epoch));
    assert!(asked.2.received.contains(&(table::ID, versions[3])), "it says what it has received");
    let told =
        promises(sent).find(|(card, _, promise)| *card == CARD_2 && promise.epoch == report.epoch).unwrap().2;
    let answer = &told.channels.iter().find(|(process, _)| *process == table::ID).unwrap().1;
    let ChannelAnswer::Known { applied, nacks, orphans } = answer else { panic!("{answer:?}") };
    assert!(nacks.is_empty() && orphans.is_empty());
    let (fold, replay) = if ops_lost { (0, 4) } else { (4, 0) };
    assert_eq!(applied.seq, if ops_lost { Version::new(1, 10).seq } else { versions[3].seq });
    let plan = plan(&world, unit, table::ID, CARD_2);
    assert_eq!((plan.fold, plan.replay.len()), (fold, replay), "what stays un-acked names the process");
    assert_eq!(ops_to(sent, unit, table::ID, CARD_2).len(), replay);
    assert_eq!(channel(&report, table::ID, CARD_2).replayed, replay as u64);
    assert_eq!(forwarded(&world, CARD_2, "key-3"), Some(&b"after"[..]));
    heal_and_compare(&mut world);
}

/// Observed: the claim to card 2, its promise with the watermark whose acks were lost, a plan that folds and replays
/// nothing, and no op sent; where the ops were lost as well, the promise does not cover them and they are replayed.
#[test]
fn claims_4_17_30_35_41_lost_acks_are_asked_for_again() {
    takeover_without_acks(false);
    takeover_without_acks(true);
}

/// Observed: with relayed acks, what the dead primary did not forward is asked of the cards as well.
#[test]
fn claims_30_41_acks_that_were_not_relayed_are_asked_for_again() {
    let mut world = whole(World::builder().ack_path(AckPath::Relayed));
    let (primary, standby) = pair(&world);
    load(&mut world, 10);
    [CARD_1, CARD_2].into_iter().for_each(|card| world.drop_acks(card, primary));
    put(&mut world, "key-1", "after");
    world.run_for(20_000).unwrap();
    assert_eq!(pending(&world, standby, table::ID), 1);
    kill_primary(&mut world);
    let (unit, report) = successor(&mut world, primary);
    assert_eq!(plan(&world, unit, table::ID, CARD_1).fold, 1);
    assert!(report.channels.iter().all(|channel| channel.verified && channel.bytes == 0), "{report:?}");
    heal_and_compare(&mut world);
}
