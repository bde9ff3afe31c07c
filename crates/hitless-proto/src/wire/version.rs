//! The wire version, and the greeting that carries it.

use alloc::vec::Vec;

use super::codec::{Codec, Input, put_string};
use super::{WireError, kind};
use crate::limits::MAX_CHASSIS_NAME;
use crate::message::{Hello, Purpose};

/// The wire version that this library speaks. Raised by every change of a message.
pub const WIRE_VERSION: u16 = 1;
/// The oldest wire version that this library speaks too.
pub const OLDEST_WIRE_VERSION: u16 = 1;
/// After the kind, the first bytes of every connection.
const MAGIC: [u8; 4] = *b"HTLS";

const _: () = assert!(OLDEST_WIRE_VERSION <= WIRE_VERSION);

/// Kind, magic, newest and oldest version: these seven bytes and their order never change. What follows may only grow.
pub(super) fn put_hello(hello: &Hello, out: &mut Vec<u8>) {
    out.push(kind::HELLO);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&WIRE_VERSION.to_le_bytes());
    out.extend_from_slice(&OLDEST_WIRE_VERSION.to_le_bytes());
    put_string(hello.chassis.as_bytes(), out);
    hello.party.put(out);
    hello.life.put(out);
    out.push(match hello.purpose {
        Purpose::Protocol => 0,
        Purpose::Liveness => 1,
    });
}

/// The fields after the kind. Of a newer party that can speak our version, fields that we do not know are passed over.
pub(super) fn take_hello(input: &mut Input<'_>) -> Result<Hello, WireError> {
    if input.array("magic").map_err(|_| WireError::BadMagic)? != MAGIC {
        return Err(WireError::BadMagic);
    }
    let newest = u16::from_le_bytes(input.array("wire version")?);
    let oldest = u16::from_le_bytes(input.array("oldest wire version")?);
    if newest < OLDEST_WIRE_VERSION {
        return Err(WireError::IncompatibleVersion { ours: WIRE_VERSION, theirs: newest });
    }
    if oldest > WIRE_VERSION || oldest > newest {
        return Err(WireError::IncompatibleVersion { ours: WIRE_VERSION, theirs: oldest });
    }
    let chassis = input.text("chassis name", MAX_CHASSIS_NAME)?;
    let party = Codec::take(input)?;
    let life = Codec::take(input)?;
    let at = input.at();
    let purpose = match input.byte("purpose")? {
        0 => Purpose::Protocol,
        1 => Purpose::Liveness,
        tag => return Err(WireError::UnknownTag { what: "purpose", at, tag }),
    };
    if newest > WIRE_VERSION {
        input.bytes(input.left(), "newer fields")?;
    }
    Ok(Hello { chassis, party, life, purpose })
}
