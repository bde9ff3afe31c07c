//! What the runtime asks of the place where a control unit keeps its state for the death of all units.

use hitless_proto::ids::ProcessId;
use hitless_proto::kept::{KeepBatch, KeptAt, KeptEntry};

use crate::store::StoreError;

/// Takes what was kept of a process, some of it at a time.
pub type TakeKept<'a> = dyn FnMut(ProcessId, KeptAt, Vec<KeptEntry>) + 'a;

/// The state of one control unit, always behind: nothing waits for it, and losing it costs no more than what it would have
/// saved.
///
/// Once it was read it is called from one thread of its own and may block.
pub trait Keep: Send {
    /// Where it is: a path.
    fn place(&self) -> String;

    /// Gives all that is kept: per process as of where it is whole, with some entries each time.
    ///
    /// # Errors
    /// It cannot be read, or is damaged. What was given until then is not to be used either.
    fn load(&mut self, take: &mut TakeKept<'_>) -> Result<(), StoreError>;

    /// Writes a batch: all of it or nothing. It outlives the process when this returns, and the machine with the next
    /// [`sync`](Self::sync). Batches are found again in their order: never a later one without those before.
    ///
    /// # Errors
    /// The batch may be lost, and the store is not to be written before [`begin`](Self::begin).
    fn write(&mut self, batch: KeepBatch) -> Result<(), StoreError>;

    /// What was written outlives the machine.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Begins again after an error; what is found then may be damaged or of any age, and is given anew.
    ///
    /// # Errors
    /// It still cannot be used.
    fn begin(&mut self) -> Result<(), StoreError>;
}
