//! What zebra is answered: only for the newest op of a route, newest state per route, never without bound.

use hitless_proto::ids::CardId;

use super::bench::{Bench, gone, object, route, route_in};
use crate::fpm::FpmSettings;

const OFFLOAD: [u8; 4] = [0, 0x40, 0, 0];
const FAILED: [u8; 4] = [0, 0, 0, 0x20];

fn bench() -> Bench {
    let mut bench = Bench::live(FpmSettings::default());
    bench.say(&[object(1, "10.0.1.2", 3), object(2, "10.0.2.2", 5)]);
    bench
}

/// The answers, as prefix octets and flags; on a little-endian machine.
fn answers(bench: &mut Bench) -> Vec<(Vec<u8>, [u8; 4])> {
    let bytes = bench.source.next_answers(usize::MAX);
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let [1, 1, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let flags = rest[4 + 16 + 8..][..4].try_into().unwrap();
        found.push((rest[4 + 16 + 12 + 4..][..2].to_vec(), flags));
        rest = &rest[length..];
    }
    assert!(rest.is_empty());
    found
}

fn submit_and_complete(bench: &mut Bench) {
    bench.settle();
    bench.source.handle_completed(bench.seq);
}

#[test]
#[cfg(target_endian = "little")]
fn an_answer_has_the_documented_bytes() {
    let mut bench = bench();
    bench.say(&[route("10.1.0.0/16", 1)]);
    submit_and_complete(&mut bench);
    let head = [1, 1, 0, 40, 36, 0, 0, 0, 24, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let body = [2, 16, 0, 0, 254, 186, 0, 1, 0, 0x40, 0, 0, 8, 0, 1, 0, 10, 1, 0, 0];
    assert_eq!(bench.source.next_answers(usize::MAX), [&head[..], &body[..]].concat());
    bench.say(&[route_in("2001:db8::/32", 1000, 1)]);
    submit_and_complete(&mut bench);
    let answer = bench.source.next_answers(usize::MAX);
    assert_eq!(answer.len(), 4 + 16 + 12 + 20 + 8);
    assert_eq!(answer[20..24], [10, 32, 0, 0]);
    assert_eq!((answer[24], &answer[52..]), (0, &[8, 0, 15, 0, 0xe8, 3, 0, 0][..]));
}

#[test]
fn a_route_is_answered_when_it_is_in_every_card_and_not_before() {
    let mut bench = bench();
    bench.say(&[route("10.1.0.0/16", 1)]);
    bench.settle();
    assert_eq!(answers(&mut bench), []);
    bench.source.handle_completed(bench.seq - 1);
    assert_eq!(answers(&mut bench), []);
    bench.source.handle_completed(bench.seq);
    assert_eq!(answers(&mut bench), [(vec![10, 1], OFFLOAD)]);
    assert_eq!(answers(&mut bench), []);
}

#[test]
fn an_op_that_is_not_the_newest_of_its_route_is_not_answered() {
    let mut bench = bench();
    bench.say(&[route("10.1.0.0/16", 1), route("10.2.0.0/16", 1), route("10.3.0.0/16", 1)]);
    bench.settle();
    let first = bench.seq;
    bench.say(&[route("10.1.0.0/16", 2), gone("10.2.0.0/16")]);
    bench.source.handle_completed(first);
    assert_eq!(answers(&mut bench), [(vec![10, 3], OFFLOAD)], "one is changed again, one is gone");
    submit_and_complete(&mut bench);
    assert_eq!(answers(&mut bench), [(vec![10, 1], OFFLOAD)]);
}

#[test]
fn a_refusal_is_told_and_so_is_its_cure() {
    let mut bench = bench();
    bench.say(&[route("10.1.0.0/16", 1)]);
    bench.settle();
    let key = "10.1.0.0/16".parse::<hitless_proto::process::fib::FibKey>().unwrap().encode();
    bench.source.handle_failed(&key, CardId(1));
    bench.source.handle_failed(&key, CardId(2));
    assert_eq!(answers(&mut bench), []);
    bench.source.handle_completed(bench.seq);
    assert_eq!(answers(&mut bench), [(vec![10, 1], FAILED)]);
    bench.source.handle_cured(&key, CardId(1));
    assert_eq!(answers(&mut bench), []);
    bench.source.handle_cured(&key, CardId(2));
    assert_eq!(answers(&mut bench), [(vec![10, 1], OFFLOAD)]);
    bench.source.handle_failed(&key, CardId(2));
    assert_eq!(answers(&mut bench), [(vec![10, 1], FAILED)], "an audit found it gone");
}

#[test]
fn a_new_session_is_told_of_routes_that_are_there_already() {
    let mut bench = bench();
    bench.say(&[route("10.1.0.0/16", 1)]);
    submit_and_complete(&mut bench);
    bench.session();
    assert_eq!(answers(&mut bench), [], "what the last one did not read is not for this one");
    bench.say(&[object(9, "10.0.1.2", 3), route("10.1.0.0/16", 9)]);
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(answers(&mut bench), [(vec![10, 1], OFFLOAD)]);
}

#[test]
fn a_session_that_reads_nothing_is_told_the_newest_once() {
    let mut bench = bench();
    for round in 0..1000 {
        bench.say(&[route("10.1.0.0/16", 1 + round % 2)]);
        submit_and_complete(&mut bench);
    }
    assert_eq!(answers(&mut bench), [(vec![10, 1], OFFLOAD)]);
    let mut silent = Bench::live(FpmSettings { answers: false, ..FpmSettings::default() });
    silent.say(&[object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1)]);
    submit_and_complete(&mut silent);
    assert_eq!(answers(&mut silent), []);
}
