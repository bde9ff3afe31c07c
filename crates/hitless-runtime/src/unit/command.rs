//! What handles ask of a control unit's driver.

use super::keeping::KeptStatus;
use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::error::{SubmitError, SwitchoverError};
use hitless_proto::ids::{Party, ProcessId, UnitId, Version};
use hitless_proto::report::TakeoverReport;
use hitless_proto::status::UnitStatus;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// What became of each change of a batch, in the same order.
pub type Submitted = Vec<Result<Version, SubmitError>>;

/// An entry as a control unit holds it.
pub type HeldEntry = (Blob, Version, Content);

pub(super) type Reply<T> = oneshot::Sender<T>;

/// One request; the answer goes back on its channel.
pub(super) enum Command {
    Submit(Batch),
    Status(Reply<UnitStatus>),
    Show { process: ProcessId, key: Blob, reply: Reply<Option<(Version, Content)>> },
    Entries { process: ProcessId, reply: Reply<Vec<HeldEntry>> },
    Kept(Reply<Option<KeptStatus>>),
    Reports(Reply<Vec<TakeoverReport>>),
    Switchover { to: Option<UnitId>, reply: Reply<Result<UnitId, SwitchoverError>> },
    Forgo { party: Party, reply: Reply<()> },
}

/// Changes that wait for room, and what became of those that did not have to.
pub(super) struct Batch {
    pub(super) process: ProcessId,
    pub(super) changes: std::vec::IntoIter<Change>,
    pub(super) done: Submitted,
    pub(super) reply: Reply<Submitted>,
    /// The batch's place among those that may wait.
    pub(super) _place: OwnedSemaphorePermit,
}

impl Batch {
    /// Answers the caller.
    pub(super) fn finish(self) {
        let _nobody_waits = self.reply.send(self.done);
    }

    /// Nobody waits for the answer any more: what is left is not submitted.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}
