//! Messages between two control units.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Ack, Ask, Broken, Fill, InStep, Refused, Start, Tell, VoteReply, VoteRequest};
use crate::entry::Update;
use crate::ids::{CardId, Epoch, Life, ProcessId, Seq, UnitId, Version};

/// Control unit to control unit.
#[derive(Clone, Debug, PartialEq)]
pub enum UnitMessage {
    /// First message of every connection, and again on every change of role.
    Report(UnitReport),
    /// To the receiver as a voter.
    Vote(VoteRequest),
    /// From the sender as a voter.
    Voted(VoteReply),
    /// The sender is the primary.
    Primary(ToStandby),
    /// The sender is a standby.
    Standby(FromStandby),
    /// The receiver is a primary whose epoch is over.
    Refused(Refused),
}

/// Primary to standby.
#[derive(Clone, Debug, PartialEq)]
pub enum ToStandby {
    /// A process's stream begins.
    Start(Start),
    /// Ops, in order: the pending half that updates are.
    Ops(UnitOps),
    /// Entries that the standby lacks.
    Fill(Fill<Update>),
    /// A digest question.
    Ask(Ask),
    /// The process is in step.
    InStep(InStep),
    /// Which cards' acks are waited for.
    Roster(Roster),
    /// An ack forwarded by the primary (claims 10, 23, 37).
    Relayed(RelayedAck),
    /// Take over, with my consent.
    HandOver(HandOver),
}

/// Standby to primary.
#[derive(Clone, Debug, PartialEq)]
pub enum FromStandby {
    /// Updates up to here are held.
    Received {
        /// Epoch of the stream.
        epoch: Epoch,
        /// The process.
        process: ProcessId,
        /// The beginning it belongs to.
        session: u32,
        /// The last op received.
        upto: Seq,
        /// Flow control: bytes, by `wire::update_most`, consumed since the beginning.
        consumed: u64,
    },
    /// Digest answer.
    Tell(Tell),
    /// A process's stream must begin again.
    Broken(Broken),
    /// The hand-over cannot go on; the primary keeps its role if its epoch still stands.
    Declined(Consent),
}

/// What a control unit says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitReport {
    /// The epoch it knows of as newest.
    pub epoch: Epoch,
    /// It is the primary of that epoch.
    pub primary: bool,
    /// It holds state that was in sync in this life, as a standby or primary: live state.
    pub live: bool,
    /// Per process where it stands.
    pub positions: Vec<Position>,
}

/// Where a control unit stands in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The process.
    pub process: ProcessId,
    /// The last update received.
    pub received: Version,
    /// The last update folded into the state.
    pub folded: Version,
    /// Entries held.
    pub entries: u64,
}

/// A batch of updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitOps {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it belongs to.
    pub session: u32,
    /// See [`super::CardOps::stable`].
    pub stable: Seq,
    /// Position before the first update. The stream to a standby is gapless.
    pub prev: Seq,
    /// The updates, ascending by one.
    pub ops: Vec<Arc<Update>>,
}

/// The cards whose acks a standby waits for before it folds, and the units that are in sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// Per process and card in step: the card's life, ascending.
    pub in_step: Vec<(ProcessId, CardId, Life)>,
    /// The units of the record's in-sync set.
    pub in_sync: Vec<(UnitId, Life)>,
}

/// A card's ack, as the primary forwards it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayedAck {
    /// The card it came from.
    pub card: CardId,
    /// The ack, its codes narrowed to the receiver's.
    pub ack: Ack,
}

/// Names one hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The epoch that ends.
    pub epoch: Epoch,
}

/// The primary's consent to a planned switchover, sent when nothing is in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Which hand-over.
    pub consent: Consent,
    /// Per process, the last op issued: the candidate must stand exactly there.
    pub positions: Vec<(ProcessId, Version)>,
}
