//! What the owner of a running control unit holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::error::SwitchoverError;
use hitless_proto::ids::{Party, ProcessId, UnitId, Version};
use hitless_proto::report::TakeoverReport;
use hitless_proto::status::UnitStatus;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::command::{Batch, Command, HeldEntry, Reply, Submitted};
use super::keeping::KeptStatus;
use crate::events::{EventSender, Events};
use crate::limits::MAX_SUBMIT;
use crate::party::HandleError;
use crate::transport::{LinkCounter, LinkCounts};

/// Asks and orders a running control unit, from any task. Cheap to clone.
#[derive(Clone)]
pub struct UnitHandle {
    pub(super) unit: UnitId,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) places: Arc<BTreeMap<ProcessId, Arc<Semaphore>>>,
    pub(super) events: EventSender,
    pub(super) counts: LinkCounter,
}

impl UnitHandle {
    /// Which unit it is.
    #[must_use]
    pub fn unit(&self) -> UnitId {
        self.unit
    }

    /// Submits changes in order, and waits for room while too many are under way. When it returns, each change that was
    /// accepted has its version; `Completed` events tell when it is programmed and safe.
    ///
    /// # Errors
    /// The batch is longer than [`MAX_SUBMIT`], or the unit has stopped: then it is not known which were accepted.
    pub async fn submit_batch(
        &self,
        process: ProcessId,
        changes: Vec<Change>,
    ) -> Result<Submitted, HandleError> {
        if changes.len() > MAX_SUBMIT {
            return Err(HandleError::BatchTooLong(changes.len()));
        }
        // A process that is not there has no places: the first one's do, for the core to say so.
        let Some(places) = self.places.get(&process).or_else(|| self.places.values().next()) else {
            return Err(HandleError::Stopped);
        };
        let place = places.clone().acquire_owned().await.map_err(|_closed| HandleError::Stopped)?;
        let done = Vec::with_capacity(changes.len());
        self.ask(|reply| {
            Command::Submit(Batch { process, changes: changes.into_iter(), done, reply, _place: place })
        })
        .await
    }

    /// The unit's view of the chassis.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn status(&self) -> Result<UnitStatus, HandleError> {
        self.ask(Command::Status).await
    }

    /// How far the state is kept on disk; `None`: it is not, as configured.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn kept(&self) -> Result<Option<KeptStatus>, HandleError> {
        self.ask(Command::Kept).await
    }

    /// One entry, as this unit holds it.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn show(
        &self,
        process: ProcessId,
        key: Blob,
    ) -> Result<Option<(Version, Content)>, HandleError> {
        self.ask(|reply| Command::Show { process, key, reply }).await
    }

    /// All entries of a process, as of one moment: a copy, so that the core is held up no longer than copying takes.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn entries(&self, process: ProcessId) -> Result<Vec<HeldEntry>, HandleError> {
        self.ask(|reply| Command::Entries { process, reply }).await
    }

    /// The last takeovers that this unit did, oldest first.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn reports(&self) -> Result<Vec<TakeoverReport>, HandleError> {
        self.ask(Command::Reports).await
    }

    /// Begins a planned switchover; its end is told by an event. Answers who takes over.
    ///
    /// # Errors
    /// The unit has stopped. The inner result: the switchover is refused, and nothing was changed.
    pub async fn begin_switchover(
        &self,
        to: Option<UnitId>,
    ) -> Result<Result<UnitId, SwitchoverError>, HandleError> {
        self.ask(|reply| Command::Switchover { to, reply }).await
    }

    /// The operator says that a card will not come back: recover without it.
    ///
    /// # Errors
    /// The unit has stopped.
    pub async fn forgo(&self, party: Party) -> Result<(), HandleError> {
        self.ask(|reply| Command::Forgo { party, reply }).await
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> Events {
        self.events.subscribe()
    }

    /// What happened on the links.
    #[must_use]
    pub fn link_counts(&self) -> LinkCounts {
        self.counts.read()
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, HandleError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_closed| HandleError::Stopped)?;
        answer.await.map_err(|_dropped| HandleError::Stopped)
    }
}
