//! What every forwarding table must do, whatever it drives.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::Write;
use hitless_proto::limits::MAX_REASON;
use hitless_proto::process::fib::{FibKey, ID as FIB, Member, NextHop, Route};
use hitless_proto::process::table::ID as TABLE;
use hitless_runtime::ForwardingTable;

type Make<'a> = &'a mut dyn FnMut() -> Box<dyn ForwardingTable>;

pub(crate) fn key(text: &str) -> Blob {
    text.parse::<FibKey>().expect("a fib key").encode()
}

pub(crate) fn next_hop(id: u8) -> Write {
    let gateway = NextHop::via([192, 0, 2, id].into(), None).expect("a gateway");
    Write { key: FibKey::NextHop(id.into()).encode(), part: Some(gateway.encode()) }
}

pub(crate) fn next_hop_v6(id: u8) -> Write {
    let gateway = NextHop::via([0xfd00, 0, 0, 0, 0, 0, 0, id.into()].into(), None).expect("a gateway");
    Write { key: FibKey::NextHop(id.into()).encode(), part: Some(gateway.encode()) }
}

pub(crate) fn group(number: u32, members: &[u32]) -> Write {
    let members = members.iter().map(|&next_hop| Member { next_hop, weight: 1 }).collect();
    let part = NextHop::group(members).expect("a group").encode();
    Write { key: FibKey::group(number).expect("an id").encode(), part: Some(part) }
}

pub(crate) fn route(prefix: &str, next_hop: u32) -> Write {
    Write { key: key(prefix), part: Some(Route::to(next_hop).encode()) }
}

pub(crate) fn route_with_metric(prefix: &str, next_hop: u32, metric: u32) -> Write {
    Write { key: key(prefix), part: Some(Route { next_hop, metric }.encode()) }
}

pub(crate) fn single(id: u32, next_hop: &NextHop) -> Write {
    Write { key: FibKey::NextHop(id).encode(), part: Some(next_hop.encode()) }
}

pub(crate) fn remove(text: &str) -> Write {
    Write { key: key(text), part: None }
}

pub(crate) fn put(key: &[u8], value: &[u8]) -> Write {
    Write { key: Blob::new(key), part: Some(Blob::new(value)) }
}

/// Runs the whole suite; `make` gives an empty table each time.
pub(crate) fn contract(make: Make<'_>) {
    assert!(!make().name().is_empty());
    what_is_written_is_read_back(make);
    repeats_and_absent_deletes_succeed(make);
    a_refusal_stands_alone_and_says_why(make);
    nothing_uses_what_is_absent(make);
    what_is_used_stays(make);
    processes_are_apart(make);
    a_random_run_reads_back_as_its_outcomes_say(make);
}

/// What a dump shows; a key that is shown twice fails.
fn read(table: &mut dyn ForwardingTable, process: ProcessId) -> BTreeMap<Blob, Blob> {
    let dump = table.dump(process).expect("a dump");
    let count = dump.len();
    let entries: BTreeMap<Blob, Blob> = dump.into_iter().collect();
    assert_eq!(entries.len(), count, "a key is shown twice");
    entries
}

/// Applies the writes; which were accepted.
fn apply(table: &mut dyn ForwardingTable, process: ProcessId, writes: &[Write]) -> Vec<bool> {
    let outcomes = table.apply(process, writes);
    assert_eq!(outcomes.len(), writes.len(), "one outcome per write");
    for reason in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(!reason.is_empty() && reason.len() <= MAX_REASON, "a reason in few words: {reason:?}");
    }
    outcomes.iter().map(Result::is_ok).collect()
}

fn expected(writes: &[Write]) -> BTreeMap<Blob, Blob> {
    writes.iter().filter_map(|write| Some((write.key.clone(), write.part.clone()?))).collect()
}

fn what_is_written_is_read_back(make: Make<'_>) {
    let mut table = make();
    assert!(read(&mut *table, FIB).is_empty() && apply(&mut *table, FIB, &[]).is_empty());
    let group_id = |number: u32| (1 << 31) + number;
    // An IPv6 gateway may serve routes of both families; the reverse is not asked of every table.
    let writes = [
        next_hop(1),
        next_hop(2),
        next_hop_v6(3),
        next_hop_v6(4),
        group(1, &[1, 2]),
        group(2, &[3, 4]),
        route("0.0.0.0/0", 1),
        route("10.0.0.0/8", group_id(1)),
        route("10.0.0.0/9", 2),
        route("10.0.0.1/32", 3),
        route("::/0", 3),
        route("2001:db8::/32", group_id(2)),
        route("2001:db8::1/128", 4),
        single(7, &NextHop::Blackhole),
        single(8, &NextHop::Unreachable),
        single(9, &NextHop::Prohibit),
        route("10.7.0.0/16", 7),
        route("10.8.0.0/16", 8),
        route("10.9.0.0/16", 9),
        route("2001:db8:8::/48", 8),
        route("10.0.0.0/8 table 100", 2),
        route("2001:db8::/32 table 100", 4),
        route_with_metric("10.20.0.0/16", 1, 20),
        route_with_metric("10.20.0.0/16 table 101", 1, u32::MAX),
    ];
    assert_eq!(apply(&mut *table, FIB, &writes), vec![true; writes.len()]);
    assert_eq!(read(&mut *table, FIB), expected(&writes));
    let replaced = route("10.0.0.0/8", 2);
    assert_eq!(apply(&mut *table, FIB, &[replaced.clone(), remove("10.0.0.0/9")]), [true; 2]);
    let now = read(&mut *table, FIB);
    assert_eq!(now.get(&replaced.key), replaced.part.as_ref(), "replaced in place");
    assert_eq!(now.len(), writes.len() - 1);
    let other_metric = route_with_metric("10.20.0.0/16", 1, 30);
    assert_eq!(apply(&mut *table, FIB, &[other_metric.clone(), remove("10.0.0.0/8 table 100")]), [true; 2]);
    let now = read(&mut *table, FIB);
    assert_eq!(now.get(&other_metric.key), other_metric.part.as_ref(), "another metric, in place");
    assert_eq!(now.get(&replaced.key), replaced.part.as_ref(), "the same prefix in another table stays");
    assert_eq!(now.len(), writes.len() - 2);
}

fn repeats_and_absent_deletes_succeed(make: Make<'_>) {
    let mut table = make();
    let writes = [next_hop(1), next_hop(1), route("10.0.0.0/8", 1), route("10.0.0.0/8", 1)];
    assert_eq!(apply(&mut *table, FIB, &writes), [true; 4]);
    let deletes = [remove("10.0.0.0/8"), remove("10.0.0.0/8"), remove("next-hop 1"), remove("next-hop 1")];
    assert_eq!(apply(&mut *table, FIB, &deletes), [true; 4], "repeats did not count as users");
    assert!(read(&mut *table, FIB).is_empty());
    assert_eq!(apply(&mut *table, TABLE, &[Write { key: Blob::from("k"), part: None }]), [true]);
}

fn a_refusal_stands_alone_and_says_why(make: Make<'_>) {
    let mut table = make();
    let cut = Write { key: Blob::new(&[1, 24, 10]), part: Some(Route::to(1).encode()) };
    let host_bits = Write { key: Blob::new(&[1, 4, 0xff]), part: Some(Route::to(1).encode()) };
    let no_part = Write { key: key("10.0.0.0/8"), part: Some(Blob::new(&[])) };
    let bad = [put(&[], b""), put(&[9, 9], b"x"), cut, host_bits, no_part];
    let mut writes = vec![next_hop(1)];
    writes.extend(bad);
    writes.push(route("10.0.0.0/8", 1));
    let accepted = apply(&mut *table, FIB, &writes);
    assert_eq!(accepted, [true, false, false, false, false, false, true]);
    assert_eq!(read(&mut *table, FIB), expected(&[next_hop(1), route("10.0.0.0/8", 1)]));
}

fn nothing_uses_what_is_absent(make: Make<'_>) {
    let mut table = make();
    let writes = [route("10.0.0.0/8", 1), group(1, &[1, 2]), next_hop(1), group(1, &[1, 2])];
    assert_eq!(apply(&mut *table, FIB, &writes), [false, false, true, false]);
    assert_eq!(read(&mut *table, FIB), expected(&[next_hop(1)]));
    let writes = [route("10.0.0.0/8", 1), next_hop(2), group(1, &[1, 2])];
    assert_eq!(apply(&mut *table, FIB, &writes), [true; 3]);
    assert_eq!(apply(&mut *table, FIB, &[route("10.0.0.0/8", 9)]), [false], "the former route stays");
    assert_eq!(read(&mut *table, FIB).get(&key("10.0.0.0/8")), Some(&Route::to(1).encode()));
}

fn what_is_used_stays(make: Make<'_>) {
    let mut table = make();
    let writes = [next_hop(1), next_hop_v6(2), group(1, &[1]), route("10.0.0.0/8", 2), route("::/0", 2)];
    assert_eq!(apply(&mut *table, FIB, &writes), [true; 5]);
    let deletes = [remove("next-hop 1"), remove("next-hop 2"), remove("10.0.0.0/8"), remove("next-hop 2")];
    assert_eq!(apply(&mut *table, FIB, &deletes), [false, false, true, false]);
    let writes = [group(1, &[2]), remove("next-hop 1"), route("::/0", (1 << 31) + 1), remove("next-hop 2")];
    assert_eq!(apply(&mut *table, FIB, &writes), [true, true, true, false]);
    let deletes = [remove("::/0"), remove("group 1"), remove("next-hop 2")];
    assert_eq!(apply(&mut *table, FIB, &deletes), [true; 3]);
    assert!(read(&mut *table, FIB).is_empty());
}

fn processes_are_apart(make: Make<'_>) {
    let mut table = make();
    assert_eq!(apply(&mut *table, TABLE, &[put(b"k", b"v"), put(b"empty", b""), put(b"k", b"w")]), [true; 3]);
    assert_eq!(read(&mut *table, TABLE), expected(&[put(b"empty", b""), put(b"k", b"w")]));
    assert!(read(&mut *table, FIB).is_empty());
}

fn a_random_run_reads_back_as_its_outcomes_say(make: Make<'_>) {
    let (mut table, mut model, mut seed) = (make(), BTreeMap::new(), 42_u64);
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let mut writes = Vec::new();
        for _ in 0..draw(40) {
            let hop = draw(6) + 1;
            let text = match draw(3) {
                0 => format!("{}.0.0.0/{}", draw(4) * 32, draw(3) + 3),
                1 => format!("10.{}.0.0/16", draw(20)),
                _ => format!("2001:db8:{:x}::/48", draw(20)),
            };
            writes.push(match draw(6) {
                0 if hop % 2 == 0 => next_hop_v6(hop as u8),
                0 => next_hop(hop as u8),
                1 => remove(&format!("next-hop {hop}")),
                2 => remove(&text),
                _ => route(&text, hop as u32),
            });
        }
        for (write, accepted) in writes.iter().zip(apply(&mut *table, FIB, &writes)) {
            match (&write.part, accepted) {
                (Some(part), true) => drop(model.insert(write.key.clone(), part.clone())),
                (None, true) => drop(model.remove(&write.key)),
                (Some(_) | None, false) => {}
            }
        }
        assert_eq!(read(&mut *table, FIB), model);
    }
}
