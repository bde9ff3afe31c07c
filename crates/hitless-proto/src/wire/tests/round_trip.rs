//! One message, one encoding; no input that panics.

use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::Dice;
use crate::limits::MAX_FRAME;
use crate::message::{FromCard, Message, ToCard, ToStandby, UnitMessage};
use crate::wire::{
    FrameReader, Wire, card_op_bytes, card_op_most, decode, decode_durable, decode_wire, encode,
    encode_durable, encode_wire, encode_wire_frame, kind, mac_bytes, update_most,
};

fn random_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..3000)
}

/// What decodes is said by these bytes only.
fn assert_canonical(body: &[u8]) {
    if let Ok(wire) = decode_wire(body) {
        let newer_hello = matches!(wire, Wire::Hello(_)) && encode_wire(&wire)[5..9] != body[5..9];
        assert!(newer_hello || encode_wire(&wire) == body, "{wire:?} has two encodings");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_message_comes_back(bytes in random_bytes()) {
        let message = Dice::new(&bytes).message();
        let body = encode(&message);
        prop_assert_eq!(decode(&body), Ok(message));
    }

    #[test]
    fn everything_comes_back_through_frames_in_any_pieces(bytes in random_bytes(), piece in 1_usize..300) {
        let mut dice = Dice::new(&bytes);
        let sent: Vec<Wire> = (0..3).map(|_| dice.wire()).collect();
        let mut stream = Vec::new();
        for wire in &sent {
            prop_assert_eq!(encode_wire_frame(wire, &mut stream), Ok(()));
        }
        let mut reader = FrameReader::new();
        reader.greeted();
        let mut came = Vec::new();
        for piece in stream.chunks(piece) {
            reader.push(piece);
            while let Some(body) = reader.next_body().unwrap() {
                came.push(decode_wire(body).unwrap());
            }
        }
        prop_assert_eq!(came, sent);
        prop_assert!(!reader.is_mid_frame());
    }

    #[test]
    fn durable_states_come_back(bytes in vec(any::<u8>(), 0..200)) {
        let durable = Dice::new(&bytes).durable();
        prop_assert_eq!(decode_durable(&encode_durable(&durable)), Ok(durable));
    }

    #[test]
    fn every_truncation_is_refused(bytes in random_bytes()) {
        let body = encode_wire(&Dice::new(&bytes).wire());
        for len in 0..body.len() {
            prop_assert!(decode_wire(&body[..len]).is_err(), "cut to {} of {} bytes", len, body.len());
        }
    }

    #[test]
    fn every_trailing_byte_is_refused(bytes in random_bytes(), more in any::<u8>()) {
        let mut body = encode_wire(&Dice::new(&bytes).wire());
        body.push(more);
        prop_assert!(decode_wire(&body).is_err());
    }

    #[test]
    fn mutations_are_refused_or_mean_what_they_say(
        bytes in random_bytes(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = encode_wire(&Dice::new(&bytes).wire());
        for (at, value) in edits {
            let at = at.index(body.len());
            body[at] = value;
            assert_canonical(&body);
        }
    }

    #[test]
    fn garbage_never_panics(kind in any::<u8>(), mut body in vec(any::<u8>(), 0..200)) {
        assert_canonical(&body);
        body.insert(0, kind);
        assert_canonical(&body);
        prop_assert!(decode_durable(&body).is_err());
        let mut reader = FrameReader::new();
        reader.push(&body);
        while let Ok(Some(_)) = reader.next_body() {}
    }

    #[test]
    fn a_damaged_durable_state_is_refused(
        bytes in vec(any::<u8>(), 0..99),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut state = encode_durable(&Dice::new(&bytes).durable());
        let at = at.index(state.len());
        state[at] ^= 1_u8 << bit;
        prop_assert!(decode_durable(&state).is_err());
        prop_assert!(decode_durable(&state[..at]).is_err());
    }

    #[test]
    fn estimates_are_bounds(bytes in random_bytes()) {
        let message = Dice::new(&bytes).message();
        let len = encode(&message).len();
        match &message {
            Message::ToCard(ToCard::Ops(ops)) => {
                prop_assert!(len <= 64 + ops.ops.iter().map(card_op_most).sum::<usize>());
                prop_assert!(ops.ops.iter().all(|op| card_op_bytes(op) <= card_op_most(op)));
            }
            Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
                prop_assert!(len <= 64 + ops.ops.iter().map(|update| update_most(update)).sum::<usize>());
            }
            Message::FromCard(FromCard::Ack(ack)) => {
                let mut without = ack.clone();
                without.macs.clear();
                let card = crate::ids::CardId(7);
                prop_assert_eq!(mac_bytes(card, ack), mac_bytes(card, &without));
                without.consumed ^= 1;
                prop_assert_ne!(mac_bytes(card, ack), mac_bytes(card, &without));
            }
            Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => {}
        }
        prop_assert!(len <= MAX_FRAME);
    }
}

/// A generator that never made some message would prove nothing about it.
#[test]
fn arbitrary_messages_are_of_every_kind() {
    let mut state = 1_u64;
    let mut seen = alloc::collections::BTreeSet::new();
    for _ in 0..4000 {
        let bytes: Vec<u8> = (0..400)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        seen.insert(encode_wire(&Dice::new(&bytes).wire())[0]);
    }
    assert_eq!(seen.into_iter().collect::<Vec<u8>>(), kind::ALL);
}
