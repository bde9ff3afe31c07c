//! Writes: the contract, replacing without a hole, dependants, batches and their errors.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::super::LinuxSettings;
use super::namespace::{fresh, in_namespace, ip, open, texts, until};
use super::*;
use crate::table_contract;

#[test]
fn linux_table_fulfils_the_contract() {
    in_namespace(|| table_contract::contract(&mut || Box::new(fresh())));
}

/// The lines of `ip monitor` while something is done.
fn monitored(words: &str, act: impl FnOnce()) -> Vec<String> {
    let mut monitor = Command::new("ip")
        .args(["monitor"])
        .args(words.split(' '))
        .stdout(Stdio::piped())
        .spawn()
        .expect("iproute2 is installed");
    let lines = BufReader::new(monitor.stdout.take().expect("its output"));
    // It says nothing when it begins: these two lines are awaited instead.
    let mark = |prefix: &str| {
        ip(&format!("route add {prefix} dev left"));
        ip(&format!("route del {prefix} dev left"));
    };
    thread::sleep(Duration::from_millis(300));
    act();
    mark("203.0.113.0/24");
    let mut seen = Vec::new();
    for line in lines.lines().map(|line| line.expect("a line")) {
        if line.starts_with("Deleted 203.0.113.0/24") {
            break;
        }
        seen.push(line);
    }
    monitor.kill().expect("it runs");
    monitor.wait().expect("it ends");
    seen
}

#[test]
fn a_route_is_replaced_without_a_hole() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &[
                "next-hop 1 -> via 192.0.2.1 dev left",
                "next-hop 2 -> via 198.51.100.1 dev right",
                "next-hop 3 -> via fd00::3 dev left",
                "10.0.0.0/8 -> next-hop 1",
                "2001:db8::/32 -> next-hop 3",
            ],
        );
        let seen = monitored("route nexthop", || {
            done(
                &mut table,
                &[
                    "10.0.0.0/8 -> next-hop 2",
                    "2001:db8::/32 -> next-hop 3",
                    "next-hop 1 -> via 192.0.2.9 dev left",
                ],
            );
            done(&mut table, &["next-hop 3 -> via fd00::4 dev left", "10.0.0.0/8 -> next-hop 3"]);
        });
        assert!(seen.iter().any(|line| line.contains("10.0.0.0/8 nhid 2")), "{seen:#?}");
        assert!(seen.iter().any(|line| line.contains("id 1 via 192.0.2.9")), "{seen:#?}");
        assert!(!seen.iter().any(|line| line.starts_with("Deleted")), "{seen:#?}");
    });
}

#[test]
fn what_the_kernel_holds_is_what_was_written() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &[
                "next-hop 1 -> via 192.0.2.1 dev left",
                "next-hop 2 -> via fd01::2 dev right",
                "next-hop 3 -> blackhole",
                "next-hop 4 -> dev right",
                "next-hop 2147483647 -> via 192.0.2.7",
                "group 1 -> group 1*10,2*65535",
                "group 2147483647 -> group 2",
                "10.0.0.0/8 -> group 1",
                "10.1.0.0/16 -> next-hop 3",
                "10.2.0.0/16 -> next-hop 4",
                "10.3.0.0/16 -> next-hop 2147483647",
                "2001:db8::/32 -> group 2147483647",
                "2001:db8:1::/48 -> next-hop 3",
                "2001:db8:2::/48 -> next-hop 4",
            ],
        );
        let shown = ip("nexthop show");
        for line in [
            "id 1 via 192.0.2.1 dev left scope link proto 201",
            "id 2 via fd01::2 dev right scope link proto 201",
            "id 3 blackhole proto 201",
            "id 4 dev right scope link proto 201",
            "id 2147483647 via 192.0.2.7 dev left scope link proto 201 onlink",
            "id 4294967295 group 2 proto 201",
        ] {
            assert!(shown.lines().any(|shown| shown.trim_end().starts_with(line)), "{line}:\n{shown}");
        }
        assert!(shown.contains("id 2147483649 group 1,10/2,"), "{shown}");
        let shown = ip("route show proto 201") + &ip("-6 route show proto 201");
        for line in [
            "10.0.0.0/8 nhid 2147483649",
            "blackhole 10.1.0.0/16 nhid 3 dev lo",
            "10.2.0.0/16 nhid 4 dev right",
            "10.3.0.0/16 nhid 2147483647 via 192.0.2.7 dev left onlink",
            "2001:db8::/32 nhid 4294967295",
            "blackhole 2001:db8:1::/48 nhid 3 dev lo metric 1024 pref medium",
            "2001:db8:2::/48 nhid 4 dev right metric 1024 pref medium",
        ] {
            assert!(shown.lines().any(|shown| shown.trim_end().starts_with(line)), "{line}:\n{shown}");
        }
        let before = texts(&mut table);
        assert_eq!(before.len(), 14);
        assert_eq!(before, texts(&mut open(LinuxSettings::default())), "another one reads the same");
    });
}

#[test]
fn another_table_of_the_kernel_is_used_as_configured() {
    in_namespace(|| {
        let settings = LinuxSettings { table: 1000, protocol: 77, ..LinuxSettings::default() };
        let mut table = open(settings);
        done(
            &mut table,
            &["next-hop 1 -> via 192.0.2.1", "10.0.0.0/8 -> next-hop 1", "2001:db8::/32 -> next-hop 1"][..2],
        );
        assert_eq!(ip("route show table 1000 proto 77").lines().count(), 1);
        assert_eq!(ip("route show proto 77"), "");
        done(&mut table, &["10.0.0.0/8", "next-hop 1"]);
        assert_eq!(ip("route show table all proto 77"), "");
    });
}

#[test]
fn a_next_hop_that_is_used_cannot_take_its_routes_with_it() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &["next-hop 1 -> via 192.0.2.1", "next-hop 2 -> via 192.0.2.2", "10.0.0.0/8 -> next-hop 1"],
        );
        refused(&mut table, "next-hop 1", "next-hop 1 is in use by 1 routes or groups");
        // In one go: the route stays with 1, since 9 is not there; so 1 stays too.
        let outcomes = apply(&mut table, &["10.0.0.0/8 -> next-hop 9", "next-hop 1"]);
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
        assert!(ip("route show proto 201").contains("10.0.0.0/8 nhid 1"));
        done(&mut table, &["10.0.0.0/8 -> next-hop 2", "next-hop 1"]);
        assert!(ip("route show proto 201").contains("10.0.0.0/8 nhid 2"));
    });
}

#[test]
fn errors_in_the_middle_of_a_batch_are_those_of_their_writes() {
    in_namespace(|| {
        let mut table = fresh();
        let names: Vec<String> = (0..1000_u32)
            .map(|n| match n {
                0 => "next-hop 1 -> via 192.0.2.1 dev left".to_owned(),
                300 => "next-hop 2 -> via 203.0.113.1 dev left".to_owned(),
                400 => "next-hop 3 -> via 192.0.2.3 dev absent".to_owned(),
                500 => "10.9.9.0/24 -> next-hop 2".to_owned(),
                700 => "2001:db8::/32 -> next-hop 1".to_owned(),
                _ => format!("10.{}.{}.0/24 -> next-hop 1", n / 256, n % 256),
            })
            .collect();
        let outcomes = apply(&mut table, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let failed: Vec<usize> = (0..1000).filter(|n| outcomes[*n].is_err()).collect();
        assert_eq!(failed, [300, 400, 500, 700]);
        let reason = |n: usize| outcomes[n].clone().unwrap_err();
        assert!(reason(300).contains("Nexthop has invalid gateway"), "{}", reason(300));
        assert!(reason(400).contains("there is no device absent"), "{}", reason(400));
        assert!(
            reason(500).contains("next-hop 2") || reason(500).contains("Nexthop id does not exist"),
            "{}",
            reason(500)
        );
        assert!(reason(700).contains("IPv6 route cannot use next-hop 1"), "{}", reason(700));
        assert_eq!(ip("route show proto 201").lines().count(), 995);
        assert_eq!(texts(&mut table).len(), 996);
    });
}

#[test]
fn ten_thousand_routes_go_in_one_call_and_come_out_again() {
    in_namespace(|| {
        let mut table = fresh();
        let mut names =
            vec!["next-hop 1 -> via 192.0.2.1".to_owned(), "next-hop 2 -> via fd00::2".to_owned()];
        names.extend((0..5000_u32).map(|n| format!("10.{}.{}.0/24 -> next-hop 1", n / 256, n % 256)));
        names.extend((0..5000_u32).map(|n| format!("2001:db8:{n:x}::/48 -> next-hop 2")));
        done(&mut table, &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(texts(&mut open(LinuxSettings::default())).len(), 10_002);
        let deletes: Vec<&str> =
            names.iter().rev().map(|name| name.split(" -> ").next().expect("a key")).collect();
        done(&mut table, &deletes);
        assert_eq!(ip("route show proto 201") + &ip("-6 route show proto 201") + &ip("nexthop show"), "");
    });
}

#[test]
fn a_link_that_is_down_refuses_with_the_kernels_reason() {
    in_namespace(|| {
        let mut table = fresh();
        ip("link set left-end down");
        until("no carrier", || ip("link show left").contains("NO-CARRIER"));
        refused(&mut table, "next-hop 1 -> via 192.0.2.1 dev left", "Carrier for nexthop device is down");
        ip("link set right down");
        refused(&mut table, "next-hop 1 -> dev right", "Nexthop device is not up");
        refused(&mut table, "next-hop 1 -> via 203.0.113.1", "no link leads to the gateway 203.0.113.1");
        refused(&mut table, "next-hop 1 -> via 192.0.2.254", "it is not on a link of this machine");
        refused(&mut table, "10.0.0.0/8 -> next-hop 1", "next-hop 1 is not in the table");
    });
}

#[test]
fn another_metric_is_added_before_the_former_one_is_deleted() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &[
                "next-hop 1 -> via 192.0.2.1",
                "next-hop 2 -> via fd00::2",
                "10.0.0.0/8 -> next-hop 1 metric 20",
            ],
        );
        done(&mut table, &["2001:db8::/32 -> next-hop 2"]);
        let seen = monitored("route", || {
            done(&mut table, &["10.0.0.0/8 -> next-hop 1 metric 30", "2001:db8::/32 -> next-hop 2 metric 7"]);
        });
        let order = |words: &str| {
            seen.iter().position(|line| line.starts_with(words) && !line.contains("metric 1024"))
        };
        assert!(
            order("10.0.0.0/8").is_some() && order("10.0.0.0/8") < order("Deleted 10.0.0.0/8"),
            "{seen:#?}"
        );
        let deleted = seen.iter().position(|line| line.starts_with("Deleted 2001:db8::/32"));
        assert!(order("2001:db8::/32").is_some() && order("2001:db8::/32") < deleted, "{seen:#?}");
        let routes = ip("route show proto 201") + &ip("-6 route show proto 201");
        assert_eq!(routes.lines().count(), 2, "{routes}");
        assert!(routes.contains("metric 30") && routes.contains("metric 7"), "{routes}");
        let before = texts(&mut table);
        assert_eq!(before, texts(&mut open(LinuxSettings::default())));
        assert!(before.contains(&"10.0.0.0/8 -> next-hop 1 metric 30".to_owned()), "{before:?}");
        // Cut short between the two, one of them is left over, and is swept when everything is looked at.
        ip("route add 10.0.0.0/8 nhid 1 proto 201 metric 40");
        assert_eq!(texts(&mut open(LinuxSettings::default())).len(), 4);
        assert_eq!(ip("route show proto 201").lines().count(), 1);
    });
}

#[test]
fn tables_are_those_of_the_kernel_but_for_the_main_one() {
    in_namespace(|| {
        let mut table = open(LinuxSettings { table: 1000, ..LinuxSettings::default() });
        done(
            &mut table,
            &["next-hop 1 -> via 192.0.2.1", "10.0.0.0/8 -> next-hop 1", "10.0.0.0/8 table 77 -> next-hop 1"],
        );
        refused(
            &mut table,
            "10.0.0.0/8 table 1000 -> next-hop 1",
            "table 1000 is where this card keeps the main table",
        );
        refused(&mut table, "10.0.0.0/8 table 255 -> next-hop 1", "table 255 is the kernel's own");
        let counts = ["1000", "77", "main"]
            .map(|name| ip(&format!("route show table {name} proto 201")).lines().count());
        assert_eq!(counts, [1, 1, 0]);
        let mut again = open(LinuxSettings { table: 1000, ..LinuxSettings::default() });
        let all =
            ["next-hop 1 -> via 192.0.2.1", "10.0.0.0/8 -> next-hop 1", "10.0.0.0/8 table 77 -> next-hop 1"];
        assert_eq!(texts(&mut again), all);
    });
}

#[test]
fn unreachable_and_prohibit_are_types_of_routes_and_change_in_place_without_a_hole() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &[
                "next-hop 1 -> unreachable",
                "next-hop 2 -> prohibit",
                "next-hop 3 -> via fd00::3 dev left",
                "10.1.0.0/16 -> next-hop 1",
                "10.2.0.0/16 -> next-hop 2",
                "2001:db8:1::/48 -> next-hop 1",
                "2001:db8:2::/48 -> next-hop 3",
                "10.3.0.0/16 -> next-hop 3",
            ],
        );
        let shown = ip("route show proto 201") + &ip("-6 route show proto 201");
        for line in ["unreachable 10.1.0.0/16", "prohibit 10.2.0.0/16", "unreachable 2001:db8:1::/48"] {
            assert!(shown.contains(line), "{line}:\n{shown}");
        }
        refused(&mut table, "group 1 -> group 1,3", "next-hop 1 cannot be in a group");
        let seen = monitored("route", || {
            done(
                &mut table,
                &[
                    "next-hop 1 -> via fd00::1 dev left",
                    "next-hop 3 -> prohibit",
                    "next-hop 2 -> unreachable",
                ],
            );
        });
        assert!(!seen.iter().any(|line| line.starts_with("Deleted")), "{seen:#?}");
        let shown = ip("route show proto 201") + &ip("-6 route show proto 201");
        for line in [
            "10.1.0.0/16 nhid 1",
            "unreachable 10.2.0.0/16",
            "2001:db8:1::/48 nhid 1",
            "prohibit 2001:db8:2::/48",
        ] {
            assert!(shown.contains(line), "{line}:\n{shown}");
        }
        assert!(!ip("nexthop show").contains("id 3"));
        refused(&mut table, "next-hop 2", "next-hop 2 is in use by 1 routes or groups");
        done(&mut table, &["group 1 -> group 1"]);
        done(&mut table, &["10.1.0.0/16", "2001:db8:1::/48"]);
        refused(&mut table, "next-hop 1 -> unreachable", "next-hop 1 is in a group");
        assert_eq!(texts(&mut table).len(), 7);
        // After a restart the kernel does not tell of these next hops: with them the routes are as they were.
        let mut again = open(LinuxSettings::default());
        assert!(texts(&mut again).contains(&"10.2.0.0/16 -> something else".to_owned()));
        done(&mut again, &["next-hop 2 -> unreachable", "next-hop 3 -> prohibit"]);
        done(
            &mut again,
            &["10.2.0.0/16 -> next-hop 2", "10.3.0.0/16 -> next-hop 3", "2001:db8:2::/48 -> next-hop 3"],
        );
        assert_eq!(texts(&mut again), texts(&mut table));
    });
}
