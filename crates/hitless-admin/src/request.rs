//! What a client asks.

use serde::{Deserialize, Serialize};

use crate::Bytes;

/// One line from a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestLine {
    /// Echoed in every answer.
    pub id: u64,
    /// What is asked.
    pub request: Request,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Who are you?
    Hello,
    /// Where do you stand?
    Status,
    /// The last takeovers, oldest first. Control units only.
    Report,
    /// One key as the party holds it.
    Show {
        /// Number of the process.
        process: u16,
        /// The key.
        key: Bytes,
    },
    /// All entries of a process: chunks of [`Answer::Entries`](crate::Answer), then `End`. A card reads its forwarding
    /// table back.
    Dump {
        /// Number of the process.
        process: u16,
    },
    /// Changes from a source. Primary only. Turns on notices of completion.
    Submit(Submit),
    /// Hand the role over. Primary only.
    Switchover {
        /// To this unit, or else to the best one.
        #[serde(default)]
        to: Option<u8>,
    },
    /// Go on without this party: an operator's order, when a unit waits for it.
    Forgo {
        /// The party that is given up: `card-3`, `unit-2`.
        party: String,
    },
    /// Delete the routes of its source that the session did not name: an operator's order, when all was announced.
    /// Primary only.
    Sweep {
        /// There is no session, and all of them are meant.
        #[serde(default)]
        disconnected: bool,
    },
    /// Make a card's in-memory forwarding table misbehave, for tests.
    Fault(Fault),
    /// Turn on notices of everything that happens.
    Watch,
}

/// Changes, in order. Either form or both; rows go first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// Changes as rows, at most [`crate::MAX_SUBMIT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeRow>,
    /// Changes in the readable form of `hitless load --format json`, one object each, at most [`crate::MAX_SUBMIT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<serde_json::Value>,
}

/// A change: `[process, key, card part or null, standby-only part or null, cards or null]`. Without a card part it
/// deletes; without cards it is for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangeRow(pub u16, pub Bytes, pub Option<Bytes>, pub Option<Bytes>, pub Option<Vec<u16>>);

/// Faults of an in-memory forwarding table. Each request replaces all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Microseconds that each write takes.
    #[serde(default)]
    pub slow_micros: u64,
    /// Writes of these keys are refused.
    #[serde(default)]
    pub failing: Vec<Bytes>,
    /// Every so many-th write is refused; 0: none.
    #[serde(default)]
    pub fail_every: u64,
    /// Entries beyond this many are refused.
    #[serde(default)]
    pub capacity: Option<u64>,
}
