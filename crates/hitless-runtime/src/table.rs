//! What the runtime asks of a forwarding table.

use std::sync::Arc;

use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::{Outcome, Write};

/// Says that [`ForwardingTable::findings`] has something to tell. May be called from any thread, at any time, and does not block.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What a table says without having been asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It was seen to hold `part` under `key` (`None`: nothing), and not by way of [`ForwardingTable::apply`]. That it is what
    /// the card holds does no harm: then nothing is done about it.
    Held {
        /// Whose entry.
        process: ProcessId,
        /// Under which key.
        key: Blob,
        /// What is there; bytes that are no card part of the process where what is there cannot be said in one.
        part: Option<Blob>,
        /// Whether the card is to write its own again, or only to tell of it.
        mend: bool,
    },
    /// It may take now what it refused of this process.
    Curable {
        /// Whose entries.
        process: ProcessId,
    },
    /// It cannot see at present whether it holds what it should; in words for an operator.
    Blind(String),
}

/// What a table found, and whether there is more to come at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was found.
    pub list: Vec<Finding>,
    /// Ask again without waiting to be woken.
    pub more: bool,
}

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

    /// From now on the table watches for what others change in it, and calls `wake` when it has found something. Called once,
    /// before the first [`dump`](Self::dump). Without it there is nothing to watch: the table changes by `apply` only.
    ///
    /// # Errors
    /// It cannot watch.
    fn watch(&mut self, wake: Wake) -> std::io::Result<()> {
        drop(wake);
        Ok(())
    }

    /// What was found since the last call, about `most` findings at a time. Also the place for a table to look at itself, a
    /// piece at a time: it is asked between the batches.
    fn findings(&mut self, most: usize) -> Findings {
        let _none = most;
        Findings::default()
    }
}
