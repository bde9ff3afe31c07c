//! Bad streams: each is refused by name, once and for all, and nothing is held for it.

use alloc::vec;
use alloc::vec::Vec;

use super::golden::hex;
use crate::entry::{CardContent, CardOp, Cookie};
use crate::ids::{Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::limits::{MAX_FRAME, MAX_PART};
use crate::message::{CardOps, Hello, Message, Purpose, ToCard};
use crate::wire::{
    FRAME_HEADER, FrameReader, GREETING_LIMIT, WIRE_VERSION, Wire, WireError, crc32c, decode, decode_hello,
    decode_wire, encode_frame, encode_hello, encode_wire_frame, fits,
};

fn heartbeat() -> Vec<u8> {
    let mut out = Vec::new();
    encode_wire_frame(&Wire::Heartbeat { counter: 1 }, &mut out).unwrap();
    out
}

fn header(len: u32, body: &[u8]) -> Vec<u8> {
    [&len.to_le_bytes(), &crc32c(body).to_le_bytes(), body].concat()
}

fn greeted(bytes: &[u8]) -> FrameReader {
    let mut reader = FrameReader::new();
    reader.greeted();
    reader.push(bytes);
    reader
}

fn hello() -> Hello {
    Hello { chassis: "c".into(), party: Party::Unit(UnitId(1)), life: Life(1), purpose: Purpose::Protocol }
}

#[test]
fn length_zero_is_refused() {
    assert_eq!(greeted(&header(0, &[])).next_body(), Err(WireError::EmptyFrame));
    assert_eq!(decode_wire(&[]), Err(WireError::EmptyFrame));
}

#[test]
fn length_of_a_header_is_only_a_length() {
    let body = [3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(body.len(), FRAME_HEADER);
    assert_eq!(greeted(&header(8, &body)).next_body(), Ok(Some(&body[..])));
}

#[test]
fn the_longest_body_is_read() {
    let body = vec![3; MAX_FRAME];
    assert_eq!(greeted(&header(MAX_FRAME as u32, &body)).next_body(), Ok(Some(&body[..])));
}

#[test]
fn longer_bodies_are_refused_by_the_header_alone() {
    for len in [MAX_FRAME as u32 + 1, u32::MAX, u32::from_le_bytes(*b"GET ")] {
        let mut reader = greeted(&header(len, &[]));
        let refused = Err(WireError::FrameTooLong { len, limit: MAX_FRAME });
        assert_eq!(reader.next_body(), refused);
        reader.push(&heartbeat());
        assert_eq!(reader.next_body(), refused, "the stream cannot be read on");
    }
}

#[test]
fn a_stranger_may_send_a_greeting_and_no_more() {
    let longest = Wire::Goodbye { reason: "é".repeat(200) };
    let mut reader = FrameReader::new();
    for wire in [longest, Wire::Hello(Hello { chassis: "x".repeat(64), ..hello() })] {
        let mut out = Vec::new();
        encode_wire_frame(&wire, &mut out).unwrap();
        reader.push(&out);
        assert!(reader.next_body().unwrap().is_some());
    }
    let len = GREETING_LIMIT as u32 + 1;
    reader.push(&header(len, &[]));
    assert_eq!(reader.next_body(), Err(WireError::FrameTooLong { len, limit: GREETING_LIMIT }));
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let frame = heartbeat();
    let mut reader = FrameReader::new();
    for byte in &frame[..frame.len() - 1] {
        reader.push(&[*byte]);
        assert_eq!(reader.next_body(), Ok(None));
        assert!(reader.is_mid_frame());
    }
    reader.push(&frame[frame.len() - 1..]);
    assert_eq!(reader.next_body(), Ok(Some(&[3, 1][..])));
    assert!(!reader.is_mid_frame());
}

#[test]
fn a_body_that_never_comes_is_seen_as_mid_frame() {
    let mut reader = greeted(&header(100, &[]));
    assert_eq!(reader.next_body(), Ok(None));
    assert!(reader.is_mid_frame());
}

#[test]
fn torn_and_merged_frames_are_told_apart() {
    let three = heartbeat().repeat(3);
    for cut in 0..three.len() {
        let mut reader = greeted(&three[..cut]);
        let mut frames = 0;
        for rest in [&three[cut..], &[]] {
            while let Some(body) = reader.next_body().unwrap() {
                assert_eq!(body, [3, 1]);
                frames += 1;
            }
            reader.push(rest);
        }
        assert_eq!(frames, 3, "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let frame = heartbeat();
    for bit in 0..frame.len() * 8 {
        let mut damaged = frame.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut reader = greeted(&damaged);
        match reader.next_body() {
            Err(WireError::Checksum { .. } | WireError::FrameTooLong { .. } | WireError::EmptyFrame) => {}
            Ok(None) => assert!(bit < 32, "only a longer length waits for more"),
            other => panic!("bit {bit}: {other:?}"),
        }
    }
}

#[test]
fn a_hundred_thousand_empty_frames_end_at_the_first() {
    let mut reader = greeted(&header(0, &[]).repeat(100_000));
    assert_eq!(reader.next_body(), Err(WireError::EmptyFrame));
    assert!(!reader.is_mid_frame(), "nothing is held after an error");
}

#[test]
fn trailing_bytes_are_refused() {
    assert_eq!(decode_wire(&hex("03 01 00 00")), Err(WireError::Trailing { bytes: 2 }));
}

#[test]
fn wrong_magic_is_not_called_a_version() {
    let mut body = encode_hello(&hello());
    body[2] = b'X';
    assert_eq!(decode_hello(&body), Err(WireError::BadMagic));
    assert_eq!(decode_hello(&body[..3]), Err(WireError::BadMagic));
}

#[test]
fn other_versions_are_told_from_garbage() {
    let with = |newest: u16, oldest: u16, more: &[u8]| {
        let mut body = encode_hello(&hello());
        body[5..7].copy_from_slice(&newest.to_le_bytes());
        body[7..9].copy_from_slice(&oldest.to_le_bytes());
        body.extend_from_slice(more);
        decode_hello(&body)
    };
    let ours = WIRE_VERSION;
    assert_eq!(with(0, 0, &[]), Err(WireError::IncompatibleVersion { ours, theirs: 0 }));
    assert_eq!(with(9, 9, &[]), Err(WireError::IncompatibleVersion { ours, theirs: 9 }));
    assert_eq!(with(9, 9, b"anything"), Err(WireError::IncompatibleVersion { ours, theirs: 9 }));
    assert_eq!(with(9, ours, b"new fields"), Ok(hello()), "a newer party that speaks ours too");
    assert_eq!(with(ours, ours, b"new fields"), Err(WireError::Trailing { bytes: 10 }));
    assert_eq!(with(ours, ours + 1, &[]), Err(WireError::IncompatibleVersion { ours, theirs: ours + 1 }));
}

#[test]
fn good_versions_with_unknown_kinds_are_refused() {
    for kind in [0x00, 0x04, 0x0f, 0x17, 0x27, 0x34, 0x48, 0x54, 0x60, 0xff] {
        assert_eq!(decode_wire(&[kind, 0, 0, 0]), Err(WireError::UnknownKind(kind)));
    }
}

#[test]
fn greetings_and_messages_are_not_taken_for_each_other() {
    assert_eq!(decode_hello(&hex("15 07 01 03")), Err(WireError::OutOfPlace(0x15)));
    assert_eq!(decode(&encode_hello(&hello())), Err(WireError::OutOfPlace(0x01)));
    assert_eq!(decode(&hex("03 01")), Err(WireError::OutOfPlace(0x03)));
}

#[test]
fn a_message_longer_than_a_frame_is_not_sent() {
    let part = CardContent { part: vec![1; MAX_PART].as_slice().into(), for_all: true };
    let op = |seq| CardOp {
        version: Version::new(1, seq),
        key: "k".into(),
        content: Some(part.clone()),
        cookie: Cookie::Key,
    };
    let batch = |count| {
        Message::ToCard(ToCard::Ops(CardOps {
            epoch: Epoch(1),
            process: ProcessId(1),
            session: 1,
            stable: Seq(0),
            prev: Seq(0),
            ops: (1..=count).map(op).collect(),
        }))
    };
    assert!(fits(&batch(15)) && !fits(&batch(16)));
    let mut out = hex("aa");
    assert!(
        matches!(encode_frame(&batch(16), &mut out), Err(WireError::TooLarge { len }) if len > MAX_FRAME)
    );
    assert_eq!(out, hex("aa"), "nothing of it is left");
    assert_eq!(encode_frame(&batch(15), &mut out), Ok(()));
}

#[test]
fn reasons_are_cut_and_cleaned_by_the_sender() {
    let mut out = Vec::new();
    encode_wire_frame(&Wire::Goodbye { reason: "a\n\u{1b}[2Jb\0".into() }, &mut out).unwrap();
    assert_eq!(decode_wire(&out[FRAME_HEADER..]), Ok(Wire::Goodbye { reason: "a  [2Jb ".into() }));
    let long = WireError::NotText { what: "name", at: 0 };
    assert!(long.reason().len() <= 256);
}
