//! What the owner of a running card holds.

use std::sync::mpsc::{SyncSender, TrySendError};

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, ProcessId};
use hitless_proto::status::CardStatus;
use tokio::sync::{mpsc, oneshot};

use super::driver::{Command, ShownEntry};
use crate::events::{EventSender, Events};
use crate::party::HandleError;
use crate::transport::{LinkCounter, LinkCounts};
use crate::worker::TableJob;

/// Asks a running card, from any task. Cheap to clone.
#[derive(Clone)]
pub struct CardHandle {
    pub(super) card: CardId,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) table: SyncSender<TableJob>,
    pub(super) events: EventSender,
    pub(super) counts: LinkCounter,
}

impl CardHandle {
    /// Which card it is.
    #[must_use]
    pub fn card(&self) -> CardId {
        self.card
    }

    /// The card's view of itself.
    ///
    /// # Errors
    /// The card has stopped.
    pub async fn status(&self) -> Result<CardStatus, HandleError> {
        self.ask(Command::Status).await
    }

    /// One entry, as the card's protocol holds it.
    ///
    /// # Errors
    /// The card has stopped.
    pub async fn show(&self, process: ProcessId, key: Blob) -> Result<Option<ShownEntry>, HandleError> {
        self.ask(|reply| Command::Show { process, key, reply }).await
    }

    /// What the forwarding table itself holds, read back from it.
    ///
    /// # Errors
    /// The card has stopped, or the table cannot be read now.
    pub async fn dump(&self, process: ProcessId) -> Result<Vec<(Blob, Blob)>, HandleError> {
        let (answer, dumped) = oneshot::channel();
        match self.table.try_send(TableJob::Dump { process, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(HandleError::Table("it is busy: try again".to_owned())),
            Err(TrySendError::Disconnected(_)) => return Err(HandleError::Stopped),
        }
        let entries = dumped.await.map_err(|_dropped| HandleError::Stopped)?;
        entries.map_err(|error| HandleError::Table(error.to_string()))
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

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, HandleError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_closed| HandleError::Stopped)?;
        answer.await.map_err(|_dropped| HandleError::Stopped)
    }
}
