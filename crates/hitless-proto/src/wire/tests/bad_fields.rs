//! Bad fields within a good frame: refused by name and place, without allocating for what is only claimed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::golden::hex;
use crate::limits::{ASK_NODES, BATCH_OPS, MAX_COOKIE, MAX_KEY, MAX_PART, MAX_PROCESSES};
use crate::wire::{WireError, decode_wire};

#[track_caller]
fn refused(body: &str) -> WireError {
    decode_wire(&hex(body)).expect_err("must be refused")
}

fn bytes(body: &str, more: &[u8]) -> Vec<u8> {
    [hex(body).as_slice(), more].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 127 {
        out.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[test]
fn overlong_integers_are_refused() {
    let overlong = WireError::Overlong { what: "heartbeat", at: 1 };
    assert_eq!(refused("03 80 00"), overlong);
    assert_eq!(refused("03 81 80 00"), overlong);
    assert_eq!(refused("03 ff ff ff ff ff ff ff ff ff 02"), overlong, "65 bits");
    assert_eq!(refused("03 ff ff ff ff ff ff ff ff ff ff 01"), overlong, "11 bytes");
    assert!(decode_wire(&hex("03 ff ff ff ff ff ff ff ff ff 01")).is_ok(), "64 bits");
}

#[test]
fn cut_integers_are_refused() {
    assert_eq!(refused("03"), WireError::Truncated { what: "heartbeat", at: 1 });
    assert_eq!(refused("03 ff ff"), WireError::Truncated { what: "heartbeat", at: 1 });
}

#[test]
fn integers_above_their_type_are_refused() {
    assert_eq!(
        refused("15 80 80 80 80 10 01 03"),
        WireError::OutOfRange { what: "epoch", at: 1, value: 1 << 32 }
    );
    assert_eq!(
        refused("15 07 80 80 04 03"),
        WireError::OutOfRange { what: "process", at: 2, value: 1 << 16 }
    );
}

#[test]
fn a_process_named_twice_is_refused() {
    let what = "processes of a claim";
    assert_eq!(refused("10 07 02 02 01 06 01 01 06 02"), WireError::Repeated { what, at: 10 });
}

#[test]
fn a_unit_named_twice_is_refused() {
    let record = "16 02 07 04 02 01 02 | 01 00 00 00 00 00 00 00 00 | 01 01 00 00 00 00 00 00 00";
    assert!(matches!(refused(record), WireError::Repeated { what: "units in sync", .. }));
}

#[test]
fn units_and_cards_that_cannot_be_are_refused() {
    assert_eq!(refused("10 07 00 00"), WireError::OutOfRange { what: "unit", at: 2, value: 0 });
    assert_eq!(refused("10 07 0a 00"), WireError::OutOfRange { what: "unit", at: 2, value: 10 });
    assert_eq!(refused("22 08 0a"), WireError::OutOfRange { what: "unit", at: 2, value: 10 });
    assert_eq!(refused("46 00"), WireError::OutOfRange { what: "card", at: 1, value: 0 });
    assert_eq!(refused("46 81 08"), WireError::OutOfRange { what: "card", at: 1, value: 1025 });
}

#[test]
fn unknown_tags_flags_and_bits_are_refused() {
    assert_eq!(refused("14 07 01 03 03"), WireError::UnknownTag { what: "question", at: 4, tag: 3 });
    assert_eq!(refused("24 07 01 03 09"), WireError::UnknownTag { what: "answer", at: 4, tag: 9 });
    assert_eq!(refused("16 03"), WireError::UnknownTag { what: "vote request", at: 1, tag: 3 });
    assert_eq!(refused("26 04"), WireError::UnknownTag { what: "vote reply", at: 1, tag: 4 });
    assert_eq!(refused("16 01 07 02 02"), WireError::UnknownTag { what: "flag", at: 4, tag: 2 });
    assert_eq!(
        refused("12 07 01 03 00 00 01 | c0 01 61"),
        WireError::UnknownTag { what: "flags", at: 7, tag: 0xc0 }
    );
    let delete_with_part = refused("12 07 01 03 00 00 01 | 09 01 61 00");
    assert_eq!(delete_with_part, WireError::UnknownTag { what: "flags of a delete", at: 7, tag: 9 });
    assert_eq!(
        refused("41 07 01 03 00 00 01 | 80 01 61 05"),
        WireError::UnknownTag { what: "origin", at: 10, tag: 5 }
    );
}

#[test]
fn huge_counts_with_an_empty_body_are_refused() {
    for count in [1, 65_535, u64::from(u32::MAX), u64::MAX / 8, u64::MAX] {
        for head in [
            "10 07 02",
            "12 07 01 03 00 00",
            "13 07 01 03",
            "14 07 01 03 01 00",
            "24 07 01 03 01",
            "24 07 01 03 02",
            "30 07 01 01",
            "41 07 01 03 00 00",
            "45 07",
            "47 07",
        ] {
            let error = decode_wire(&bytes(head, &varint(count))).expect_err(head);
            assert!(
                matches!(error, WireError::TooMany { count: c, limit: 0, .. } if c == count),
                "{head}: {error}"
            );
        }
    }
}

#[test]
fn counts_above_their_limit_are_refused_though_the_bytes_are_there() {
    let limits = [
        ("10 07 02", MAX_PROCESSES),
        ("12 07 01 03 00 00", BATCH_OPS),
        ("13 07 01 03", BATCH_OPS),
        ("14 07 01 03 01 00", ASK_NODES),
        ("41 07 01 03 00 00", BATCH_OPS),
    ];
    for (head, limit) in limits {
        let mut body = bytes(head, &varint(limit as u64 + 1));
        body.resize(body.len() + 100_000, 0);
        let error = decode_wire(&body).expect_err(head);
        assert!(matches!(error, WireError::TooMany { limit: l, .. } if l == limit), "{head}: {error}");
    }
}

#[test]
fn lengths_above_their_limit_are_refused_though_the_bytes_are_there() {
    let long = |head: &str, len: usize| {
        let mut body = bytes(head, &varint(len as u64));
        body.resize(body.len() + len + 10, b'x');
        decode_wire(&body).expect_err(head)
    };
    let name = long("01 48 54 4c 53 01 00 01 00", 4 << 20);
    assert_eq!(name, WireError::TooMany { what: "chassis name", at: 9, count: 4 << 20, limit: 64 });
    assert!(matches!(long("02", 257), WireError::TooMany { what: "reason", limit: 256, .. }));
    let part = long("12 07 01 03 00 00 01 | 08 01 61", MAX_PART + 1);
    assert!(matches!(part, WireError::TooMany { what: "card part", limit: MAX_PART, .. }));
    let cookie = long("12 07 01 03 00 00 01 | 11 01 61", MAX_COOKIE + 2);
    assert!(matches!(cookie, WireError::TooMany { what: "cookie", limit: MAX_COOKIE, .. }));
    let cookie = long("23 07 01 03 | 00 00 00 00 00 00 00 00 | 00", 64 * 1024);
    assert!(matches!(cookie, WireError::TooMany { what: "cookie", limit: MAX_COOKIE, .. }));
    let standby = long("42 07 01 03 01 | 20 01 61", MAX_PART + 2);
    assert!(matches!(standby, WireError::TooMany { what: "standby-only part", limit: MAX_PART, .. }));
    let key = long("12 07 01 03 00 00 01 | 00 0f", MAX_KEY - 14);
    assert!(matches!(key, WireError::TooMany { what: "key", limit: MAX_KEY, .. }));
}

#[test]
fn key_lengths_that_wrap_are_refused() {
    let huge = "ff ff ff ff ff ff ff ff ff 01";
    for body in
        [format!("12 07 01 03 00 00 01 00 ff {huge} {huge}"), format!("12 07 01 03 00 00 01 00 0f {huge}")]
    {
        assert!(matches!(refused(&body), WireError::TooMany { what: "key", .. }));
    }
}

#[test]
fn keys_that_lean_on_more_than_there_is_are_refused() {
    let first = refused("12 07 01 03 00 00 01 | 20 10");
    assert!(matches!(first, WireError::TooMany { what: "shared bytes of a key", count: 1, limit: 0, .. }));
}

#[test]
fn what_could_be_shorter_is_refused() {
    let shorter = |body: &str, what| {
        assert!(matches!(refused(body), WireError::NotShortest { what: w, .. } if w == what))
    };
    let two = |second: &str| format!("12 07 01 03 00 00 02 | 28 01 61 01 70 | {second}");
    assert!(decode_wire(&hex(&two("20 01 62"))).is_ok());
    shorter(&two("20 02 61 62"), "key");
    shorter(&two("24 07 01 62"), "epoch of an op");
    shorter(&two("22 02 01 62"), "position of an op");
    shorter(&two("28 01 62 01 70"), "card part");
    let two = |second: &str| format!("41 07 01 03 00 00 02 | 28 01 61 01 70 01 | {second}");
    assert!(decode_wire(&hex(&two("00 01 62"))).is_err(), "not known is not empty");
    let two = |second: &str| format!("41 07 01 03 00 00 02 | 08 01 61 01 70 | {second}");
    assert!(decode_wire(&hex(&two("00 01 62"))).is_ok());
    shorter(&two("80 01 62 00"), "origin");
    shorter(&two("40 01 62 00 00"), "audience");
    shorter(&two("40 01 62 01 01 01 | 01 01 01 01"), "audience");
    shorter(&two("41 01 62 00"), "audience");
    shorter(&two("20 01 62 01"), "standby-only part");
    let acks = "23 07 01 03 | 00 00 00 00 00 00 00 00 | 00 01 00 | 02";
    assert!(decode_wire(&hex(&format!("{acks} | 20 01 61 01 78 | 00 01 62 | 00"))).is_ok());
    shorter(&format!("{acks} | 20 01 61 01 78 | 20 01 62 01 78 | 00"), "reason");
}

#[test]
fn positions_that_do_not_ascend_are_refused() {
    let unordered = WireError::Unordered { what: "ops", at: 11 };
    assert_eq!(
        refused("12 07 01 03 00 05 01 | 23 00 00 00"),
        WireError::UnknownTag { what: "flags of a delete", at: 7, tag: 0x23 }
    );
    assert_eq!(refused("12 07 01 03 00 05 01 | 03 00 01 61"), unordered, "the same again");
    assert_eq!(refused("12 07 01 03 00 05 01 | 03 01 01 61"), unordered, "backwards");
    assert!(decode_wire(&hex("12 07 01 03 00 05 01 | 03 04 01 61")).is_ok());
}

#[test]
fn positions_above_the_last_are_refused() {
    let error = refused("12 07 01 03 00 ff ff ff ff ff ff ff ff ff 01 01 | 01 01 61");
    assert!(matches!(error, WireError::OutOfRange { what: "position of an op", .. }));
}

#[test]
fn lists_that_must_ascend_cannot_do_otherwise() {
    let nodes = refused("14 07 01 03 01 00 | 02 05 ff ff ff ff 0f");
    assert_eq!(nodes, WireError::Unordered { what: "nodes", at: 13 });
    let audience = refused("41 07 01 03 00 00 01 | 41 01 61 | 01 02 02 ff ff ff ff 0f");
    assert!(matches!(audience, WireError::Unordered { what: "cards of an audience", .. }));
    for card in ["01 01", "01 02"] {
        let life = "00 00 00 00 00 00 00 00";
        let roster = refused(&format!("45 07 02 | 01 02 {life} | {card} {life} | 00"));
        assert!(matches!(roster, WireError::Unordered { what: "cards in step", .. }));
    }
}

#[test]
fn audiences_name_cards_that_can_be() {
    for cards in ["01 00", "01 81 08"] {
        let error = refused(&format!("41 07 01 03 00 00 01 | 41 01 61 | 01 {cards}"));
        assert!(matches!(error, WireError::OutOfRange { what: "card of an audience", .. }));
    }
    assert!(decode_wire(&hex("41 07 01 03 00 00 01 | 41 01 61 | 01 01 80 08")).is_ok(), "card 1024");
}

#[test]
fn texts_are_printable_utf8() {
    for text in ["01 00", "01 1b", "01 ff", "02 c3 28", "03 ed a0 80"] {
        assert_eq!(refused(&format!("02 {text}")), WireError::NotText { what: "reason", at: 1 });
        let hello = format!("01 48 54 4c 53 01 00 01 00 {text} 00 01 00 00 00 00 00 00 00 00 00");
        assert_eq!(refused(&hello), WireError::NotText { what: "chassis name", at: 9 });
    }
}

/// A long part is written again each time, so that two bytes never unfold to 64 KiB.
#[test]
fn a_batch_is_no_bomb() {
    let part: String = "70".repeat(1025);
    let bomb = format!("12 07 01 03 00 00 02 | 28 01 61 81 08 {part} | 20 01 62");
    assert!(matches!(refused(&bomb), WireError::TooMany { what: "card part", count: 1025, limit: 1024, .. }));
    let part: String = "70".repeat(1024);
    let batch = format!("12 07 01 03 00 00 02 | 28 01 61 80 08 {part} | 20 01 62");
    assert!(decode_wire(&hex(&batch)).is_ok());
}

#[test]
fn a_tombstone_in_a_leaf_has_no_content() {
    let sum = "00".repeat(16);
    let error = refused(&format!("24 07 01 03 02 01 01 | 11 01 61 {sum}"));
    assert_eq!(error, WireError::UnknownTag { what: "flags of a leaf's entry", at: 7, tag: 0x11 });
}
