//! What a state machine puts out. The contract is the same for all roles: call one `handle_*` or command, then take
//! outputs until there are none, then wait for the world or for `next_timeout`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::arbiter::{Record, VoterState};
use crate::entry::Blob;
use crate::error::PeerError;
use crate::ids::{CardId, Epoch, Life, OpId, Party, ProcessId, Seq, UnitId};
use crate::message::Message;
use crate::plan::ChannelPlan;
use crate::report::TakeoverReport;

/// One thing for the driver to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send on the link with `to`; dropped if there is none (the core hears of that by `handle_disconnected`).
    Transmit {
        /// The other end.
        to: Party,
        /// What to send.
        message: Message,
    },
    /// Make this durable, then call `handle_persisted(token)`, or `handle_persist_failed(token)`. Later states replace
    /// earlier ones; tokens rise.
    Persist {
        /// Names the request.
        token: u64,
        /// All that must survive the process.
        durable: Durable,
    },
    /// Apply to the forwarding table in order, then call `handle_applied(process, batch, outcomes)` with one outcome per
    /// write. One batch per process is under way at a time. Cards only.
    Apply {
        /// Whose table.
        process: ProcessId,
        /// Names the batch.
        batch: u64,
        /// The writes.
        writes: Vec<Write>,
    },
    /// Ask the external arbiter, then call `handle_verdict`. One request is under way at a time. Units only.
    Arbitrate(ArbiterRequest),
    /// For whoever watches.
    Event(Event),
}

/// What must survive the process, of a card or a control unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The epoch a card promised, and to whom: older ones are refused for ever.
    pub promised: Epoch,
    /// The owner of that epoch.
    pub owner: UnitId,
    /// Of a voter.
    pub voter: VoterState,
}

/// One change of a forwarding table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What is changed.
    pub key: Blob,
    /// The new card part; `None` deletes. Deleting what is not there succeeds.
    pub part: Option<Blob>,
}

/// What became of a [`Write`]: the reason of a refusal is text for people, at most `MAX_REASON` bytes.
pub type Outcome = Result<(), String>;

/// A request to an external arbiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArbiterRequest {
    /// Make `unit` owner of the next epoch if the record admits it, or if `recovering` (which the unit has checked
    /// against exactly the record `seen`).
    Claim {
        /// The claimant.
        unit: UnitId,
        /// Its incarnation.
        life: Life,
        /// The record that was judged, where the unit is not in its in-sync set.
        recovering: Option<Record>,
    },
    /// Replace the record: granted iff its epoch and owner are still those of the stored record.
    Write(Record),
}

/// The arbiter's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim was granted: this record stands.
    Granted(Record),
    /// The claim was not granted; this record stands.
    Denied(Record),
    /// The write took place.
    Written(Record),
    /// The write was refused: this newer record stands.
    Superseded(Record),
    /// The arbiter could not be reached or could not store; nothing is known to have changed.
    Unavailable(String),
}

/// The role of a control unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Holds no proven state yet: it follows a primary, or waits for one.
    #[default]
    Joining,
    /// In sync with the primary: it may take over.
    Standby,
    /// Granted an epoch that is not open yet.
    TakingOver,
    /// The primary of an opened epoch.
    Primary,
    /// A primary that hands its role over.
    HandingOver,
}

/// What happened, for logs, metrics, sources and operators.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The unit's role or epoch changed.
    Role {
        /// Its role now.
        role: Role,
        /// The epoch it knows.
        epoch: Epoch,
    },
    /// A watermark of the primary rose.
    Completed {
        /// The process.
        process: ProcessId,
        /// Every op up to here was answered by all cards of its audience.
        programmed: Seq,
        /// ... and is held by every in-sync standby: it survives the primary.
        safe: Seq,
    },
    /// A card's forwarding table refused an op.
    Failed {
        /// The op.
        op: OpId,
        /// The card.
        card: CardId,
        /// Its key.
        key: Blob,
        /// Why.
        reason: String,
    },
    /// What had failed is in the forwarding table now, or is no longer wanted.
    Cured {
        /// The process.
        process: ProcessId,
        /// The card.
        card: CardId,
        /// The key.
        key: Blob,
    },
    /// A channel came into step: its digest was proved equal.
    InStep {
        /// The process.
        process: ProcessId,
        /// The follower.
        follower: Party,
    },
    /// A channel is out of step, with why.
    OutOfStep {
        /// The process.
        process: ProcessId,
        /// The follower.
        follower: Party,
        /// Why.
        reason: &'static str,
    },
    /// What a takeover is about to do on one channel.
    Planned(ChannelPlan),
    /// A takeover (failover or switchover) is over: every connected card is verified.
    Takeover(TakeoverReport),
    /// A planned switchover was given up; this unit is primary still.
    SwitchoverAborted {
        /// Why.
        reason: String,
    },
    /// A peer broke the protocol. The driver logs it and closes the link.
    Misbehaved {
        /// Who.
        peer: Party,
        /// How.
        error: PeerError,
    },
    /// This unit may not claim, with why: told once per reason.
    Waiting {
        /// For what, in words for the operator.
        reason: String,
    },
    /// Durable state could not be written; promises are withheld until it can.
    StoreFailed,
}
