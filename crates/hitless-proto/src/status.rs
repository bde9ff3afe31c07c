//! What a party says of itself to operators.

use alloc::vec::Vec;

use crate::arbiter::Record;
use crate::digest::Sum;
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::io::Role;

/// A control unit's view of the chassis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitStatus {
    /// Who speaks.
    pub unit: UnitId,
    /// Its incarnation.
    pub life: Life,
    /// Its role.
    pub role: Role,
    /// The newest epoch it knows.
    pub epoch: Epoch,
    /// The primary of that epoch, if known.
    pub primary: Option<UnitId>,
    /// The newest epoch record it knows.
    pub record: Record,
    /// Parties it is connected with.
    pub connected: Vec<(Party, Life)>,
    /// Its processes.
    pub processes: Vec<ProcessStatus>,
    /// Per follower and process (primary), or per card and process as acks tell (standby).
    pub channels: Vec<ChannelStatus>,
}

/// One process at one control unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStatus {
    /// The process.
    pub process: ProcessId,
    /// Entries held.
    pub entries: u64,
    /// Last op issued (primary) or received (standby).
    pub received: Version,
    /// Last op folded (standby); equals `received` at a primary.
    pub folded: Version,
    /// Updates in the pending queue (standby), or issued and not programmed (primary).
    pub pending: u64,
    /// Programmed watermark (primary).
    pub programmed: Seq,
    /// Safe watermark (primary).
    pub safe: Seq,
    /// Stable watermark.
    pub stable: Seq,
    /// Digest of the state, over whole entries.
    pub digest: Sum,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The process.
    pub process: ProcessId,
    /// The card or standby.
    pub follower: Party,
    /// Where it stands.
    pub state: ChannelState,
    /// Last op acked (card) or received (standby).
    pub acked: Seq,
    /// Bytes in flight, of the window.
    pub in_flight: u64,
    /// Keys that the card's forwarding table refused.
    pub failed: u64,
}

/// State of a channel at the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// No connection.
    Away,
    /// Claimed, and no answer yet.
    Claimed,
    /// Its digest is compared.
    Comparing,
    /// It is sent what it lacks.
    Filling,
    /// Proved equal, and followed since.
    InStep,
}

/// A card's view of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardStatus {
    /// Who speaks.
    pub card: CardId,
    /// Its boot id.
    pub life: Life,
    /// The epoch it promised.
    pub promised: Epoch,
    /// To whom.
    pub owner: UnitId,
    /// Units it is connected with.
    pub connected: Vec<(UnitId, Life)>,
    /// Its channels.
    pub channels: Vec<ClientStatus>,
}

/// One client process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientStatus {
    /// The process.
    pub process: ProcessId,
    /// Entries held.
    pub entries: u64,
    /// Last op processed.
    pub applied: Version,
    /// Up to where the primary proved it equal last, in this life.
    pub proved: Version,
    /// The channel is in step.
    pub in_step: bool,
    /// Keys the forwarding table refused.
    pub failed: u64,
    /// Writes waiting for the forwarding table.
    pub queued: u64,
    /// Writes done since the card started.
    pub writes: u64,
    /// Of them: what was written again, since somebody else had changed the forwarding table.
    pub mended: u64,
    /// Digest, over card parts.
    pub digest: Sum,
}

/// How far one process has come at one control unit, and how much it keeps. Cheap to ask for after every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The unit issues the ops (taking over or primary); else it follows.
    pub leads: bool,
    /// The epoch of the stream.
    pub epoch: Epoch,
    /// Number of the stream's beginning (standby).
    pub session: u32,
    /// Last op issued (primary) or received (standby).
    pub received: Version,
    /// Last op folded into the state.
    pub folded: Seq,
    /// Stable watermark.
    pub stable: Seq,
    /// Programmed watermark (primary).
    pub programmed: Seq,
    /// Safe watermark (primary).
    pub safe: Seq,
    /// The position before the first op that the log keeps.
    pub log_from: Seq,
    /// Most bytes in flight to any follower (primary).
    pub in_flight: u64,
    /// Refusals that wait for their updates (standby).
    pub nacks: usize,
}

/// How far one client process has come, and how much it keeps. Cheap to ask for after every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientProgress {
    /// The epoch of the channel's beginning.
    pub epoch: Epoch,
    /// Number of that beginning.
    pub session: u32,
    /// Last op processed.
    pub applied: Version,
    /// The channel is in step.
    pub in_step: bool,
    /// Batches that the forwarding table is done with.
    pub batches: u64,
    /// The position from which ack history was kept.
    pub history_from: Seq,
    /// Ops of the ack history.
    pub history: usize,
    /// The history was cut above stable, and says so.
    pub history_cut: bool,
    /// Works that wait for the forwarding table.
    pub queued: usize,
    /// Refusals that no ack has told yet.
    pub nacks: usize,
    /// Tombstones that are remembered.
    pub tombstones: usize,
}
