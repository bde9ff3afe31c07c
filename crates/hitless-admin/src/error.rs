//! What can go wrong between a client and a party.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a request was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The line is not a request.
    BadRequest,
    /// The line is longer than [`crate::MAX_LINE`].
    TooLong,
    /// This party cannot do that (a card asked for what only control units do, or the reverse).
    WrongParty,
    /// This control unit is not the primary.
    NotPrimary,
    /// The request is understood and refused in the present state.
    Refused,
    /// No such process, key, card or unit.
    NotFound,
    /// Too many connections, or the party is stopping.
    Unavailable,
}

/// A refusal: what is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{message}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ErrorBody {
    /// For programs.
    pub code: Code,
    /// What is wrong, for people.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With [`Code::NotPrimary`]: the unit that is, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<u8>,
}

impl ErrorBody {
    /// A refusal without a hint.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, primary: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a call had no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The connection could not be made.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The connection ended.
    #[error("{address} closed the connection")]
    Closed {
        /// The party's address.
        address: String,
    },
    /// The connection failed.
    #[error("connection to {address}: {source}")]
    Io {
        /// The party's address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("{address} did not answer within {millis} ms")]
    Timeout {
        /// The party's address.
        address: String,
        /// How long was waited.
        millis: u128,
    },
    /// What came is not an answer of this API.
    #[error("{address} answered with something else than the admin API: {detail}")]
    Garbage {
        /// The party's address.
        address: String,
        /// What came.
        detail: String,
    },
    /// The party said no.
    #[error("{0}")]
    Refused(ErrorBody),
}
