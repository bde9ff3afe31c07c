//! What the runtime asks of an external arbiter (protocol.md section 3). The `voters` arbiter needs none: it is part of
//! the protocol.

use hitless_proto::io::{ArbiterRequest, Verdict};

/// A compare-and-swap register that holds the epoch record, outside the protocol.
///
/// It is called from one thread of its own and may block; a request at a time.
pub trait Arbiter: Send {
    /// Judges the request and, if it is granted, makes the new record durable before it answers. What cannot be decided
    /// is [`Verdict::Unavailable`] with the reason in words for the operator; the unit asks again later.
    fn decide(&mut self, request: ArbiterRequest) -> Verdict;
}
