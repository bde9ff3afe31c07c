//! Names, counters, versions, lives and sums.

use alloc::vec::Vec;

use super::WireError;
use super::codec::{Codec, Input, fields, put_varint};
use crate::digest::Sum;
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::limits::{MAX_CARDS, MAX_UNITS};

macro_rules! varints {
    ($($type:ty: $inner:ty, $what:literal;)+) => {$(
        impl Codec for $type {
            fn put(&self, out: &mut Vec<u8>) {
                put_varint(u64::from(self.0), out);
            }

            fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
                input.narrow::<$inner>($what).map(Self)
            }
        }
    )+};
}

varints! {
    ProcessId: u16, "process";
    Epoch: u32, "epoch";
    Seq: u64, "position";
}

/// A session or record version.
impl Codec for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(u64::from(*self), out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.narrow("number")
    }
}

/// A counter.
impl Codec for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(*self, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.varint("counter")
    }
}

/// A key or code: random, so of fixed length.
impl Codec for u128 {
    const LEAST: usize = 16;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.array("code").map(Self::from_le_bytes)
    }
}

impl Codec for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.flag("flag")
    }
}

impl Codec for Life {
    const LEAST: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.array("life").map(|bytes| Self(u64::from_le_bytes(bytes)))
    }
}

impl Codec for Sum {
    const LEAST: usize = 16;

    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.array("sum").map(|bytes| Self(u128::from_le_bytes(bytes)))
    }
}

/// One byte, 0 (nobody) to `MAX_UNITS`. Where somebody must be named, see [`Input::unit`].
impl Codec for UnitId {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        let unit = input.byte("unit")?;
        if usize::from(unit) > MAX_UNITS {
            return Err(WireError::OutOfRange { what: "unit", at, value: u64::from(unit) });
        }
        Ok(Self(unit))
    }
}

impl Codec for CardId {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(u64::from(self.0), out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        let value = input.varint("card")?;
        match u16::try_from(value) {
            Ok(card) if (1..=MAX_CARDS).contains(&usize::from(card)) => Ok(Self(card)),
            Ok(_) | Err(_) => Err(WireError::OutOfRange { what: "card", at, value }),
        }
    }
}

impl Codec for Party {
    const LEAST: usize = 2;

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unit(unit) => {
                out.push(0);
                unit.put(out);
            }
            Self::Card(card) => {
                out.push(1);
                card.put(out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        if input.flag("party")? { CardId::take(input).map(Self::Card) } else { input.unit().map(Self::Unit) }
    }
}

fields!(Version { epoch, seq });

impl<A: Codec, B: Codec> Codec for (A, B) {
    const LEAST: usize = A::LEAST + B::LEAST;

    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok((A::take(input)?, B::take(input)?))
    }
}
