//! What the runtime asks of a forwarding table.

use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::{Outcome, Write};

/// The forwarding table of one card: the thing that forwards, and outlives control units.
///
/// It is called from one thread of its own, so that a slow table holds up neither the protocol nor the heartbeats.
/// Starting and stopping the card must not change it: cards go on forwarding on what they have.
pub trait ForwardingTable: Send {
    /// Name for people (`memory`, `linux`, ...).
    fn name(&self) -> &str;

    /// Does the writes in order and answers each, in the same order; the answer has exactly as many outcomes.
    ///
    /// `Ok` means *in the forwarding table*: a later [`dump`](Self::dump) shows it. A write that is refused does not hold
    /// up those after it. Writing what is there already, and deleting what is not there, succeed.
    fn apply(&mut self, process: ProcessId, writes: &[Write]) -> Vec<Outcome>;

    /// Reads back what the table holds for the process: keys and card parts, in any order, each key once.
    ///
    /// # Errors
    /// The table could not be read; nothing is assumed about its content then.
    fn dump(&mut self, process: ProcessId) -> std::io::Result<Vec<(Blob, Blob)>>;
}
