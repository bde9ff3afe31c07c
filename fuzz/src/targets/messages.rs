//! Every message: what decodes is said by these bytes only, and means the same when it comes back.

use hitless_proto::ids::CardId;
use hitless_proto::limits::MAX_FRAME;
use hitless_proto::message::{FromCard, Message, ToCard, ToStandby, UnitMessage};
use hitless_proto::wire::{
    Wire, WireError, card_op_bytes, card_op_most, decode, decode_hello, decode_wire, encode, encode_hello,
    encode_wire, fits, mac_bytes, update_most,
};

use crate::budget::Budget;

/// The smallest member of a batch has two bytes. It may stand for two parts of 1024 bytes and two audiences of 1024
/// cards (2 bytes each) that it repeats, and for itself (up to 256 bytes): 6.4 kB, so 3.2 kB a byte. All of it is held
/// twice here, and once more as bytes. What one field costs whatever its size is in the base.
pub(crate) const BUDGET: Budget = Budget { base: 64 * 1024, per_byte: 7 * 1024 };

/// The input is a body.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, check);
}

/// Checks all that holds of a body.
pub(super) fn check(body: &[u8]) {
    let Ok(wire) = decode_wire(body) else {
        assert!(decode(body).is_err() && decode_hello(body).is_err());
        return;
    };
    let again = encode_wire(&wire);
    match &wire {
        // What a newer release adds to its hello is passed over.
        Wire::Hello(hello) => {
            assert_eq!(decode_hello(body).as_ref(), Ok(hello));
            assert_eq!(encode_hello(hello), again);
            assert_eq!(decode(body), Err(WireError::OutOfPlace(body[0])));
            assert!(again == body || again[5..9] != body[5..9], "two encodings");
        }
        Wire::Goodbye { .. } | Wire::Heartbeat { .. } => {
            assert!(decode(body).is_err() && decode_hello(body).is_err());
            assert_eq!(again, body, "two encodings");
        }
        Wire::Message(message) => {
            assert_eq!(again, body, "two encodings");
            assert_eq!(encode(message), body);
            assert_eq!(fits(message), body.len() <= MAX_FRAME);
            sizes(message, body.len());
        }
    }
    assert_eq!(decode_wire(&again), Ok(wire));
}

/// What is counted before encoding is never less than what is encoded.
fn sizes(message: &Message, len: usize) {
    match message {
        Message::ToCard(ToCard::Ops(ops)) => {
            assert!(len <= 64 + ops.ops.iter().map(card_op_most).sum::<usize>());
            assert!(ops.ops.iter().all(|op| card_op_bytes(op) <= card_op_most(op)));
        }
        Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
            assert!(len <= 64 + ops.ops.iter().map(|update| update_most(update)).sum::<usize>());
        }
        Message::FromCard(FromCard::Ack(ack)) => {
            assert!(mac_bytes(CardId(7), ack).len() <= len + 2, "the codes cover more than the ack says");
        }
        Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => {}
    }
}
