//! Golden bytes: what the specification says, written by hand, asserted both ways. Between bars stand fields.

use alloc::string::String;
use alloc::vec::Vec;

use super::{golden_card, golden_unit};
use crate::arbiter::{Record, VoterState};
use crate::digest::Sum;
use crate::entry::{Blob, CardContent, CardOp, Cookie};
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::io::Durable;
use crate::message::{Ballot, Hello, Message, Purpose};
use crate::wire::{
    Wire, crc32c, decode, decode_durable, decode_hello, decode_wire, encode, encode_durable, encode_hello,
    encode_wire, encode_wire_frame, kind,
};

pub(super) const EPOCH: Epoch = Epoch(7);
pub(super) const PROCESS: ProcessId = ProcessId(1);
pub(super) const SESSION: u32 = 3;
/// `08 07 06 05 04 03 02 01`
pub(super) const LIFE: Life = Life(0x0102_0304_0506_0708);
/// `00 10 20 .. f0`
pub(super) const WIDE: u128 = 0xf0e0_d0c0_b0a0_9080_7060_5040_3020_1000;
pub(super) const SUM: Sum = Sum(WIDE);

/// One message and its bytes in hexadecimal; blanks and bars do not count.
pub(super) type Golden = (&'static str, Wire, &'static str);

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '|').collect();
    assert!(digits.len().is_multiple_of(2), "odd digits in {text}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

pub(super) fn blob(text: &str) -> Blob {
    Blob::new(&hex(text))
}

pub(super) fn record() -> Record {
    let in_sync = Vec::from([(UnitId(1), LIFE), (UnitId(2), Life(1))]);
    Record { epoch: EPOCH, version: 4, owner: UnitId(2), opened: true, in_sync }
}

pub(super) fn ballot() -> Ballot {
    Ballot { epoch: EPOCH, unit: UnitId(2) }
}

pub(super) fn put(seq: u64, key: &str, part: &str) -> CardOp {
    CardOp {
        version: Version::new(7, seq),
        key: blob(key),
        content: Some(CardContent { part: blob(part), for_all: true }),
        cookie: Cookie::Key,
    }
}

fn greetings() -> Vec<Golden> {
    let hello = |party, purpose| Wire::Hello(Hello { chassis: "rack-7".into(), party, life: LIFE, purpose });
    Vec::from([
        (
            "hello of a unit: kind | magic | version | oldest | name | party | life | purpose",
            hello(Party::Unit(UnitId(1)), Purpose::Protocol),
            "01 | 48 54 4c 53 | 01 00 | 01 00 | 06 72 61 63 6b 2d 37 | 00 01 | 08 07 06 05 04 03 02 01 | 00",
        ),
        (
            "hello of a card",
            hello(Party::Card(CardId(300)), Purpose::Liveness),
            "01 | 48 54 4c 53 | 01 00 | 01 00 | 06 72 61 63 6b 2d 37 | 01 ac 02 | 08 07 06 05 04 03 02 01 | 01",
        ),
        (
            "goodbye: kind | reason",
            Wire::Goodbye { reason: "wrong chassis".into() },
            "02 | 0d 77 72 6f 6e 67 20 63 68 61 73 73 69 73",
        ),
        ("heartbeat: kind | counter", Wire::Heartbeat { counter: 300 }, "03 | ac 02"),
    ])
}

fn all() -> Vec<Golden> {
    let mut all = greetings();
    all.extend(golden_card::to_card());
    all.extend(golden_card::from_card());
    all.extend(golden_unit::reports_and_votes());
    all.extend(golden_unit::to_standby());
    all.extend(golden_unit::from_standby());
    all
}

fn assert_golden(name: &str, wire: &Wire, bytes: &[u8]) {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| alloc::format!("{byte:02x} ")).collect::<String>();
    assert_eq!(text(&encode_wire(wire)), text(bytes), "encoding of: {name}");
    assert_eq!(decode_wire(bytes).as_ref(), Ok(wire), "decoding of: {name}");
    match wire {
        Wire::Message(message) => {
            assert_eq!(encode(message), bytes, "{name}");
            assert_eq!(decode(bytes).as_ref(), Ok(message), "{name}");
        }
        Wire::Hello(hello) => {
            assert_eq!(encode_hello(hello), bytes, "{name}");
            assert_eq!(decode_hello(bytes).as_ref(), Ok(hello), "{name}");
        }
        Wire::Goodbye { .. } | Wire::Heartbeat { .. } => {
            assert!(decode(bytes).is_err() && decode_hello(bytes).is_err(), "{name}");
        }
    }
}

#[test]
fn golden_bytes_are_what_is_written_and_read() {
    for (name, wire, text) in all() {
        assert_golden(name, &wire, &hex(text));
    }
}

#[test]
fn every_kind_has_golden_bytes() {
    let mut seen: Vec<u8> = all().iter().map(|(_, _, text)| hex(text)[0]).collect();
    seen.dedup();
    assert_eq!(seen, kind::ALL, "in the order of the table");
}

#[test]
fn the_specification_names_every_kind_once() {
    let specification = include_str!("../../../../../docs/protocol.md");
    for kind in kind::ALL {
        assert_eq!(
            specification.matches(&alloc::format!("\n| `{kind:02x}` |")).count(),
            1,
            "kind {kind:02x}"
        );
    }
}

#[test]
fn every_direction_has_golden_bytes() {
    let count = |is: fn(&Message) -> bool| {
        all().iter().filter(|(_, wire, _)| matches!(wire, Wire::Message(message) if is(message))).count()
    };
    assert!(count(|message| matches!(message, Message::ToCard(_))) >= 7);
    assert!(count(|message| matches!(message, Message::FromCard(_))) >= 7);
    assert!(count(|message| matches!(message, Message::Unit(_))) >= 16);
}

#[test]
fn a_frame_is_length_checksum_body() {
    // The checksum is CRC-32C as in RFC 3720, appendix B.4.
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    let mut out = hex("aa");
    assert_eq!(encode_wire_frame(&Wire::Heartbeat { counter: 1 }, &mut out), Ok(()));
    assert_eq!(out, hex("aa | 02 00 00 00 | 48 5c ed 37 | 03 01"));
}

#[test]
fn a_durable_state_is_magic_version_fields_checksum() {
    let durable = Durable {
        promised: EPOCH,
        owner: UnitId(2),
        voter: VoterState { promised: ballot(), accepted: Record { in_sync: Vec::new(), ..record() } },
    };
    let bytes = hex("48 54 4c 44 | 01 00 | 07 02 | 07 02 | 07 04 02 01 00 | e4 37 bc da");
    assert_eq!(encode_durable(&durable), bytes);
    assert_eq!(decode_durable(&bytes), Ok(durable));
}

#[test]
fn a_route_whose_next_hop_repeats_takes_at_most_eight_bytes() {
    let routes: Vec<CardOp> = (0..256_u64)
        .map(|n| put(1001 + n, &alloc::format!("01 18 0a {:02x} {:02x}", n / 16, n % 16 * 16), "00 00 00 07"))
        .collect();
    let ops = crate::message::CardOps {
        epoch: EPOCH,
        process: PROCESS,
        session: SESSION,
        stable: Seq(990),
        prev: Seq(1000),
        ops: routes,
    };
    let len = encode(&Message::ToCard(crate::message::ToCard::Ops(ops))).len();
    assert!(len <= 256 * 8, "{len} bytes for 256 routes");
}
