//! From the golden bytes of `hitless-proto`: bodies, frames, batches, durable states, connections.

use hitless_proto::entry::CardOp;
use hitless_proto::message::{CardOps, Fill, Message, ToCard, ToStandby, UnitMessage, UnitOps};
use hitless_proto::wire::{crc32c, decode, decode_durable, decode_wire, encode};

use super::Seeds;

const GOLDEN: [&str; 3] = [
    include_str!("../../crates/hitless-proto/src/wire/tests/golden.rs"),
    include_str!("../../crates/hitless-proto/src/wire/tests/golden_card.rs"),
    include_str!("../../crates/hitless-proto/src/wire/tests/golden_unit.rs"),
];
/// Fewer golden bodies than this: the files are written in another way now, and the seeds are gone.
const LEAST: usize = 25;

/// All golden bodies.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    let bodies: Vec<Vec<u8>> = literals().filter(|bytes| decode_wire(bytes).is_ok()).collect();
    assert!(bodies.len() >= LEAST, "{} golden bodies", bodies.len());
    bodies
}

fn literals() -> impl Iterator<Item = Vec<u8>> {
    GOLDEN.iter().flat_map(|text| hex_literals(text))
}

pub(super) fn seeds() -> Vec<Seeds> {
    let bodies = bodies();
    let durable: Vec<Vec<u8>> = literals().filter(|bytes| decode_durable(bytes).is_ok()).collect();
    assert!(!durable.is_empty(), "no golden durable state");
    // The target appends a checksum of its own.
    let bare = durable.iter().map(|bytes| bytes[..bytes.len() - 4].to_vec());
    let batches: Vec<Vec<u8>> = bodies.iter().filter_map(|body| batch(body)).collect();
    assert!(batches.len() >= 4, "{} golden batches", batches.len());
    vec![
        ("frames", bodies.iter().map(|body| [&[2, 7], &frame(body)[..]].concat()).collect()),
        ("links", bodies.iter().map(|body| connections(body)).collect()),
        ("durable", bare.chain(durable.iter().cloned()).collect()),
        ("batches", batches),
        ("messages", bodies),
    ]
}

/// The string literals that are hexadecimal bytes, with blanks and bars between them.
fn hex_literals(text: &str) -> Vec<Vec<u8>> {
    let digits = |literal: &str| literal.replace([' ', '|', '\n'], "");
    let bytes = |digits: String| -> Option<Vec<u8>> {
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
    };
    // A literal goes on behind a backslash at the end of its line.
    let text = text.replace("\\\n", "");
    let literals = text.split('"').skip(1).step_by(2);
    literals.filter_map(|literal| bytes(digits(literal))).filter(|bytes| bytes.len() > 1).collect()
}

fn frame(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes()[..], &crc32c(body).to_le_bytes(), body].concat()
}

/// A card's link with a unit: heartbeats on one connection, the body on the other.
fn connections(body: &[u8]) -> Vec<u8> {
    let connection = |purpose: u8, body: &[u8]| {
        let frame = frame(body);
        [&[0x11, purpose, frame.len() as u8][..], &frame].concat()
    };
    [&[0][..], &connection(1, &[3, 1]), &connection(5, body)].concat()
}

/// A batch behind the head that the target makes, with the number of its kind there.
fn batch(body: &[u8]) -> Option<Vec<u8>> {
    let empty = match decode(body).ok()? {
        Message::ToCard(ToCard::Ops(ops)) => {
            (0, Message::ToCard(ToCard::Ops(CardOps { ops: Vec::new(), ..ops })))
        }
        Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
            (1, Message::Unit(UnitMessage::Primary(ToStandby::Ops(UnitOps { ops: Vec::new(), ..ops }))))
        }
        Message::ToCard(ToCard::Fill(fill)) => {
            let fill: Fill<CardOp> = Fill { entries: Vec::new(), ..fill };
            (2, Message::ToCard(ToCard::Fill(fill)))
        }
        Message::Unit(UnitMessage::Primary(ToStandby::Fill(fill))) => {
            let fill = Fill { entries: Vec::new(), ..fill };
            (3, Message::Unit(UnitMessage::Primary(ToStandby::Fill(fill))))
        }
        Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => return None,
    };
    let head = encode(&empty.1).len() - 1;
    Some([&[empty.0, 0][..], &body[head..]].concat())
}
