//! What a party answers.

use serde::{Deserialize, Serialize};

use crate::{Bytes, CardStatus, ErrorBody, Role, TakeoverReport, UnitStatus};

/// One line from a party: exactly one of `answer`, `error`, `notice` is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerLine {
    /// Of the request; 0 where it could not be read.
    pub id: u64,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// The refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// Something that happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

impl AnswerLine {
    /// An answer to request `id`.
    #[must_use]
    pub fn answer(id: u64, answer: Answer) -> Self {
        Self { id, answer: Some(answer), error: None, notice: None }
    }

    /// A refusal of request `id`.
    #[must_use]
    pub fn error(id: u64, error: ErrorBody) -> Self {
        Self { id, answer: None, error: Some(error), notice: None }
    }

    /// A notice that request `id` had turned on.
    #[must_use]
    pub fn notice(id: u64, notice: Notice) -> Self {
        Self { id, answer: None, error: None, notice: Some(notice) }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To `hello`.
    PartyIs(PartyIs),
    /// To `status`, of a control unit.
    Unit(UnitStatus),
    /// To `status`, of a card.
    Card(CardStatus),
    /// To `report`, oldest first.
    Reports(Vec<TakeoverReport>),
    /// To `show`; `None`: the key is not there.
    Shown(Option<Shown>),
    /// To `dump`: a chunk.
    Entries(Vec<EntryRow>),
    /// To `dump`: that was all.
    End {
        /// Entries that were sent.
        entries: u64,
    },
    /// To `submit`.
    Accepted(Accepted),
    /// To `switchover`: it has begun.
    SwitchoverBegun {
        /// The candidate.
        to: u8,
    },
    /// To `sweep`: it has begun.
    Swept {
        /// Routes that are deleted.
        entries: u64,
    },
    /// Done; there is nothing to say.
    Done,
}

/// Who a party is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyIs {
    /// Name of the chassis.
    pub chassis: String,
    /// `unit-1`, `card-2`, ...
    pub party: String,
    /// Version of the program.
    pub version: String,
    /// Its operating-system process.
    pub pid: u32,
}

/// One key as a party holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Epoch of the op that wrote it.
    pub epoch: u32,
    /// Position of the op.
    pub seq: u64,
    /// What is in the forwarding table.
    pub card_part: Bytes,
    /// What only control units hold; `None` at a card, or where it is unknown.
    pub standby_part: Option<Bytes>,
    /// The cards it is for; `None`: all.
    pub cards: Option<Vec<u16>>,
    /// The card's forwarding table refused it.
    pub failed: bool,
}

/// An entry: `[key, card part, standby-only part or null, cards or null, epoch, seq]`. A forwarding table that is read
/// back knows no versions: epoch and seq are 0 there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow(pub Bytes, pub Bytes, pub Option<Bytes>, pub Option<Vec<u16>>, pub u32, pub u64);

/// What became of a submit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// `[process, epoch, first seq, count]`, in order: the accepted changes of a process have these positions, one after
    /// the other.
    pub ranges: Vec<(u16, u32, u64, u64)>,
    /// Changes that were not accepted, each by itself; the others were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<Rejected>,
}

/// A change that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Which of the submit, from 0.
    pub index: usize,
    /// Why.
    pub reason: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Watermarks rose.
    Completed {
        /// The process.
        process: u16,
        /// Every op up to here was answered by all cards of its audience.
        programmed: u64,
        /// ... and survives the primary.
        safe: u64,
    },
    /// A card's forwarding table refused an op.
    Failed {
        /// The process.
        process: u16,
        /// Position of the op.
        seq: u64,
        /// The card.
        card: u16,
        /// The key.
        key: Bytes,
        /// Why.
        reason: String,
    },
    /// What had failed is right now.
    Cured {
        /// The process.
        process: u16,
        /// The card.
        card: u16,
        /// The key.
        key: Bytes,
    },
    /// The unit's role or epoch changed. A source submits what was not `safe` again, to the new primary.
    Role {
        /// Its role now.
        role: Role,
        /// The epoch it knows.
        epoch: u32,
        /// The primary, if known.
        primary: Option<u8>,
    },
    /// A takeover is over.
    Takeover(TakeoverReport),
    /// Anything else, in words.
    Event {
        /// What happened.
        text: String,
    },
    /// The client was too slow: notices were lost. A source takes what it knows as safe and submits the rest again.
    Lagged {
        /// How many were lost.
        lost: u64,
    },
}
