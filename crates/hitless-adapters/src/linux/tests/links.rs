//! Links that go down and come up again.

use super::namespace::{found_until, fresh, in_namespace, ip, texts, until};
use super::*;

#[test]
fn what_a_link_takes_down_with_it_is_found_and_had_again_when_it_is_up() {
    in_namespace(|| {
        let mut table = fresh();
        let all = [
            "next-hop 1 -> via 192.0.2.1 dev left",
            "next-hop 2 -> via 198.51.100.2 dev right",
            "next-hop 3 -> dev left",
            "group 1 -> group 1,2",
            "group 2 -> group 1",
            "10.1.0.0/16 -> next-hop 1",
            "10.2.0.0/16 -> next-hop 2",
            "10.3.0.0/16 -> group 1",
            "10.4.0.0/16 -> group 2",
            "2001:db8::/32 -> next-hop 3",
        ];
        done(&mut table, &all);
        let before = texts(&mut table);
        ip("link set left-end down");
        let mut found = found_until(&mut table, "2001:db8::/32 -> nothing");
        found.sort();
        assert_eq!(
            found,
            [
                "10.1.0.0/16 -> nothing",
                "10.4.0.0/16 -> nothing",
                "2001:db8::/32 -> nothing",
                "group 1 -> group 2*1",
                "group 2 -> nothing",
                "next-hop 1 -> nothing",
                "next-hop 3 -> nothing",
            ]
        );
        assert_eq!(texts(&mut table).len(), 4, "as the kernel has it");
        refused(&mut table, all[0], "Carrier for nexthop device is down");
        ip("link set left-end up");
        found_until(&mut table, "curable");
        until("the carrier is back", || apply(&mut table, &all[..1]) == [Ok(())]);
        done(&mut table, &all);
        assert_eq!(texts(&mut table), before);
    });
}

#[test]
fn a_link_that_is_gone_and_comes_back_is_another_one_of_the_same_name() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1 dev left", "10.0.0.0/8 -> next-hop 1"]);
        ip("link del left");
        found_until(&mut table, "10.0.0.0/8 -> nothing");
        refused(&mut table, "next-hop 1 -> via 192.0.2.1 dev left", "there is no device left");
        ip("link add left type veth peer name left-end");
        ip("addr add 192.0.2.254/24 dev left");
        ip("link set left up");
        ip("link set left-end up");
        found_until(&mut table, "curable");
        until("it carries packets", || {
            apply(&mut table, &["next-hop 1 -> via 192.0.2.1 dev left"]) == [Ok(())]
        });
        done(&mut table, &["10.0.0.0/8 -> next-hop 1"]);
    });
}

#[test]
fn a_link_that_is_renamed_is_no_longer_what_was_asked_for() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1 dev left", "10.0.0.0/8 -> next-hop 1"]);
        ip("link set left down");
        found_until(&mut table, "10.0.0.0/8 -> nothing");
        ip("link set left name port1");
        ip("link set port1 up");
        found_until(&mut table, "curable");
        refused(&mut table, "next-hop 1 -> via 192.0.2.1 dev left", "there is no device left");
        until("it carries packets", || {
            apply(&mut table, &["next-hop 1 -> via 192.0.2.1 dev port1"]) == [Ok(())]
        });
    });
}
