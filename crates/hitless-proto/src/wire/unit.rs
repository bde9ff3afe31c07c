//! Between two control units.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::batch::{check_ascending, put_batch, take_batch};
use super::codec::{Codec, Input, fields, put_list, put_varint};
use super::{WireError, kind};
use crate::entry::Update;
use crate::ids::{CardId, Epoch, Life, ProcessId, Seq, UnitId, Version};
use crate::limits::{BATCH_OPS, MAX_CARDS, MAX_PROCESSES, MAX_UNITS};
use crate::message::{
    Consent, FromStandby, HandOver, Position, RelayedAck, Roster, ToStandby, UnitMessage, UnitOps, UnitReport,
};

pub(super) fn put_unit(message: &UnitMessage, out: &mut Vec<u8>) {
    match message {
        UnitMessage::Report(report) => kind::put(kind::UNIT_REPORT, report, out),
        UnitMessage::Vote(request) => kind::put(kind::UNIT_VOTE, request, out),
        UnitMessage::Voted(reply) => kind::put(kind::UNIT_VOTED, reply, out),
        UnitMessage::Refused(refused) => kind::put(kind::UNIT_REFUSED, refused, out),
        UnitMessage::Primary(message) => put_to_standby(message, out),
        UnitMessage::Standby(message) => put_from_standby(message, out),
    }
}

fn put_to_standby(message: &ToStandby, out: &mut Vec<u8>) {
    match message {
        ToStandby::Start(start) => kind::put(kind::START, start, out),
        ToStandby::Ops(ops) => kind::put(kind::OPS, ops, out),
        ToStandby::Fill(fill) => kind::put(kind::FILL, fill, out),
        ToStandby::Ask(ask) => kind::put(kind::ASK, ask, out),
        ToStandby::InStep(in_step) => kind::put(kind::IN_STEP, in_step, out),
        ToStandby::Roster(roster) => kind::put(kind::ROSTER, roster, out),
        ToStandby::Relayed(ack) => kind::put(kind::RELAYED, ack, out),
        ToStandby::HandOver(hand_over) => kind::put(kind::HAND_OVER, hand_over, out),
    }
}

fn put_from_standby(message: &FromStandby, out: &mut Vec<u8>) {
    match message {
        FromStandby::Received { epoch, process, session, upto, consumed } => {
            out.push(kind::RECEIVED);
            epoch.put(out);
            process.put(out);
            session.put(out);
            upto.put(out);
            consumed.put(out);
        }
        FromStandby::Tell(tell) => kind::put(kind::TELL, tell, out),
        FromStandby::Broken(broken) => kind::put(kind::BROKEN, broken, out),
        FromStandby::Declined(consent) => kind::put(kind::DECLINED, consent, out),
    }
}

pub(super) fn take_unit(kind: u8, input: &mut Input<'_>) -> Result<UnitMessage, WireError> {
    match kind {
        kind::UNIT_REPORT => Codec::take(input).map(UnitMessage::Report),
        kind::UNIT_VOTE => Codec::take(input).map(UnitMessage::Vote),
        kind::UNIT_VOTED => Codec::take(input).map(UnitMessage::Voted),
        kind::UNIT_REFUSED => Codec::take(input).map(UnitMessage::Refused),
        0x40..=0x4f => take_to_standby(kind, input).map(UnitMessage::Primary),
        0x50..=0x5f => take_from_standby(kind, input).map(UnitMessage::Standby),
        other => Err(WireError::UnknownKind(other)),
    }
}

fn take_to_standby(kind: u8, input: &mut Input<'_>) -> Result<ToStandby, WireError> {
    match kind {
        kind::START => Codec::take(input).map(ToStandby::Start),
        kind::OPS => Codec::take(input).map(ToStandby::Ops),
        kind::FILL => Codec::take(input).map(ToStandby::Fill),
        kind::ASK => Codec::take(input).map(ToStandby::Ask),
        kind::IN_STEP => Codec::take(input).map(ToStandby::InStep),
        kind::ROSTER => Codec::take(input).map(ToStandby::Roster),
        kind::RELAYED => Codec::take(input).map(ToStandby::Relayed),
        kind::HAND_OVER => Codec::take(input).map(ToStandby::HandOver),
        other => Err(WireError::UnknownKind(other)),
    }
}

fn take_from_standby(kind: u8, input: &mut Input<'_>) -> Result<FromStandby, WireError> {
    match kind {
        kind::RECEIVED => Ok(FromStandby::Received {
            epoch: Codec::take(input)?,
            process: Codec::take(input)?,
            session: Codec::take(input)?,
            upto: Codec::take(input)?,
            consumed: Codec::take(input)?,
        }),
        kind::TELL => Codec::take(input).map(FromStandby::Tell),
        kind::BROKEN => Codec::take(input).map(FromStandby::Broken),
        kind::DECLINED => Codec::take(input).map(FromStandby::Declined),
        other => Err(WireError::UnknownKind(other)),
    }
}

impl Codec for UnitReport {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.primary.put(out);
        self.live.put(out);
        put_list(&self.positions, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            epoch: Codec::take(input)?,
            primary: Codec::take(input)?,
            live: Codec::take(input)?,
            positions: input
                .unique("processes of a unit", MAX_PROCESSES, |position: &Position| position.process)?,
        })
    }
}

fields!(Position { process, received, folded, entries });
fields!(Consent { epoch });
fields!(RelayedAck { card, ack });

impl Codec for UnitOps {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.process.put(out);
        self.session.put(out);
        self.stable.put(out);
        self.prev.put(out);
        put_batch::<Arc<Update>, Update>(&self.ops, Version { epoch: self.epoch, seq: self.prev }, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::take(input)?;
        let process = ProcessId::take(input)?;
        let session = u32::take(input)?;
        let stable = Seq::take(input)?;
        let prev = Seq::take(input)?;
        let ops =
            take_batch::<Arc<Update>, Update>("updates", BATCH_OPS, Version { epoch, seq: prev }, input)?;
        check_ascending::<Arc<Update>, Update>(&ops, prev, input)?;
        Ok(Self { epoch, process, session, stable, prev, ops })
    }
}

impl Codec for Roster {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        put_varint(self.in_step.len() as u64, out);
        for (process, card, life) in &self.in_step {
            process.put(out);
            card.put(out);
            life.put(out);
        }
        put_list(&self.in_sync, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::take(input)?;
        let count = input.count("cards in step", MAX_PROCESSES * MAX_CARDS, 2 + Life::LEAST)?;
        let mut in_step: Vec<(ProcessId, CardId, Life)> = Vec::with_capacity(count);
        for _ in 0..count {
            let place = (ProcessId::take(input)?, CardId::take(input)?);
            if in_step.last().is_some_and(|last| (last.0, last.1) >= place) {
                return Err(WireError::Unordered { what: "cards in step", at: input.at() });
            }
            in_step.push((place.0, place.1, Life::take(input)?));
        }
        Ok(Self { epoch, in_step, in_sync: take_in_sync(input)? })
    }
}

/// Units with their incarnations, none twice.
pub(super) fn take_in_sync(input: &mut Input<'_>) -> Result<Vec<(UnitId, Life)>, WireError> {
    let at = input.at();
    let units = input.unique("units in sync", MAX_UNITS, |(unit, _): &(UnitId, Life)| *unit)?;
    if units.iter().any(|(unit, _)| *unit == UnitId(0)) {
        return Err(WireError::OutOfRange { what: "unit in sync", at, value: 0 });
    }
    Ok(units)
}

impl Codec for HandOver {
    fn put(&self, out: &mut Vec<u8>) {
        self.consent.put(out);
        put_list(&self.positions, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self {
            consent: Codec::take(input)?,
            positions: input.unique("processes of a hand-over", MAX_PROCESSES, |(process, _)| *process)?,
        })
    }
}
