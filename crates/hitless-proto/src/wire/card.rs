//! Between a control unit and a card.

use alloc::vec::Vec;

use super::batch::{check_ascending, put_batch, take_batch};
use super::codec::{Codec, Input, fields, put_list};
use super::{WireError, kind};
use crate::entry::{CardOp, Cookie};
use crate::ids::{Epoch, Life, ProcessId, Seq, Version};
use crate::limits::{BATCH_OPS, MAX_COOKIE, MAX_NACKS, MAX_ORPHANS, MAX_PROCESSES, MAX_UNITS};
use crate::message::{
    Ack, AckMac, CardOps, CardReport, ChannelAnswer, ChannelReport, Claim, FromCard, Promise, ToCard,
};

pub(super) fn put_to_card(message: &ToCard, out: &mut Vec<u8>) {
    match message {
        ToCard::Claim(claim) => kind::put(kind::CLAIM, claim, out),
        ToCard::Start(start) => kind::put(kind::CARD_START, start, out),
        ToCard::Ops(ops) => kind::put(kind::CARD_OPS, ops, out),
        ToCard::Fill(fill) => kind::put(kind::CARD_FILL, fill, out),
        ToCard::Ask(ask) => kind::put(kind::CARD_ASK, ask, out),
        ToCard::InStep(in_step) => kind::put(kind::CARD_IN_STEP, in_step, out),
        ToCard::Vote(request) => kind::put(kind::CARD_VOTE, request, out),
    }
}

pub(super) fn put_from_card(message: &FromCard, out: &mut Vec<u8>) {
    match message {
        FromCard::Report(report) => kind::put(kind::CARD_REPORT, report, out),
        FromCard::Promise(promise) => kind::put(kind::PROMISE, promise, out),
        FromCard::Refused(refused) => kind::put(kind::CARD_REFUSED, refused, out),
        FromCard::Ack(ack) => kind::put(kind::ACK, ack, out),
        FromCard::Tell(tell) => kind::put(kind::CARD_TELL, tell, out),
        FromCard::Broken(broken) => kind::put(kind::CARD_BROKEN, broken, out),
        FromCard::Vote(reply) => kind::put(kind::CARD_VOTED, reply, out),
    }
}

pub(super) fn take_to_card(kind: u8, input: &mut Input<'_>) -> Result<ToCard, WireError> {
    match kind {
        kind::CLAIM => Codec::take(input).map(ToCard::Claim),
        kind::CARD_START => Codec::take(input).map(ToCard::Start),
        kind::CARD_OPS => Codec::take(input).map(ToCard::Ops),
        kind::CARD_FILL => Codec::take(input).map(ToCard::Fill),
        kind::CARD_ASK => Codec::take(input).map(ToCard::Ask),
        kind::CARD_IN_STEP => Codec::take(input).map(ToCard::InStep),
        kind::CARD_VOTE => Codec::take(input).map(ToCard::Vote),
        other => Err(WireError::UnknownKind(other)),
    }
}

pub(super) fn take_from_card(kind: u8, input: &mut Input<'_>) -> Result<FromCard, WireError> {
    match kind {
        kind::CARD_REPORT => Codec::take(input).map(FromCard::Report),
        kind::PROMISE => Codec::take(input).map(FromCard::Promise),
        kind::CARD_REFUSED => Codec::take(input).map(FromCard::Refused),
        kind::ACK => Codec::take(input).map(FromCard::Ack),
        kind::CARD_TELL => Codec::take(input).map(FromCard::Tell),
        kind::CARD_BROKEN => Codec::take(input).map(FromCard::Broken),
        kind::CARD_VOTED => Codec::take(input).map(FromCard::Vote),
        other => Err(WireError::UnknownKind(other)),
    }
}

impl Codec for Claim {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.unit.put(out);
        put_list(&self.received, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            epoch: Codec::take(input)?,
            unit: input.unit()?,
            received: input.unique("processes of a claim", MAX_PROCESSES, |(process, _)| *process)?,
        })
    }
}

impl Codec for Promise {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.boot.put(out);
        put_list(&self.channels, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            epoch: Codec::take(input)?,
            boot: Codec::take(input)?,
            channels: input.unique("channels of a promise", MAX_PROCESSES, |(process, _)| *process)?,
        })
    }
}

impl Codec for ChannelAnswer {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unknown => out.push(0),
            Self::Known { applied, nacks, orphans } => {
                out.push(1);
                applied.put(out);
                put_batch(nacks, *applied, out);
                put_batch::<CardOp, CardOp>(orphans, *applied, out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        if !input.flag("channel answer")? {
            return Ok(Self::Unknown);
        }
        let applied = Version::take(input)?;
        Ok(Self::Known {
            applied,
            nacks: take_batch("nacks of a promise", MAX_NACKS, applied, input)?,
            orphans: take_batch::<CardOp, CardOp>("orphans", MAX_ORPHANS, applied, input)?,
        })
    }
}

impl Codec for CardOps {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.process.put(out);
        self.session.put(out);
        self.stable.put(out);
        self.prev.put(out);
        put_batch::<CardOp, CardOp>(&self.ops, Version { epoch: self.epoch, seq: self.prev }, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::take(input)?;
        let process = ProcessId::take(input)?;
        let session = u32::take(input)?;
        let stable = Seq::take(input)?;
        let prev = Seq::take(input)?;
        let ops = take_batch("ops", BATCH_OPS, Version { epoch, seq: prev }, input)?;
        check_ascending::<CardOp, CardOp>(&ops, prev, input)?;
        Ok(Self { epoch, process, session, stable, prev, ops })
    }
}

/// What an ack says, its codes apart: what the codes are computed over.
pub(super) fn put_ack_claim(ack: &Ack, out: &mut Vec<u8>) {
    ack.epoch.put(out);
    ack.process.put(out);
    ack.session.put(out);
    ack.boot.put(out);
    ack.applied.put(out);
    ack.cookie.put(out);
    ack.consumed.put(out);
    put_batch(&ack.nacks, Version { epoch: ack.epoch, seq: ack.applied }, out);
}

impl Codec for Ack {
    fn put(&self, out: &mut Vec<u8>) {
        put_ack_claim(self, out);
        put_list(&self.macs, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::take(input)?;
        let process = ProcessId::take(input)?;
        let session = u32::take(input)?;
        let boot = Life::take(input)?;
        let applied = Seq::take(input)?;
        let cookie = Cookie::take(input)?;
        let consumed = u64::take(input)?;
        let nacks = take_batch("nacks", MAX_NACKS, Version { epoch, seq: applied }, input)?;
        let macs = input.unique("codes of an ack", MAX_UNITS, |mac: &AckMac| mac.unit)?;
        Ok(Self { epoch, process, session, boot, applied, cookie, nacks, consumed, macs })
    }
}

impl Codec for AckMac {
    const LEAST: usize = 17;

    fn put(&self, out: &mut Vec<u8>) {
        self.unit.put(out);
        self.code.put(out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self { unit: input.unit()?, code: Codec::take(input)? })
    }
}

/// 0: none. 1: the key. Else length plus two, then the bytes.
impl Codec for Cookie {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => out.push(0),
            Self::Key => out.push(1),
            Self::Bytes(bytes) => {
                super::codec::put_varint(bytes.len() as u64 + 2, out);
                out.extend_from_slice(bytes);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let (what, at) = ("cookie", input.at());
        let count = input.varint(what)?;
        let len = match count {
            0 => return Ok(Self::None),
            1 => return Ok(Self::Key),
            more => usize::try_from(more - 2).unwrap_or(usize::MAX),
        };
        if len > MAX_COOKIE {
            return Err(WireError::TooMany { what, at, count: count - 2, limit: MAX_COOKIE });
        }
        Ok(Self::Bytes(input.bytes(len, what)?.into()))
    }
}

impl Codec for CardReport {
    fn put(&self, out: &mut Vec<u8>) {
        self.boot.put(out);
        self.promised.put(out);
        self.owner.put(out);
        self.ack_key.put(out);
        put_list(&self.channels, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            boot: Codec::take(input)?,
            promised: Codec::take(input)?,
            owner: Codec::take(input)?,
            ack_key: Codec::take(input)?,
            channels: input
                .unique("channels of a card", MAX_PROCESSES, |channel: &ChannelReport| channel.process)?,
        })
    }
}

fields!(ChannelReport { process, proved, entries });
