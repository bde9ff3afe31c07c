//! The contract, longest-prefix match, and each fault.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use hitless_proto::process::fib::{FibKey, NextHop};
use hitless_proto::process::table;

use super::*;
use crate::table_contract::{self, next_hop, put, remove, route, route_with_metric, single};

fn faulty(faults: Faults) -> (MemoryTable, FaultHandle) {
    let handle = FaultHandle::default();
    handle.set(faults);
    (MemoryTable::new(handle.clone()), handle)
}

#[test]
fn memory_table_fulfils_the_contract() {
    table_contract::contract(&mut || Box::new(MemoryTable::default()));
}

#[test]
fn the_longest_prefix_wins_and_the_next_longest_takes_over() {
    let mut table = MemoryTable::default();
    let writes = [
        next_hop(1),
        next_hop(2),
        next_hop(3),
        route("0.0.0.0/0", 1),
        route("10.0.0.0/8", 2),
        route("10.1.2.3/32", 3),
        route("2001:db8::/32", 2),
    ];
    assert!(table.apply(FIB, &writes).iter().all(Result::is_ok));
    let found = |table: &MemoryTable, to: &str| {
        table.lookup(to.parse().expect("an address")).map(|found| (found.prefix.to_string(), found.id))
    };
    let some = |prefix: &str, id| Some((prefix.to_string(), id));
    assert_eq!(found(&table, "10.1.2.3"), some("10.1.2.3/32", 3));
    assert_eq!(found(&table, "10.1.2.4"), some("10.0.0.0/8", 2));
    assert_eq!(found(&table, "192.0.2.1"), some("0.0.0.0/0", 1));
    assert_eq!(found(&table, "2001:db8::1"), some("2001:db8::/32", 2));
    assert_eq!(found(&table, "2001:db9::1"), None);
    let deletes = [remove("10.1.2.3/32"), remove("0.0.0.0/0")];
    assert!(table.apply(FIB, &deletes).iter().all(Result::is_ok));
    assert_eq!(found(&table, "10.1.2.3"), some("10.0.0.0/8", 2));
    assert_eq!(found(&table, "192.0.2.1"), None);
}

#[test]
fn each_table_is_looked_up_alone() {
    let mut table = MemoryTable::default();
    let tables = |number| TableId::new(number).expect("a table");
    let writes = [
        next_hop(1),
        single(8, &NextHop::Unreachable),
        single(9, &NextHop::Prohibit),
        route("10.1.0.0/16", 1),
        route_with_metric("10.0.0.0/8 table 100", 8, 20),
        route("2001:db8::/32 table 101", 9),
    ];
    assert!(table.apply(FIB, &writes).iter().all(Result::is_ok));
    let found = |table: &MemoryTable, number, to: &str| {
        let found = table.lookup_in(tables(number), to.parse().expect("an address"))?;
        Some((found.prefix.to_string(), found.metric, found.next_hop))
    };
    assert_eq!(found(&table, 254, "10.1.0.1").expect("the main table").0, "10.1.0.0/16");
    assert_eq!(found(&table, 254, "10.2.0.1"), None);
    let expected = ("10.0.0.0/8".to_string(), 20, NextHop::Unreachable);
    assert_eq!(found(&table, 100, "10.1.0.1"), Some(expected));
    assert_eq!(found(&table, 101, "2001:db8::1").expect("table 101").2, NextHop::Prohibit);
    assert_eq!(found(&table, 102, "10.1.0.1"), None);
    assert_eq!(
        table.apply(FIB, &[remove("next-hop 8")])[0],
        Err("next-hop 8 is in use by 1 routes or groups".into())
    );
    let deletes = [remove("10.0.0.0/8 table 100"), remove("next-hop 8")];
    assert!(table.apply(FIB, &deletes).iter().all(Result::is_ok));
    assert_eq!((found(&table, 100, "10.1.0.1"), table.len()), (None, 4));
    assert!(found(&table, 254, "10.1.0.1").is_some(), "the same prefix elsewhere stays");
}

#[test]
fn refusals_name_what_is_missing_or_in_use() {
    let mut table = MemoryTable::default();
    let refused =
        |table: &mut MemoryTable, write: Write| table.apply(FIB, &[write]).remove(0).expect_err("refused");
    assert_eq!(refused(&mut table, route("10.0.0.0/8", 7)), "next-hop 7 is not in the table");
    assert!(table.apply(FIB, &[next_hop(7), route("10.0.0.0/8", 7)]).iter().all(Result::is_ok));
    assert_eq!(refused(&mut table, remove("next-hop 7")), "next-hop 7 is in use by 1 routes or groups");
}

#[test]
fn failing_keys_fail_until_they_are_cured() {
    let key = "10.0.0.0/8".parse::<FibKey>().expect("a key").encode();
    let (mut table, handle) = faulty(Faults { failing: BTreeSet::from([key]), ..Faults::default() });
    let writes = [next_hop(1), route("10.0.0.0/8", 1), route("10.1.0.0/16", 1)];
    let failed: Vec<bool> = table.apply(FIB, &writes).iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false]);
    assert_eq!(table.len(), 2);
    handle.set(Faults::default());
    assert!(table.apply(FIB, &writes).iter().all(Result::is_ok));
}

#[test]
fn every_third_write_fails() {
    let (mut table, _) = faulty(Faults { fail_every: NonZeroU64::new(3), ..Faults::default() });
    let writes: Vec<Write> = (0..9_u8).map(|key| put(&[key], b"v")).collect();
    let failed = table.apply(table::ID, &writes).iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!((failed, table.len()), (3, 6));
}

#[test]
fn full_table_refuses_new_keys_only() {
    let (mut table, handle) = faulty(Faults { capacity: Some(2), ..Faults::default() });
    let outcomes =
        table.apply(table::ID, &[put(b"a", b"1"), put(b"b", b"1"), put(b"c", b"1"), put(b"a", b"2")]);
    assert_eq!(outcomes, [Ok(()), Ok(()), Err("table full: 2 entries".to_string()), Ok(())]);
    let delete = Write { key: Blob::from("b"), part: None };
    assert!(table.apply(table::ID, &[delete, put(b"c", b"1")]).iter().all(Result::is_ok));
    handle.set(Faults { capacity: Some(0), ..Faults::default() });
    assert!(table.apply(FIB, &[next_hop(1)])[0].is_err());
}

#[test]
fn slow_table_takes_its_time_until_it_is_told_otherwise() {
    let (mut table, handle) = faulty(Faults { slow_micros: 20_000, ..Faults::default() });
    let began = Instant::now();
    table.apply(table::ID, &[put(b"a", b"1"), put(b"b", b"1")]);
    assert!(began.elapsed() >= Duration::from_millis(40));
    handle.set(Faults { slow_micros: u64::MAX, ..Faults::default() });
    let healer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        handle.set(Faults::default());
    });
    table.apply(table::ID, &[put(b"a", b"1")]);
    healer.join().expect("healed");
}
