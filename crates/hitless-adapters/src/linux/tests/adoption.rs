//! Adoption, restarts and surveys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::super::LinuxSettings;
use super::namespace::{found_until, fresh, in_namespace, ip, open, texts, until};
use super::*;

#[test]
fn what_is_there_is_adopted_and_nothing_is_found_to_mend() {
    in_namespace(|| {
        let mut table = fresh();
        done(
            &mut table,
            &["next-hop 1 -> via 192.0.2.1", "next-hop 2 -> via fd00::2 dev left", "group 1 -> group 1,2*3"],
        );
        done(&mut table, &["10.0.0.0/8 -> group 1", "2001:db8::/32 -> next-hop 2"]);
        let held = texts(&mut table);
        drop(table);
        let kernel = ip("nexthop show") + &ip("route show proto 201");
        let mut table = open(LinuxSettings::default());
        assert_eq!(texts(&mut table), held);
        assert_eq!(table.findings(1024).list, []);
        // What was adopted is known to be ours: it can be replaced and deleted.
        done(&mut table, &["10.0.0.0/8 -> group 1"]);
        assert_eq!(ip("nexthop show") + &ip("route show proto 201"), kernel);
        done(&mut table, &["10.0.0.0/8", "2001:db8::/32", "group 1", "next-hop 1", "next-hop 2"]);
        assert_eq!(ip("nexthop show") + &ip("route show proto 201"), "");
    });
}

#[test]
fn leaving_changes_nothing() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1", "10.0.0.0/8 -> next-hop 1"]);
        drop(table);
        assert!(ip("route show proto 201").contains("10.0.0.0/8 nhid 1"));
    });
}

#[test]
fn routes_of_others_are_neither_adopted_nor_touched() {
    in_namespace(|| {
        ip("nexthop add id 7 via 192.0.2.7 dev left");
        ip("route add 10.7.0.0/16 nhid 7 proto bgp");
        ip("route add 10.8.0.0/16 dev left");
        let before = ip("nexthop show") + &ip("route show");
        let mut table = open(LinuxSettings::default());
        assert_eq!(texts(&mut table), Vec::<String>::new());
        refused(
            &mut table,
            "next-hop 7 -> via 192.0.2.1",
            "the kernel's next-hop id 7 belongs to another program",
        );
        done(&mut table, &["next-hop 1 -> via 192.0.2.1"]);
        refused(&mut table, "10.8.0.0/16 -> next-hop 1", "another program's route to 10.8.0.0/16");
        refused(&mut table, "10.8.0.0/16 -> next-hop 1", "another program's route to 10.8.0.0/16");
        done(&mut table, &["10.8.0.0/16", "next-hop 7", "next-hop 1"]);
        assert_eq!(ip("nexthop show") + &ip("route show"), before);
        let mut table = open(LinuxSettings { take_over: true, ..LinuxSettings::default() });
        done(&mut table, &["next-hop 1 -> via 192.0.2.1", "10.8.0.0/16 -> next-hop 1"]);
        refused(&mut table, "next-hop 7 -> via 192.0.2.1", "belongs to another program");
    });
}

#[test]
fn what_others_wrote_under_our_name_is_told_and_can_be_taken_away() {
    in_namespace(|| {
        ip("route add 10.1.0.0/16 via 192.0.2.1 proto 201");
        ip("nexthop add id 5 via 192.0.2.1 fdb proto 201");
        let mut table = open(LinuxSettings::default());
        assert_eq!(texts(&mut table), ["next-hop 5 -> something else", "10.1.0.0/16 -> something else"]);
        done(&mut table, &["10.1.0.0/16", "next-hop 5"]);
        assert_eq!(ip("route show proto 201") + &ip("nexthop show"), "");
    });
}

#[test]
fn a_survey_a_piece_at_a_time_finds_what_notifications_did_not_tell() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1", "next-hop 2 -> via 192.0.2.2"]);
        let names: Vec<String> =
            (0..60_000_u32).map(|n| format!("10.{}.{}.0/24 -> next-hop 1", n / 256, n % 256)).collect();
        done(&mut table, &names.iter().map(String::as_str).collect::<Vec<_>>());
        // Nobody listens meanwhile.
        table.watch = None;
        ip("route del 10.3.3.0/24 proto 201");
        ip("route replace 10.4.4.0/24 nhid 2 proto 201");
        ip("route add 11.0.0.0/8 nhid 2 proto 201");
        table.survey_due = true;
        let (mut found, mut pieces) = (Vec::new(), 0);
        loop {
            let findings = table.findings(1024);
            pieces += 1;
            if pieces == 2 {
                // Between two pieces, others go on writing.
                done(
                    &mut table,
                    &[
                        "10.200.0.0/24 -> next-hop 2",
                        "10.0.0.0/24",
                        "10.234.0.0/24",
                        "12.0.0.0/8 -> next-hop 1",
                    ],
                );
            }
            found.extend(findings.list);
            if !findings.more {
                break;
            }
        }
        assert!(pieces > 2, "{pieces}");
        let mut found: Vec<String> = found
            .into_iter()
            .map(|finding| match finding {
                hitless_runtime::Finding::Held { key, part, mend: true, .. } => match part {
                    Some(part) => namespace::text(&key, &part),
                    None => format!("{} -> nothing", FibKey::decode(&key).unwrap()),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        found.sort();
        assert_eq!(
            found,
            ["10.3.3.0/24 -> nothing", "10.4.4.0/24 -> next-hop 2", "11.0.0.0/8 -> next-hop 2"]
        );
        assert_eq!(texts(&mut table).len(), 60_000 + 2 - 1 - 2 + 1 + 1);
    });
}

#[test]
fn a_dump_that_is_interrupted_is_made_again() {
    in_namespace(|| {
        let mut table = fresh();
        let names: Vec<String> =
            (1..3000_u32).map(|n| format!("next-hop {n} -> via 192.0.2.1 dev left")).collect();
        done(&mut table, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let rounds = Arc::new(AtomicUsize::new(0));
        let (stop, count) = (Arc::clone(&rounds), Arc::clone(&rounds));
        // A thread that is started here is in the same namespace.
        let churn = thread::spawn(move || {
            while stop.load(Ordering::Relaxed) < 1_000_000 {
                ip("nexthop replace id 4000 via 192.0.2.1 dev left proto static");
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        });
        for _ in 0..20 {
            assert_eq!(texts(&mut table).len(), 2999);
        }
        rounds.store(1_000_000, Ordering::Relaxed);
        churn.join().expect("it ends");
    });
}

#[test]
fn a_lost_answer_is_looked_up_in_the_table_itself() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1", "10.1.0.0/16 -> next-hop 1"]);
        // No room for answers: those to a batch of errors do not fit.
        table.socket.starve();
        let mut names: Vec<String> = (0..400_u32).map(|n| format!("203.0.{}.{}/32", 113, n % 256)).collect();
        names.truncate(256);
        let mut batch: Vec<String> = names.iter().map(|name| format!("{name} -> next-hop 1")).collect();
        batch.insert(100, "next-hop 2 -> via 203.0.113.1 dev left".to_owned());
        for n in 3..150 {
            batch.push(format!("next-hop {n} -> via 203.0.113.1 dev left"));
        }
        let outcomes = apply(&mut table, &batch.iter().map(String::as_str).collect::<Vec<_>>());
        let failed: Vec<usize> = (0..batch.len()).filter(|n| outcomes[*n].is_err()).collect();
        let expected: Vec<usize> = (0..batch.len()).filter(|n| batch[*n].starts_with("next-hop")).collect();
        assert_eq!(failed, expected);
        assert!(outcomes[100].clone().unwrap_err().contains("its answer was lost"), "{:?}", outcomes[100]);
        // It works on with a new socket.
        done(&mut table, &["10.2.0.0/16 -> next-hop 1"]);
        assert_eq!(texts(&mut table).len(), 1 + 256 + 2);
    });
}

#[test]
fn a_watch_that_missed_something_looks_at_everything() {
    in_namespace(|| {
        let mut table = fresh();
        done(&mut table, &["next-hop 1 -> via 192.0.2.1"]);
        let names: Vec<String> = (0..200_u32).map(|n| format!("10.0.{n}.0/24 -> next-hop 1")).collect();
        done(&mut table, &names.iter().map(String::as_str).collect::<Vec<_>>());
        table.watch.as_ref().expect("it watches").socket.starve();
        for n in 0..200 {
            ip(&format!("route del 10.0.{n}.0/24 proto 201"));
        }
        let found = found_until(&mut table, "10.0.199.0/24 -> nothing");
        assert!(found.len() >= 200, "{}", found.len());
        until("all is told", || table.findings(1024) == hitless_runtime::Findings::default());
    });
}
