//! Sessions as views: differences, stale routes, sweeps, shadow views.

use hitless_proto::entry::Content;
use hitless_proto::process::fib::FibKey;

use super::bench::{
    Bench, attribute, gone, group, message, number, object, object_gone, route, route_head, route_in,
    route_via,
};
use crate::fpm::{FpmSettings, SweepRefusal};

const SENTINEL: &str = "fdff::ffff/128";

fn settings() -> FpmSettings {
    FpmSettings { sentinel: Some(SENTINEL.parse().unwrap()), ..FpmSettings::default() }
}

/// Two next hops, a group of them, and three routes, numbered from `base`.
fn announce(bench: &mut Bench, base: u32) {
    bench.say(&[group(base + 3, &[(base + 1, 10), (base + 2, 20)])]);
    bench.say(&[object(base + 1, "10.0.1.2", 3), object(base + 2, "10.0.2.2", 5)]);
    bench.say(&[
        route("10.1.0.0/16", base + 1),
        route("10.2.0.0/16", base + 2),
        route("10.3.0.0/16", base + 3),
    ]);
}

fn loaded(settings: FpmSettings) -> Bench {
    let mut bench = Bench::live(settings);
    announce(&mut bench, 0);
    assert_eq!(bench.settle().len(), 6);
    bench
}

#[test]
fn a_group_may_come_before_its_members_and_a_route_before_its_object() {
    let mut bench = Bench::live(settings());
    bench.say(&[group(3, &[(1, 10), (2, 20)]), route("10.3.0.0/16", 3), route("10.4.0.0/16", 4)]);
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.source.status().waiting, 2);
    bench.say(&[object(1, "10.0.1.2", 3)]);
    assert_eq!(bench.settle(), [""; 0]);
    bench.say(&[object(2, "10.0.2.2", 5)]);
    assert_eq!(bench.settle(), ["+next-hop", "+next-hop", "+group", "+10.3.0.0/16"]);
    bench.say(&[group(4, &[(1, 1)])]);
    assert_eq!(bench.settle(), ["+10.4.0.0/16"], "a group of one is its member");
    assert_eq!(bench.source.status().waiting, 0);
    let expected = [
        "10.3.0.0/16 [via 10.0.1.2 dev v0]*10 [via 10.0.2.2 dev w0]*20 (fpm bgp)",
        "10.4.0.0/16 via 10.0.1.2 dev v0 (fpm bgp)",
    ];
    assert_eq!(bench.routes(), expected);
}

#[test]
fn a_new_session_with_other_numbers_changes_nothing_that_is_the_same() {
    let mut bench = loaded(settings());
    for base in [100, 7, 0] {
        bench.source.handle_session_end();
        assert_eq!(bench.source.status().stale, 3, "without a session nobody names them");
        bench.session();
        assert_eq!(bench.source.status().stale, 3);
        announce(&mut bench, base);
        assert_eq!(bench.settle(), [""; 0]);
        assert_eq!(bench.source.status().stale, 0);
    }
    bench.session();
    bench.say(&[object(9, "10.0.2.2", 5), object(8, "10.0.1.9", 3)]);
    bench.say(&[route("10.1.0.0/16", 8), route("10.2.0.0/16", 9)]);
    assert_eq!(bench.settle(), ["+next-hop", "+10.1.0.0/16"], "the true difference");
    assert_eq!((bench.source.status().stale, bench.routes().len()), (1, 3));
}

#[test]
fn two_units_that_start_from_nothing_give_equal_entries() {
    let (mut one, mut other) = (loaded(settings()), Bench::live(settings()));
    other.say(&[object(72, "10.0.2.2", 5), route("10.2.0.0/16", 72)]);
    other.settle();
    other.say(&[object(71, "10.0.1.2", 3), group(73, &[(72, 20), (71, 10)])]);
    other.say(&[route("10.3.0.0/16", 73), route("10.1.0.0/16", 71)]);
    other.settle();
    let parts = |bench: &mut Bench| -> Vec<_> {
        bench.held.iter().map(|(key, (_, content))| (key.clone(), content.clone())).collect()
    };
    assert_eq!(parts(&mut one), parts(&mut other));
}

#[test]
fn the_sentinel_sweeps_what_was_not_named_when_it_is_quiet() {
    let mut bench = loaded(settings());
    bench.session();
    bench.say(&[object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1), route(SENTINEL, 1)]);
    bench.wait(999_000);
    bench.say(&[route("10.2.0.0/16", 1)]);
    assert_eq!(bench.settle(), ["+10.2.0.0/16"]);
    bench.wait(999_000);
    assert_eq!((bench.settle(), bench.source.status().stale), (vec![], 1), "a stale one was named just now");
    bench.say(&[route("10.9.0.0/16", 1)]);
    bench.settle();
    bench.wait(1_000);
    assert_eq!(bench.settle(), ["-10.3.0.0/16", "-group", "-next-hop"]);
    assert_eq!((bench.source.status().stale, bench.source.status().swept), (0, 1));
    assert!(bench.routes().iter().all(|route| !route.contains("fdff")), "the sentinel itself is not taken");
    bench.say(&[gone(SENTINEL)]);
    bench.wait(10_000_000);
    assert_eq!(bench.settle(), [""; 0]);
}

#[test]
fn without_a_signal_stale_routes_stay_for_ever_or_for_the_last_resort() {
    let mut bench = loaded(settings());
    bench.session();
    bench.wait(u64::MAX / 2);
    assert_eq!((bench.settle(), bench.source.status().stale), (vec![], 3));
    let mut bench = loaded(FpmSettings { last_resort: 3_600_000_000, ..settings() });
    bench.session();
    bench.say(&[object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1)]);
    bench.wait(3_599_000_000);
    assert_eq!(bench.settle(), [""; 0]);
    bench.wait(1_000_000);
    assert_eq!(bench.settle(), ["-10.2.0.0/16", "-10.3.0.0/16", "-group", "-next-hop"]);
}

#[test]
fn a_signal_says_nothing_of_tables_that_the_session_did_not_name() {
    let mut bench = Bench::live(settings());
    bench.say(&[object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1), route("10.2.0.0/16", 1)]);
    bench.say(&[
        route_in("10.1.0.0/16", 100, 1),
        route_in("10.1.0.0/16", 1000, 1),
        route_in("10.2.0.0/16", 1000, 1),
    ]);
    bench.settle();
    bench.session();
    bench.say(&[
        object(1, "10.0.1.2", 3),
        route("10.1.0.0/16", 1),
        route_in("10.1.0.0/16", 1000, 1),
        route(SENTINEL, 1),
    ]);
    bench.wait(1_000_000);
    let mut swept = bench.settle();
    swept.sort();
    assert_eq!(swept, ["-10.2.0.0/16", "-10.2.0.0/16 table 1000"]);
    assert_eq!(bench.source.status().stale, 1);
    assert_eq!(bench.source.sweep(false), Ok(1), "the operator may mean all of them");
    assert_eq!(bench.settle(), ["-10.1.0.0/16 table 100"]);
}

#[test]
fn an_operator_sweeps_with_a_session_or_says_that_there_is_none() {
    let mut bench = loaded(settings());
    bench.session();
    bench.say(&[object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1)]);
    assert_eq!(bench.source.sweep(false), Ok(2));
    assert_eq!(bench.settle().len(), 4);
    bench.source.handle_session_end();
    assert_eq!(bench.source.sweep(false), Err(SweepRefusal::NoSession(1)));
    assert_eq!(bench.source.sweep(true), Ok(1));
    assert_eq!(bench.settle(), ["-10.1.0.0/16", "-next-hop"]);
    assert!(bench.held.is_empty() && bench.card.is_empty());
    bench.source.handle_not_primary();
    assert_eq!(bench.source.sweep(true), Err(SweepRefusal::NotPrimary));
}

#[test]
fn a_shadow_view_is_compared_when_its_unit_becomes_primary() {
    let first = loaded(settings());
    let mut standby = Bench { held: first.held, seq: first.seq, card: first.card, ..Bench::with(settings()) };
    standby.session();
    standby.say(&[object(51, "10.0.1.2", 3), object(52, "10.0.2.2", 5)]);
    standby.say(&[
        route("10.1.0.0/16", 51),
        route("10.2.0.0/16", 51),
        route("10.5.0.0/16", 52),
        gone("10.3.0.0/16"),
    ]);
    standby.say(&[route(SENTINEL, 51)]);
    assert_eq!((standby.settle(), standby.source.status().held), (vec![], 0), "a standby submits nothing");
    standby.become_primary();
    assert_eq!((standby.source.status().held, standby.source.status().stale), (3, 1));
    let mut changes = standby.settle();
    changes.sort();
    assert_eq!(changes, ["+10.2.0.0/16", "+10.5.0.0/16"]);
    standby.wait(1_000_000);
    assert_eq!(standby.settle(), ["-10.3.0.0/16", "-group"], "the session had given its signal");
    standby.source.handle_not_primary();
    standby.say(&[gone("10.1.0.0/16")]);
    assert_eq!(standby.settle(), [""; 0]);
}

#[test]
fn a_takeover_without_the_signal_sweeps_nothing() {
    let first = loaded(settings());
    let mut standby = Bench { held: first.held, seq: first.seq, card: first.card, ..Bench::with(settings()) };
    standby.session();
    standby.become_primary();
    standby.wait(u64::MAX / 2);
    assert_eq!((standby.settle(), standby.source.status().stale), (vec![], 3));
}

#[test]
fn what_others_put_is_left_alone_and_what_came_back_from_cards_is_ours() {
    let mut bench = Bench::with(settings());
    let put = |bench: &mut Bench, key: &str, part: &[u8], note: Option<&str>| {
        let key: FibKey = key.parse().unwrap();
        let content =
            Content { standby_part: note.map(Into::into), card_part: part.into(), ..Content::default() };
        bench.held.insert(key.encode(), (hitless_proto::ids::Version::default(), content));
    };
    put(&mut bench, "next-hop 7", &[0], Some("static"));
    put(&mut bench, "10.7.0.0/16", &[0, 0, 0, 7], Some("static"));
    put(&mut bench, "next-hop 8", &[0], None);
    put(&mut bench, "10.8.0.0/16", &[0, 0, 0, 8], None);
    put(&mut bench, "10.9.0.0/16", &[0, 0, 0, 8], None);
    bench.become_primary();
    bench.session();
    bench.say(&[message(24, &route_head("10.8.0.0/16", 254, [196, 0, 6]))]);
    assert_eq!((bench.settle(), bench.source.status().stale), (vec![], 1));
    bench.source.sweep(false).unwrap();
    let changes = bench.source.next_batch().unwrap();
    assert_eq!(changes, ["10.9.0.0/16".parse::<FibKey>().unwrap().delete()]);
}

#[test]
fn changes_that_wait_for_the_core_are_coalesced_per_key() {
    let mut bench = loaded(settings());
    bench.say(&[gone("10.1.0.0/16")]);
    let batch = bench.source.next_batch().unwrap();
    assert_eq!(batch.len(), 1);
    for round in 0..1000_u32 {
        let last = round % 250 + 1;
        bench.say(&[route_via("10.1.0.0/16", &format!("10.0.1.{last}"), 3), gone("10.2.0.0/16")]);
        bench.say(&[route("10.2.0.0/16", 2)]);
        assert!(bench.source.next_batch().is_none(), "one batch at a time");
    }
    assert_eq!(bench.source.status().pending, 2);
    bench.source.handle_submitted(&[Ok(hitless_proto::ids::Version::default())]);
    assert_eq!(bench.settle(), ["+next-hop", "+10.1.0.0/16"]);
}

#[test]
fn deletes_that_an_old_session_ordered_stand() {
    let mut bench = loaded(settings());
    bench.say(&[gone("10.1.0.0/16"), gone("10.2.0.0/16"), route("10.3.0.0/16", 1)]);
    bench.session();
    bench.say(&[object(5, "10.0.2.2", 5), route("10.2.0.0/16", 5)]);
    assert_eq!(bench.settle(), ["-10.1.0.0/16"]);
    assert_eq!((bench.source.status().stale, bench.routes().len()), (1, 2));
}

#[test]
fn an_object_that_changes_takes_its_routes_and_groups_along() {
    let mut bench = loaded(settings());
    bench.say(&[object(1, "10.0.1.9", 3)]);
    let changes = bench.settle();
    assert_eq!(changes.iter().filter(|change| change.starts_with("+10.")).count(), 2, "{changes:?}");
    let expected = [
        "10.1.0.0/16 via 10.0.1.9 dev v0 (fpm bgp)",
        "10.2.0.0/16 via 10.0.2.2 dev w0 (fpm bgp)",
        "10.3.0.0/16 [via 10.0.1.9 dev v0]*10 [via 10.0.2.2 dev w0]*20 (fpm bgp)",
    ];
    assert_eq!(bench.routes(), expected);
    bench.say(&[object_gone(1)]);
    assert_eq!(bench.settle(), [""; 0], "zebra moves the routes first; what it does not is held as it is");
    assert_eq!(bench.source.status().waiting, 2);
    bench.say(&[route("10.1.0.0/16", 2), gone("10.3.0.0/16")]);
    assert_eq!(bench.settle(), ["+10.1.0.0/16", "-10.3.0.0/16", "-group", "-next-hop"]);
}

#[test]
fn connected_and_kernel_routes_are_told_apart_and_taken_where_asked_for() {
    let connected = |prefix: &str| {
        let mut body = route_head(prefix, 254, [2, 253, 1]);
        body.extend(number(4, 3));
        message(24, &body)
    };
    let kernel = |prefix: &str| {
        let mut body = route_head(prefix, 254, [2, 0, 1]);
        body.extend(attribute(5, &[10, 0, 1, 7]));
        body.extend(number(4, 3));
        message(24, &body)
    };
    for (take, expected) in [([false, false], 0), ([true, false], 1), ([false, true], 1), ([true, true], 2)] {
        let mut bench = Bench::live(FpmSettings { connected: take[0], kernel: take[1], ..settings() });
        bench.say(&[connected("10.0.1.0/24"), kernel("10.7.0.0/16")]);
        bench.settle();
        assert_eq!((bench.routes().len(), bench.source.status().kept_out), (expected, 2 - expected as u64));
    }
    let mut bench = loaded(settings());
    bench.say(&[gone("10.1.0.0/16"), connected("10.1.0.0/16")]);
    assert_eq!(bench.settle(), ["-10.1.0.0/16"], "a connected route took its place");
}

#[test]
fn an_interface_that_is_not_there_is_waited_for() {
    let mut bench = loaded(settings());
    bench.say(&[
        object(9, "10.0.9.2", 77),
        group(10, &[(9, 1), (1, 1)]),
        route_via("10.7.0.0/16", "10.0.9.3", 77),
    ]);
    bench.say(&[route("10.1.0.0/16", 9), route("10.2.0.0/16", 10)]);
    assert_eq!((bench.settle(), bench.source.status().waiting), (vec![], 3));
    bench.wait(1_000_000);
    assert_eq!(bench.settle(), [""; 0]);
    bench.names.0.insert(77, "eth77");
    bench.wait(1_000_000);
    bench.settle();
    let expected = [
        "10.1.0.0/16 via 10.0.9.2 dev eth77 (fpm bgp)",
        "10.2.0.0/16 [via 10.0.1.2 dev v0]*1 [via 10.0.9.2 dev eth77]*1 (fpm bgp)",
        "10.3.0.0/16 [via 10.0.1.2 dev v0]*10 [via 10.0.2.2 dev w0]*20 (fpm bgp)",
        "10.7.0.0/16 via 10.0.9.3 dev eth77 (fpm bgp)",
    ];
    assert_eq!(bench.routes(), expected);
    assert_eq!(bench.source.next_timeout(), None);
}

#[test]
fn devices_may_be_left_out_where_a_gateway_says_enough() {
    let mut bench = Bench::live(FpmSettings { devices: false, ..settings() });
    bench.say(&[route_via("10.1.0.0/16", "10.0.1.2", 3), route_via("2001:db8::/32", "fe80::1", 3)]);
    bench.settle();
    let expected = ["10.1.0.0/16 via 10.0.1.2 (fpm bgp)", "2001:db8::/32 via fe80::1 dev v0 (fpm bgp)"];
    assert_eq!(bench.routes(), expected);
}
