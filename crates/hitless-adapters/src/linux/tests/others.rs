//! What other programs and operators change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::{LinuxSettings, LinuxTable};
use super::namespace::{found_until, fresh, in_namespace, ip, open, until};
use super::*;

fn filled() -> LinuxTable {
    let mut table = fresh();
    done(
        &mut table,
        &[
            "next-hop 1 -> via 192.0.2.1 dev left",
            "next-hop 2 -> via fd00::2 dev left",
            "group 1 -> group 1,2",
            "10.0.0.0/8 -> next-hop 1",
            "10.1.0.0/16 -> group 1",
            "2001:db8::/32 -> next-hop 2",
        ],
    );
    assert_eq!(table.findings(1024).list.len(), 0, "what is written by ourselves is not found");
    table
}

#[test]
fn a_deleted_route_is_found_and_written_again() {
    in_namespace(|| {
        let mut table = filled();
        ip("route del 10.0.0.0/8");
        assert_eq!(found_until(&mut table, "10.0.0.0/8 -> nothing").len(), 1);
        ip("-6 route del 2001:db8::/32");
        assert_eq!(found_until(&mut table, "2001:db8::/32 -> nothing").len(), 1);
        done(&mut table, &["10.0.0.0/8 -> next-hop 1", "2001:db8::/32 -> next-hop 2"]);
        assert!(ip("route show proto 201").contains("10.0.0.0/8 nhid 1"));
    });
}

#[test]
fn a_route_that_was_replaced_under_our_name_is_found() {
    in_namespace(|| {
        let mut table = filled();
        ip("route replace 10.0.0.0/8 nhid 2 proto 201");
        assert_eq!(found_until(&mut table, "10.0.0.0/8 -> next-hop 2").len(), 1);
        ip("route replace 10.0.0.0/8 via 192.0.2.1 proto 201");
        found_until(&mut table, "10.0.0.0/8 -> something else");
        done(&mut table, &["10.0.0.0/8 -> next-hop 1"]);
        assert_eq!(ip("route show 10.0.0.0/8").lines().count(), 1);
        ip("route add 12.0.0.0/8 nhid 1 proto 201");
        found_until(&mut table, "12.0.0.0/8 -> next-hop 1");
        done(&mut table, &["12.0.0.0/8"]);
        assert_eq!(ip("route show 12.0.0.0/8"), "");
    });
}

#[test]
fn a_route_that_another_program_took_over_is_found_and_refused_until_it_leaves() {
    in_namespace(|| {
        let mut table = filled();
        ip("route replace 10.0.0.0/8 dev left proto static");
        assert_eq!(found_until(&mut table, "10.0.0.0/8 -> nothing").len(), 1);
        refused(&mut table, "10.0.0.0/8 -> next-hop 1", "another program's route to 10.0.0.0/8");
        ip("route del 10.0.0.0/8 proto static");
        found_until(&mut table, "curable");
        done(&mut table, &["10.0.0.0/8 -> next-hop 1"]);
    });
}

#[test]
fn a_deleted_next_hop_is_found_with_all_that_went_with_it() {
    in_namespace(|| {
        let mut table = filled();
        ip("nexthop del id 1");
        let mut found = found_until(&mut table, "next-hop 1 -> nothing");
        found.sort();
        assert_eq!(found, ["10.0.0.0/8 -> nothing", "group 1 -> group 2*1", "next-hop 1 -> nothing"]);
        ip("nexthop del id 2");
        let mut found = found_until(&mut table, "group 1 -> nothing");
        found.sort();
        let all = [
            "10.1.0.0/16 -> nothing",
            "2001:db8::/32 -> nothing",
            "group 1 -> nothing",
            "next-hop 2 -> nothing",
        ];
        assert_eq!(found, all);
    });
}

#[test]
fn without_repair_changes_are_told_and_left() {
    in_namespace(|| {
        drop(filled());
        let mut table = open(LinuxSettings { repair: false, ..LinuxSettings::default() });
        table.dump(FIB).expect("a dump");
        ip("route del 10.0.0.0/8");
        assert_eq!(found_until(&mut table, "10.0.0.0/8 -> nothing, left so").len(), 1);
        // What the kernel itself takes away is had again.
        ip("link set left down");
        found_until(&mut table, "next-hop 1 -> nothing");
    });
}

#[test]
fn who_watches_is_woken_by_others_and_for_audits_but_not_by_us() {
    in_namespace(|| {
        let woken = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&woken);
        let mut table =
            LinuxTable::open(LinuxSettings { audit: None, ..LinuxSettings::default() }).expect("root");
        table.watch(Arc::new(move || flag.store(true, Ordering::Relaxed))).expect("a watch");
        done(&mut table, &["next-hop 1 -> via 192.0.2.1 dev left", "10.0.0.0/8 -> next-hop 1"]);
        std::thread::sleep(Duration::from_millis(200));
        assert!(!woken.swap(false, Ordering::Relaxed), "our own writes");
        ip("route del 10.0.0.0/8");
        until("it is woken", || woken.swap(false, Ordering::Relaxed));
        found_until(&mut table, "10.0.0.0/8 -> nothing");
        drop(table);
        let flag = Arc::clone(&woken);
        let often = Some(Duration::from_millis(100));
        let mut table =
            LinuxTable::open(LinuxSettings { audit: often, ..LinuxSettings::default() }).expect("root");
        table.watch(Arc::new(move || flag.store(true, Ordering::Relaxed))).expect("a watch");
        until("an audit", || woken.load(Ordering::Relaxed));
        until("it has looked at everything", || {
            table.findings(1024);
            table.known.mirror().hop(1).is_some()
        });
    });
}
