//! The wire: bytes for every message and back. `docs/protocol.md` is the specification.
//!
//! Decoding is strict. One message has one encoding; whatever else is refused by name ([`WireError`]). No input makes
//! it panic, and what it allocates is bounded by the bytes that came and the limits of [`crate::limits`].

mod batch;
mod card;
mod codec;
mod error;
mod estimate;
mod frame;
mod ids;
mod kept;
mod kind;
mod op;
mod sync;
#[cfg(test)]
mod tests;
mod unit;
mod version;
mod vote;

pub use error::WireError;
pub use estimate::{card_op_bytes, card_op_most, update_most};
pub use frame::{FRAME_HEADER, FrameReader, GREETING_LIMIT, crc32c, encode_frame, encode_wire_frame};
pub use kept::{decode_kept, decode_kept_at, encode_kept, encode_kept_at};
pub use version::{OLDEST_WIRE_VERSION, WIRE_VERSION};
pub use vote::{decode_durable, encode_durable};

use alloc::string::String;
use alloc::vec::Vec;

use codec::{Codec, Input, clean, put_string};

use crate::ids::CardId;
use crate::limits::{MAX_FRAME, MAX_REASON};
use crate::message::{Ack, Hello, Message};

/// Anything that a frame carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire {
    /// The first frame of either end of every connection.
    Hello(Hello),
    /// The last frame: why the sender closes.
    Goodbye {
        /// Text for people, at most `MAX_REASON` bytes.
        reason: String,
    },
    /// On connections for liveness.
    Heartbeat {
        /// Counts up from 1, per connection.
        counter: u64,
    },
    /// On connections for the protocol, after the `Hello`s.
    Message(Message),
}

/// The body of `message`.
#[must_use]
pub fn encode(message: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_message(message, &mut out);
    out
}

/// Whether `message` fits a frame. For the rare messages that no batch limit bounds, a promise and the content of
/// leaves: it costs as much as encoding.
#[must_use]
pub fn fits(message: &Message) -> bool {
    encode(message).len() <= MAX_FRAME
}

/// Reads a body that must be a message of the protocol.
///
/// # Errors
/// What is wrong with it, by name; [`WireError::OutOfPlace`] for a `Hello`, `Goodbye` or heartbeat.
pub fn decode(body: &[u8]) -> Result<Message, WireError> {
    match decode_wire(body)? {
        Wire::Message(message) => Ok(message),
        Wire::Hello(_) | Wire::Goodbye { .. } | Wire::Heartbeat { .. } => Err(WireError::OutOfPlace(body[0])),
    }
}

/// The body of `hello`, at this library's wire version.
#[must_use]
pub fn encode_hello(hello: &Hello) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    version::put_hello(hello, &mut out);
    out
}

/// Reads a body that must be a `Hello`.
///
/// # Errors
/// [`WireError::IncompatibleVersion`] for a hitless party that speaks other versions only; else what is wrong with it.
pub fn decode_hello(body: &[u8]) -> Result<Hello, WireError> {
    match decode_wire(body)? {
        Wire::Hello(hello) => Ok(hello),
        Wire::Goodbye { .. } | Wire::Heartbeat { .. } | Wire::Message(_) => {
            Err(WireError::OutOfPlace(body[0]))
        }
    }
}

/// The body of anything that travels.
#[must_use]
pub fn encode_wire(wire: &Wire) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_wire(wire, &mut out);
    out
}

/// Reads a body.
///
/// # Errors
/// What is wrong with it, by name.
pub fn decode_wire(body: &[u8]) -> Result<Wire, WireError> {
    if body.is_empty() {
        return Err(WireError::EmptyFrame);
    }
    let mut input = Input::new(body);
    let kind = input.byte("kind")?;
    let wire = match kind {
        kind::HELLO => Wire::Hello(version::take_hello(&mut input)?),
        kind::GOODBYE => Wire::Goodbye { reason: input.text("reason", MAX_REASON)? },
        kind::HEARTBEAT => Wire::Heartbeat { counter: input.varint("heartbeat")? },
        0x10..=0x1f => Wire::Message(Message::ToCard(card::take_to_card(kind, &mut input)?)),
        0x20..=0x2f => Wire::Message(Message::FromCard(card::take_from_card(kind, &mut input)?)),
        0x30..=0x5f => Wire::Message(Message::Unit(unit::take_unit(kind, &mut input)?)),
        other => return Err(WireError::UnknownKind(other)),
    };
    input.end()?;
    Ok(wire)
}

/// The bytes that the codes of a card's ack are computed over: the card, and all of the ack but the codes.
#[must_use]
pub fn mac_bytes(card: CardId, ack: &Ack) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    card.put(&mut out);
    card::put_ack_claim(ack, &mut out);
    out
}

fn put_wire(wire: &Wire, out: &mut Vec<u8>) {
    match wire {
        Wire::Hello(hello) => version::put_hello(hello, out),
        Wire::Goodbye { reason } => {
            out.push(kind::GOODBYE);
            put_string(clean(reason).as_bytes(), out);
        }
        Wire::Heartbeat { counter } => kind::put(kind::HEARTBEAT, counter, out),
        Wire::Message(message) => put_message(message, out),
    }
}

fn put_message(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::ToCard(message) => card::put_to_card(message, out),
        Message::FromCard(message) => card::put_from_card(message, out),
        Message::Unit(message) => unit::put_unit(message, out),
    }
}
