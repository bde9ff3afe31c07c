//! How a command fails: what is wrong, what to do, and the exit code that says which kind it is.

use std::fmt;

use hitless_admin::{ClientError, Code};
use serde::Serialize;

use crate::config::ConfigError;

/// What the exit code means. Listed in every `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It was tried and failed, or a check found something wrong.
    Failed = 1,
    /// Wrong arguments, configuration or input.
    Usage = 2,
    /// No connection, or what was asked for is not there.
    NotFound = 3,
    /// A party refused.
    Refused = 4,
}

/// The text that every `--help` ends with.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, or a check found something wrong; 2 wrong arguments, configuration or input; \
     3 no connection, or not found; 4 refused by a party.";

/// Why a command ends without success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Its kind.
    pub exit: Exit,
    /// What is wrong, and where.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { exit: Exit::Usage, message: error.headline(), hint: error.hint }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(body) => {
                let exit = match body.code {
                    Code::NotFound => Exit::NotFound,
                    Code::BadRequest | Code::TooLong => Exit::Failed,
                    Code::WrongParty | Code::NotPrimary | Code::Refused | Code::Unavailable => Exit::Refused,
                };
                Self { exit, message: body.message, hint: body.hint }
            }
            ClientError::Garbage { .. } => Self::new(Exit::Failed, error.to_string())
                .hint("is that an admin address? The admin keys of the configuration have them"),
            ClientError::Connect { .. }
            | ClientError::Closed { .. }
            | ClientError::Io { .. }
            | ClientError::Timeout { .. } => Self::new(Exit::NotFound, error.to_string())
                .hint("is the party running? `hitless status` shows which parties answer"),
        }
    }
}
