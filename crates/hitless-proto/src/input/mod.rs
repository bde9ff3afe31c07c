//! Every input of a core as a value: what a recorder writes and a simulator reads back.
//!
//! A core is deterministic: the same start and the same inputs give the same outputs. Since batches form where outputs are
//! drained, that too is recorded ([`Input::Drained`]). A recording is text, one JSON object per line: first a
//! [`PartyStart`], then [`Recorded`] inputs in order.

mod apply;
mod code;
mod line;
mod start;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

pub use line::LineError;
pub use start::PartyStart;

use crate::entry::{Blob, Change};
use crate::ids::{Life, Party, ProcessId, Time, UnitId};
use crate::io::{Outcome, Verdict};
use crate::kept::{KeptAt, KeptEntry};
use crate::message::Message;

/// An input, and when it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The `now` it was applied with.
    pub at: Time,
    /// What came.
    pub input: Input,
}

/// One call of a core: what the world said, or the owner wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// `handle_connected`.
    Connected {
        /// The other end.
        peer: Party,
        /// Its life.
        life: Life,
    },
    /// `handle_disconnected`.
    Disconnected {
        /// The other end.
        peer: Party,
    },
    /// `handle_message`.
    Message {
        /// Who sent it.
        from: Party,
        /// What it sent.
        message: Message,
    },
    /// `handle_persisted`.
    Persisted {
        /// Names the request.
        token: u64,
    },
    /// `handle_persist_failed`.
    PersistFailed {
        /// Names the request.
        token: u64,
    },
    /// `handle_verdict`. Units only.
    Verdict(Verdict),
    /// `handle_applied`. Cards only.
    Applied {
        /// Whose table.
        process: ProcessId,
        /// Names the batch.
        batch: u64,
        /// One per write.
        outcomes: Vec<Outcome>,
    },
    /// `handle_found`. Cards only.
    Found {
        /// Whose table.
        process: ProcessId,
        /// Under which key.
        key: Blob,
        /// What it holds there; `None`: nothing.
        part: Option<Blob>,
    },
    /// `handle_curable`. Cards only.
    Curable {
        /// Whose table.
        process: ProcessId,
    },
    /// `adopt`. Cards only, before anything else.
    Adopt {
        /// Whose table.
        process: ProcessId,
        /// What the forwarding table held: keys and card parts.
        entries: Vec<(Blob, Blob)>,
    },
    /// `restore`. Units only, before anything else.
    Restore {
        /// Whose state.
        process: ProcessId,
        /// As of where it is whole.
        at: KeptAt,
        /// Some of it.
        entries: Vec<KeptEntry>,
    },
    /// `submit`. Units only.
    Submit {
        /// The process that is changed.
        process: ProcessId,
        /// The change.
        change: Change,
    },
    /// `begin_switchover`. Units only.
    BeginSwitchover {
        /// The candidate; `None`: the core chooses.
        to: Option<UnitId>,
    },
    /// `forgo`. Units only.
    Forgo {
        /// The card or unit that is not waited for.
        party: Party,
    },
    /// `handle_timeout`.
    Timeout,
    /// `poll_output` was called until there was none.
    Drained,
}
