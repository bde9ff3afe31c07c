//! Forwarding tables that lie, and that others change; disks.

use super::*;
use hitless_proto::config::{OutputRule, Timing};
use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::Epoch;
use hitless_proto::limits::LOG_RETAIN;
use hitless_proto::process::fib::{self, FibKey, Member, NextHop, Route};
use hitless_proto::status::ChannelState;

fn holds(world: &World, card: u16, key: &str) -> Option<String> {
    let entries = world.table(CardId(card), table::ID).unwrap().entries();
    entries.get(&Blob::new(key.as_bytes())).map(|part| String::from_utf8_lossy(part).into_owned())
}

fn tampered(world: &World, card: u16) -> usize {
    world.table(CardId(card), table::ID).unwrap().tampered().len()
}

#[test]
fn an_effect_that_was_lost_is_mended_when_the_table_is_looked_at() {
    let mut world = up(World::builder());
    world.lose_effects(CardId(1), table::ID, 3);
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    assert_eq!(world.table(CardId(1), table::ID).unwrap().entries().len(), 7);
    assert_eq!(tampered(&world, 1), 3);
    assert!(convergence::check(&world).is_err());
    assert_eq!(world.audit_table(CardId(1), table::ID), 3);
    world.run_for(100_000).unwrap();
    assert_eq!(tampered(&world, 1), 0);
    convergence::check(&world).unwrap();
}

#[test]
fn a_part_that_was_stored_wrong_is_mended() {
    let mut world = up(World::builder());
    world.garble_effects(CardId(2), table::ID, 1);
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    assert_ne!(holds(&world, 2, "key-0"), holds(&world, 1, "key-0"));
    assert_eq!((tampered(&world, 1), tampered(&world, 2)), (0, 1));
    settle(&mut world);
    assert_eq!(holds(&world, 2, "key-0"), holds(&world, 1, "key-0"));
}

#[test]
fn what_somebody_else_changed_is_found_and_a_truthful_write_clears_it() {
    let mut world = up(World::builder());
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    world.edit_table(CardId(1), table::ID, &Blob::new(b"key-3"), Some(Blob::new(b"theirs")));
    world.edit_table(CardId(1), table::ID, &Blob::new(b"key-4"), None);
    world.edit_table(CardId(1), table::ID, &Blob::new(b"stray"), Some(Blob::new(b"theirs")));
    assert_eq!(tampered(&world, 1), 3);
    load(&mut world, 3, 4);
    world.run_until(World::all_safe).unwrap();
    assert_eq!((tampered(&world, 1), holds(&world, 1, "key-3")), (2, Some("value-3-4".into())));
    settle(&mut world);
    assert_eq!((tampered(&world, 1), holds(&world, 1, "stray")), (0, None));
}

#[test]
fn a_card_that_starts_takes_over_what_it_finds_and_is_compared() {
    let mut world = up(World::builder());
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    world.kill(C1);
    world.edit_table(CardId(1), table::ID, &Blob::new(b"key-3"), Some(Blob::new(b"theirs")));
    assert_eq!(tampered(&world, 1), 1);
    world.restart(C1);
    assert_eq!(tampered(&world, 1), 0);
    world.run_until(|world| convergence::check(world).is_ok()).unwrap();
    assert_eq!(holds(&world, 1, "key-3"), holds(&world, 2, "key-3"));
}

#[test]
fn a_next_hop_that_somebody_deletes_takes_its_routes_along() {
    let mut world = up(World::builder());
    let via = |id: u8| NextHop::Via { gateway: [192, 0, 2, id].into(), device: None };
    let members = vec![Member { next_hop: 1, weight: 1 }, Member { next_hop: 2, weight: 1 }];
    let group = FibKey::group(1).unwrap();
    let FibKey::NextHop(group_id) = group else { panic!("a group is a next hop") };
    let route = |n: u8| FibKey::main(format!("10.0.{n}.0/24").parse().unwrap());
    for (key, part) in [
        (FibKey::NextHop(1), via(1).encode()),
        (FibKey::NextHop(2), via(2).encode()),
        (group, NextHop::Group(members).encode()),
        (route(1), Route::to(1).encode()),
        (route(2), Route::to(2).encode()),
        (route(3), Route::to(group_id).encode()),
    ] {
        world.submit(fib::ID, key.put(part, Blob::new(b"note"))).unwrap();
    }
    world.run_until(World::all_safe).unwrap();
    let has = |world: &World, key: FibKey| {
        world.table(CardId(1), fib::ID).unwrap().entries().contains_key(&key.encode())
    };
    world.edit_table(CardId(1), fib::ID, &FibKey::NextHop(1).encode(), None);
    assert!(!has(&world, route(1)), "its next hop is gone");
    assert!(has(&world, route(2)) && has(&world, route(3)), "theirs are not");
    world.edit_table(CardId(1), fib::ID, &FibKey::NextHop(2).encode(), None);
    assert!(!has(&world, group) && !has(&world, route(3)), "the group has no member left");
    assert_eq!(world.table(CardId(1), fib::ID).unwrap().tampered().len(), 6);
    settle(&mut world);
    assert_eq!(world.table(CardId(1), fib::ID).unwrap().entries().len(), 6);
}

#[test]
fn a_mend_that_is_refused_may_be_tried_again_in_a_takeover() {
    // With the gated rule the replay waits until the record is opened: the table is idle.
    let mut world = up(World::builder().output_rule(OutputRule::Gated));
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    let primary = world.primary().unwrap();
    world.hold_one_way(Party::Unit(primary), C2);
    load(&mut world, 0, 1);
    world.run_for(20_000).unwrap();
    world.kill(Party::Unit(primary));
    let epoch = |world: &World| world.card(CardId(2)).unwrap().progress(table::ID).unwrap().epoch;
    let before = epoch(&world);
    world.run_until(|world| epoch(world) > before).unwrap();
    world.fail_key(CardId(2), table::ID, b"key-3");
    world.edit_table(CardId(2), table::ID, &Blob::new(b"key-3"), None);
    assert_eq!(world.audit_table(CardId(2), table::ID), 1);
    world.run_until(|world| world.card(CardId(2)).unwrap().mending(table::ID)).unwrap();
    // Found again while the mend is under way: it is written twice, the second time as refused.
    assert_eq!(world.audit_table(CardId(2), table::ID), 1);
    world.run_until(|world| said(world, "it saw a hole") > 0).unwrap();
    assert_eq!(world.mirrored(CardId(2), table::ID, b"key-3").map(|held| held.2), Some(true));
    settle(&mut world);
}

#[test]
fn what_a_card_cures_by_itself_the_primary_comes_to_know() {
    let slow = Timing { retry: 600_000_000, audit: 0, ..Timing::default() };
    let mut world = up(World::builder().timing(slow));
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    world.fail_key(CardId(1), table::ID, b"key-3");
    world.edit_table(CardId(1), table::ID, &Blob::new(b"key-3"), None);
    assert_eq!(world.audit_table(CardId(1), table::ID), 1);
    world.run_for(1_000_000).unwrap();
    convergence::check(&world).unwrap_err();
    assert_eq!(world.mirrored(CardId(1), table::ID, b"key-3").map(|held| held.2), Some(true));
    world.table_mut(CardId(1), table::ID).unwrap().failing.clear();
    // The second time it is told while the table works on it.
    world.curable(CardId(1), table::ID);
    world.run_until(|world| world.card(CardId(1)).unwrap().mending(table::ID)).unwrap();
    world.curable(CardId(1), table::ID);
    world.run_for(1_000_000).unwrap();
    convergence::check(&world).unwrap();
}

#[test]
fn a_card_that_is_further_behind_than_ops_are_kept_is_compared_anew() {
    let mut world = up(World::builder().units(1).cards(1));
    load(&mut world, 0, 10);
    world.run_until(World::all_safe).unwrap();
    world.kill(C1);
    world.restart(C1);
    let channel = |world: &World| {
        let channels = world.unit_status(UnitId(1)).unwrap().channels;
        channels.into_iter().find(|of| of.process == table::ID && of.follower == C1).unwrap()
    };
    world.run_until(|world| channel(world).state == ChannelState::Comparing).unwrap();
    // Nothing waits for it until it is compared, and that it does not answer.
    world.hold_one_way(C1, U1);
    world.run_for(10_000).unwrap();
    load(&mut world, 0, 2 * LOG_RETAIN as u32);
    world.run_until(|world| said(world, "further behind than ops are kept") > 0).unwrap();
    settle(&mut world);
}

#[test]
fn a_route_is_mended_though_its_next_hop_was_withdrawn() {
    let mut world = up(World::builder());
    let (hop, route) = (FibKey::NextHop(1), FibKey::main("10.0.1.0/24".parse().unwrap()));
    let submit = |world: &mut World, changes: Vec<Change>| {
        for change in changes {
            world.submit(fib::ID, change).unwrap();
        }
    };
    let both = || {
        let via = NextHop::Via { gateway: [192, 0, 2, 1].into(), device: None };
        vec![hop.put(via.encode(), Blob::new(b"")), route.put(Route::to(1).encode(), Blob::new(b""))]
    };
    submit(&mut world, both());
    submit(&mut world, vec![hop.delete()]);
    world.run_until(World::all_safe).unwrap();
    // The same again is on its way to the card, when somebody else takes the route away.
    world.hold_one_way(Party::Unit(world.primary().unwrap()), C2);
    submit(&mut world, both());
    world.run_for(20_000).unwrap();
    world.edit_table(CardId(2), fib::ID, &route.encode(), None);
    assert_eq!(world.audit_table(CardId(2), fib::ID), 1);
    world.run_for(20_000).unwrap();
    assert!(world.table(CardId(2), fib::ID).unwrap().entries().contains_key(&route.encode()));
    settle(&mut world);
}

#[test]
fn a_torn_write_is_found_and_the_record_before_it_counts() {
    let mut torn = 0;
    for seed in 0..60 {
        let mut world = up(World::builder().seed(seed));
        let primary = Party::Unit(world.primary().unwrap());
        world.kill(primary);
        let candidate = if primary == U1 { U2 } else { U1 };
        // While the next epoch is promised, writes are under way.
        world.run_for(300 + 100 * (seed % 30)).unwrap();
        world.kill(candidate);
        world.kill(C1);
        for party in [primary, candidate, C1] {
            world.restart(party);
            torn += world.disk_mut(party).unwrap().torn();
        }
        settle(&mut world);
    }
    assert!(torn > 3, "only {torn} records were torn");
}

#[test]
fn nobody_promises_on_a_full_disk_until_it_is_freed() {
    let mut world = up(World::builder());
    let primary = world.primary().unwrap();
    let other = if Party::Unit(primary) == U1 { U2 } else { U1 };
    for party in [other, C1, C2] {
        world.fill_disk(party, true);
    }
    world.kill(Party::Unit(primary));
    world.run_for(10_000_000).unwrap();
    assert_eq!(world.primary(), None);
    for party in [other, C1, C2] {
        world.fill_disk(party, false);
    }
    world.run_until(|world| world.primary().is_some()).unwrap();
    settle(&mut world);
}

#[test]
fn only_a_card_without_a_vote_may_lose_its_disk() {
    let mut world = up(World::builder().cards(3));
    assert!(world.lose_disk(U1).is_err() && world.lose_disk(C1).is_err(), "voters");
    assert!(world.is_up(C1), "a refusal changes nothing");
    load(&mut world, 0, 50);
    world.run_until(World::all_safe).unwrap();
    let card = CardId(3);
    assert_eq!(world.card_status(card).unwrap().promised, Epoch(1));
    world.lose_disk(Party::Card(card)).unwrap();
    world.restart(Party::Card(card));
    assert_eq!(world.card_status(card).unwrap().promised, Epoch(0));
    assert_eq!(world.disk_losses(Party::Card(card)), 1);
    world.run_until(|world| convergence::check(world).is_ok()).unwrap();
    assert_eq!(world.card_status(card).unwrap().promised, Epoch(1));
}

/// An entry that is taken from a card is a delete there. Its refusal was learned again after a reset as that of a put, and the
/// card was compared for ever.
#[test]
fn a_refused_delete_of_what_others_keep_is_known_for_a_delete_after_a_reset() {
    let mut world = up(World::builder());
    let primary = Party::Unit(world.primary().unwrap());
    let named = |cards: &[CardId]| {
        let audience = Audience::cards(cards.iter().copied());
        let content = Content { audience, card_part: "value".into(), standby_part: None };
        Change { key: "named".into(), content: Some(content) }
    };
    world.submit(table::ID, named(&[CardId(1), CardId(2)])).unwrap();
    world.run_until(World::all_safe).unwrap();
    world.fail_key(CardId(1), table::ID, b"named");
    world.submit(table::ID, named(&[CardId(2)])).unwrap();
    // Until the last of its retries was refused too: that is the last op of the card.
    world.run_for(60_000_000).unwrap();
    world.reset_link(primary, C1);
    world.run_for(1_000_000).unwrap();
    let channels = world.card_status(CardId(1)).unwrap().channels;
    assert!(channels.iter().all(|channel| channel.in_step), "{channels:?}");
    assert_eq!(holds(&world, 1, "named").as_deref(), Some("value"), "its table refuses to let go of it");
    settle(&mut world);
    assert_eq!(holds(&world, 1, "named"), None);
}

/// Retries were issued with every audit, also while the gate held back the last one: one behind the other.
#[test]
fn a_refused_key_is_not_tried_again_before_the_last_try_was_answered() {
    let timing = Timing { audit: 700_000, evict: 600_000_000, ..Timing::default() };
    let mut world = up(World::builder().output_rule(OutputRule::Gated).timing(timing));
    let primary = world.primary().unwrap();
    let standby = *world.units().iter().find(|unit| **unit != primary).unwrap();
    world.fail_key(CardId(1), table::ID, b"key-0");
    load(&mut world, 0, 1);
    world.run_for(10_000_000).unwrap();
    let issued = |world: &World| world.unit(primary).unwrap().progress(table::ID).unwrap().received.seq.0;
    let before = issued(&world);
    world.hold_one_way(Party::Unit(primary), Party::Unit(standby));
    world.run_for(20_000_000).unwrap();
    assert!(issued(&world) <= before + 1, "{} after {before}", issued(&world));
    settle(&mut world);
}
