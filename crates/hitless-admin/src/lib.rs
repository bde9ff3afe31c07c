//! The admin API of a hitless party: newline-delimited JSON over TCP.
//!
//! One request object per line, `{"id":7,"request":"status"}` or `{"id":7,"request":{"show":{"process":1,"key":"00"}}}`.
//! Every answer echoes the id and has exactly one of `answer`, `error`, `notice`. A `submit` or `watch` turns on notices,
//! which carry the id of that request and come whenever something happens.
//!
//! Keys and parts are bytes; in JSON they are lower-case hexadecimal text ([`Bytes`]). Bulk data (changes of a submit,
//! entries of a dump) are arrays, not objects, since a full Internet table passes through here.

mod answer;
mod bytes;
mod client;
mod error;
mod line;
mod report;
mod request;
mod status;

pub use answer::{Accepted, Answer, AnswerLine, EntryRow, Notice, PartyIs, Rejected, Shown};
pub use bytes::Bytes;
pub use client::{Client, Receiver, Sender};
pub use error::{ClientError, Code, ErrorBody};
pub use line::{LineError, LineReader};
pub use report::{ChannelReport, Method, Phases, TakeoverReport};
pub use request::{ChangeRow, Fault, Request, RequestLine, Submit};
pub use status::{
    CardStatus, ChannelState, ChannelStatus, ClientStatus, ProcessStatus, Role, SourceStatus, UnitStatus,
};

/// Bytes of one line, either way: bounds what a reader holds before it can check anything.
pub const MAX_LINE: usize = 8 * 1024 * 1024;
/// Changes in one submit: past this, larger batches gain nothing and hold up other sources.
pub const MAX_SUBMIT: usize = 2_000;
/// Entries in one chunk of a dump: with the largest parts that are usual, far below [`MAX_LINE`].
pub const DUMP_CHUNK: usize = 2_000;
