//! What the runtime asks of a source of changes.

use std::time::Duration;

use hitless_proto::entry::Change;
use hitless_proto::ids::ProcessId;
use thiserror::Error;

/// Where changes come from: a file, a generator, a routing daemon.
pub trait Source {
    /// The next change, or what was wrong with the place where it should have been. `None`: the source has ended.
    ///
    /// After an error that is not `fatal` the source goes on behind the bad place; after a fatal one it has ended.
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>>;

    /// How far it got, in units of the source's own (lines, bytes): done, and the total where that is known.
    fn progress(&self) -> (u64, Option<u64>);

    /// What it is, in a few words for a progress bar or a log.
    fn describe(&self) -> String;
}

/// One change, and when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceItem {
    /// When it is due, from the start of the source; `None`: at once. Never falls from one item to the next.
    pub at: Option<Duration>,
    /// The process that is changed.
    pub process: ProcessId,
    /// The change.
    pub change: Change,
}

/// Something in a source that is not a change. It is counted, named and not applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct BadInput {
    /// Where: file and line, or byte offset.
    pub place: String,
    /// What is wrong, and what was expected.
    pub reason: String,
    /// Nothing can be read behind it.
    pub fatal: bool,
}
