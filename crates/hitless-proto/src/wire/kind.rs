//! The first byte of every body: one number per message, never used again for another one.

use alloc::vec::Vec;

use super::codec::Codec;

macro_rules! kinds {
    ($($name:ident = $value:literal;)+) => {
        $(pub(super) const $name: u8 = $value;)+

        /// All of them, for the test that each has golden bytes.
        #[cfg(test)]
        pub(super) const ALL: &[u8] = &[$($name),+];
    };
}

kinds! {
    HELLO = 0x01;
    GOODBYE = 0x02;
    HEARTBEAT = 0x03;

    CLAIM = 0x10;
    CARD_START = 0x11;
    CARD_OPS = 0x12;
    CARD_FILL = 0x13;
    CARD_ASK = 0x14;
    CARD_IN_STEP = 0x15;
    CARD_VOTE = 0x16;

    CARD_REPORT = 0x20;
    PROMISE = 0x21;
    CARD_REFUSED = 0x22;
    ACK = 0x23;
    CARD_TELL = 0x24;
    CARD_BROKEN = 0x25;
    CARD_VOTED = 0x26;

    UNIT_REPORT = 0x30;
    UNIT_VOTE = 0x31;
    UNIT_VOTED = 0x32;
    UNIT_REFUSED = 0x33;

    START = 0x40;
    OPS = 0x41;
    FILL = 0x42;
    ASK = 0x43;
    IN_STEP = 0x44;
    ROSTER = 0x45;
    RELAYED = 0x46;
    HAND_OVER = 0x47;

    RECEIVED = 0x50;
    TELL = 0x51;
    BROKEN = 0x52;
    DECLINED = 0x53;
}

pub(super) fn put(kind: u8, fields: &impl Codec, out: &mut Vec<u8>) {
    out.push(kind);
    fields.put(out);
}
