//! The `voters` arbiter, and what a party keeps durably.

use alloc::vec::Vec;

use super::WireError;
use super::codec::{Codec, Input, fields, put_list};
use super::frame::crc32c;
use super::unit::take_in_sync;
use crate::arbiter::{Record, VoterState};
use crate::io::Durable;
use crate::message::{Ballot, Poll, VoteReply, VoteRequest};

/// First bytes of a durable state.
const DURABLE_MAGIC: [u8; 4] = *b"HTLD";
/// Version of the layout of durable states; apart from that of the wire.
const DURABLE_VERSION: u16 = 1;

fields!(Ballot { epoch, unit });
fields!(Poll { hears_primary, promised, accepted });
fields!(VoterState { promised, accepted });
fields!(Durable { promised, owner, voter });

impl Codec for VoteRequest {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Poll => out.push(0),
            Self::Ballot { ballot, consented } => {
                out.push(1);
                ballot.put(out);
                consented.put(out);
            }
            Self::Write(record) => {
                out.push(2);
                record.put(out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        match input.byte("vote request")? {
            0 => Ok(Self::Poll),
            1 => Ok(Self::Ballot { ballot: Codec::take(input)?, consented: Codec::take(input)? }),
            2 => Codec::take(input).map(Self::Write),
            tag => Err(WireError::UnknownTag { what: "vote request", at, tag }),
        }
    }
}

impl Codec for VoteReply {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Poll(poll) => {
                out.push(0);
                poll.put(out);
            }
            Self::Promised { ballot, accepted } => {
                out.push(1);
                ballot.put(out);
                accepted.put(out);
            }
            Self::Accepted { epoch, version } => {
                out.push(2);
                epoch.put(out);
                version.put(out);
            }
            Self::Refused { promised, epoch } => {
                out.push(3);
                promised.put(out);
                epoch.put(out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        match input.byte("vote reply")? {
            0 => Codec::take(input).map(Self::Poll),
            1 => Ok(Self::Promised { ballot: Codec::take(input)?, accepted: Codec::take(input)? }),
            2 => Ok(Self::Accepted { epoch: Codec::take(input)?, version: Codec::take(input)? }),
            3 => Ok(Self::Refused { promised: Codec::take(input)?, epoch: Codec::take(input)? }),
            tag => Err(WireError::UnknownTag { what: "vote reply", at, tag }),
        }
    }
}

impl Codec for Record {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.version.put(out);
        self.owner.put(out);
        self.opened.put(out);
        put_list(&self.in_sync, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            epoch: Codec::take(input)?,
            version: Codec::take(input)?,
            owner: Codec::take(input)?,
            opened: Codec::take(input)?,
            in_sync: take_in_sync(input)?,
        })
    }
}

/// A durable state as bytes for a store: magic, layout version, fields, CRC-32C of all that.
#[must_use]
pub fn encode_durable(durable: &Durable) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&DURABLE_MAGIC);
    out.extend_from_slice(&DURABLE_VERSION.to_le_bytes());
    durable.put(&mut out);
    let sum = crc32c(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// Reads what [`encode_durable`] wrote.
///
/// # Errors
/// Not such a state, of another layout version, or damaged. A promise that cannot be read must stop the party: without
/// it, it could promise the same epoch twice.
pub fn decode_durable(bytes: &[u8]) -> Result<Durable, WireError> {
    let mut head = Input::new(bytes);
    if head.array("magic")? != DURABLE_MAGIC {
        return Err(WireError::BadMagic);
    }
    let theirs = u16::from_le_bytes(head.array("version")?);
    if theirs != DURABLE_VERSION {
        return Err(WireError::IncompatibleVersion { ours: DURABLE_VERSION, theirs });
    }
    let Some((covered, sum)) = bytes.split_last_chunk::<4>() else {
        return Err(WireError::Truncated { what: "checksum", at: bytes.len() });
    };
    let (expected, found) = (u32::from_le_bytes(*sum), crc32c(covered));
    if expected != found {
        return Err(WireError::Checksum { expected, found });
    }
    let mut input = Input::new(covered);
    input.bytes(head.at(), "header")?;
    let durable = Durable::take(&mut input)?;
    input.end()?;
    Ok(durable)
}
