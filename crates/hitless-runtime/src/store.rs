//! What the runtime asks of the store of durable promises.

use hitless_proto::io::Durable;
use thiserror::Error;

/// Durable state of one party: what it promised must survive its process and the machine's power.
///
/// It is called from one thread of its own and may block.
pub trait Store: Send {
    /// The state that was saved last, or `None` if nothing ever was.
    ///
    /// # Errors
    /// The state exists and cannot be read. The party must not start on an empty state then: it would forget promises.
    fn load(&mut self) -> Result<Option<Durable>, StoreError>;

    /// Replaces the state, and returns when it is on stable storage.
    ///
    /// # Errors
    /// It is unknown which of the two states a later [`load`](Self::load) finds; promises that wait for this one are
    /// withheld, and the next save replaces it.
    fn save(&mut self, durable: &Durable) -> Result<(), StoreError>;
}

/// The environment failed the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The place could not be opened, read or written.
    #[error("cannot {action} {place}: {cause} (check that the directory exists, is writable and has room)")]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// Where: a path.
        place: String,
        /// What the system said.
        cause: String,
    },
    /// Another process has it open.
    #[error(
        "{place} is in use by another process: stop that one, or give this party a state directory of its own"
    )]
    InUse {
        /// Where: a path.
        place: String,
    },
    /// It holds the promises of somebody else.
    #[error(
        "{place} belongs to {found}, and this is {expected}: give every party a state directory of its own"
    )]
    Foreign {
        /// Where: a path.
        place: String,
        /// Whose it is: party and chassis.
        found: String,
        /// Who asks: party and chassis.
        expected: String,
    },
    /// The content is damaged or was written by a newer version.
    #[error(
        "{place} cannot be understood: {cause} (if it was damaged, restore it from a copy; if it is removed, this party \
         forgets what it promised, which is safe only while a majority of the other voters is intact)"
    )]
    Damaged {
        /// Where: a path.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
}
