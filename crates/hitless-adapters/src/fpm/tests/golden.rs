//! Frames that a real zebra sent.

use super::bench::Bench;
use crate::fpm::{Examined, FpmSettings, examine};

pub(super) const OBJECTS: &str = include_str!("frr-8.4.4-objects.hex");
pub(super) const INLINE: &str = include_str!("frr-8.4.4-inline.hex");

/// The frames of a capture, each with what it was noted to be.
pub(super) fn frames(capture: &'static str) -> Vec<(Vec<u8>, &'static str)> {
    let lines = capture.lines().filter(|line| !line.starts_with('#'));
    let frame = |line: &'static str| {
        let (hex, what) = line.split_once(" # ").unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        ((0..hex.len()).step_by(2).map(byte).collect(), what)
    };
    lines.map(frame).collect()
}

fn is_update(what: &str) -> bool {
    what.contains("DELROUTE")
}

/// What zebra announced at first, in both captures.
const ANNOUNCED: [&str; 9] = [
    "0.0.0.0/0 via 10.0.1.2 dev v0 metric 20 (fpm static)",
    "10.10.0.0/16 via 10.0.1.2 dev v0 metric 20 (fpm static)",
    "10.11.0.0/16 [via 10.0.1.2 dev v0]*1 [via 10.0.2.2 dev w0]*1 metric 20 (fpm static)",
    "10.12.0.0/16 blackhole metric 20 (fpm static)",
    "10.13.0.0/16 unreachable metric 20 (fpm static)",
    "10.14.0.0/16 via 10.0.2.3 dev w0 metric 20 (fpm static)",
    "10.15.0.0/16 dev v0 metric 20 (fpm static)",
    "2001:db8:10::/48 via 2001:db8:1::2 dev v0 metric 20 (fpm static)",
    "2001:db8:11::/48 via fe80::1 dev v0 metric 20 (fpm static)",
];

fn settings() -> FpmSettings {
    let sentinel = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128".parse().unwrap();
    FpmSettings { sentinel: Some(sentinel), ..FpmSettings::default() }
}

/// Everything up to the first change.
fn announce(bench: &mut Bench, capture: &'static str) -> Vec<(Vec<u8>, &'static str)> {
    let all = frames(capture);
    let (first, rest) = all.split_at(all.iter().position(|(_, what)| is_update(what)).unwrap());
    for (frame, what) in first {
        assert_eq!(bench.feed(frame), 0, "{what}: {:?}", bench.source.status().last_refusal);
    }
    rest.to_vec()
}

#[test]
fn every_message_is_taken() {
    let all =
        |capture| examine(&frames(capture).into_iter().flat_map(|(frame, _)| frame).collect::<Vec<u8>>());
    assert_eq!(all(OBJECTS), Examined { frames: 39, taken: 42, kept_out: 0, refused: 0 });
    assert_eq!(all(INLINE), Examined { frames: 16, taken: 17, kept_out: 0, refused: 0 });
}

#[test]
fn with_next_hop_objects() {
    let mut bench = Bench::live(settings());
    let rest = announce(&mut bench, OBJECTS);
    bench.settle();
    assert_eq!(bench.routes(), ANNOUNCED);
    let status = bench.source.status();
    assert_eq!((status.routes, status.held, status.signalled), (9, 9, true));
    assert_eq!((status.kept_out, status.waiting, status.pending), (4, 0, 0), "connected routes are kept out");

    let mut said = Vec::new();
    for (frame, _) in rest {
        bench.feed(&frame);
        said.push(bench.settle().join(" "));
    }
    let expected = [
        "+next-hop +group +10.14.0.0/16",
        "+10.14.0.0/16 -group -next-hop",
        "",
        "-10.10.0.0/16",
        "",
        "+10.11.0.0/16 -group -next-hop",
        "",
    ];
    assert_eq!(said, expected, "a DELROUTE with a NEWROUTE in one frame is one replace");
    assert_eq!(bench.source.status().refused, 0);
}

#[test]
fn without_next_hop_objects_the_entries_are_the_same() {
    let mut bench = Bench::live(settings());
    let rest = announce(&mut bench, INLINE);
    let mut objects = Bench::live(settings());
    announce(&mut objects, OBJECTS);
    bench.settle();
    objects.settle();
    let mut in_table = bench.routes();
    let other = in_table.iter().position(|route| route.contains("table 100")).unwrap();
    assert_eq!(in_table.remove(other), "10.17.0.0/16 table 100 via 10.0.1.2 dev v0 metric 20 (fpm static)");
    assert_eq!(in_table, ANNOUNCED);
    let parts = |bench: &Bench| -> Vec<_> {
        let held = bench.held.iter().filter(|(key, _)| key[0] != 3);
        held.map(|(key, (_, content))| (key.clone(), content.clone())).collect()
    };
    assert_eq!(parts(&bench), parts(&objects), "ids do not depend on the form, nor on zebra's numbers");
    for (frame, _) in rest {
        bench.feed(&frame);
        assert_eq!(bench.settle(), ["+next-hop", "+10.14.0.0/16", "-next-hop"]);
    }
}

#[test]
fn every_cut_of_the_stream_gives_the_same() {
    let bytes: Vec<u8> = frames(OBJECTS).into_iter().flat_map(|(frame, _)| frame).collect();
    let mut whole = Bench::live(settings());
    whole.feed(&bytes);
    whole.settle();
    for size in [1, 2, 3, 5, 7, 64, 1000] {
        let mut bench = Bench::live(settings());
        bytes.chunks(size).for_each(|chunk| assert_eq!(bench.feed(chunk), 0));
        bench.settle();
        assert_eq!(bench.routes(), whole.routes());
    }
}
