//! What links tell the core's driver: bounded in number and bytes; readers wait while it is full.

use std::sync::Arc;

use hitless_proto::ids::{Life, Party};
use hitless_proto::message::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::link::{Link, LinkEnd};
use crate::limits::{INBOX_BYTES, INBOX_MESSAGES};

/// What a link tells.
#[derive(Debug)]
pub enum LinkEvent {
    /// The handshake is done. Before it, `Disconnected` was told of any former link with the peer.
    Connected {
        /// The other end.
        peer: Party,
        /// Its life.
        life: Life,
        /// To send on, and to close.
        link: Link,
    },
    /// The link is closed: nothing more comes from it.
    Disconnected {
        /// The other end.
        peer: Party,
        /// Why.
        end: LinkEnd,
    },
    /// A message, in the order it was sent.
    Message {
        /// The other end.
        from: Party,
        /// The message.
        message: Message,
    },
}

/// A [`LinkEvent`] with its share of the inbox's bytes, given back when it is dropped.
#[derive(Debug)]
pub struct Delivery {
    /// What is told.
    pub event: LinkEvent,
    _share: Option<OwnedSemaphorePermit>,
}

/// Where links put what they tell. Cloned into every link.
#[derive(Clone, Debug)]
pub struct Inbox {
    sender: mpsc::Sender<Delivery>,
    bytes: Arc<Semaphore>,
}

/// Nobody listens any more: the driver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Inbox {
    /// An inbox and its other end.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Delivery>) {
        let (sender, receiver) = mpsc::channel(INBOX_MESSAGES);
        (Self { sender, bytes: Arc::new(Semaphore::new(INBOX_BYTES)) }, receiver)
    }

    /// Puts in a message of `bytes` bytes on the wire; waits for room.
    pub(super) async fn message(&self, from: Party, message: Message, bytes: usize) -> Result<(), Gone> {
        let wanted = u32::try_from(bytes.min(INBOX_BYTES)).unwrap_or(u32::MAX);
        let share = self.bytes.clone().acquire_many_owned(wanted).await.map_err(|_closed| Gone)?;
        let delivery = Delivery { event: LinkEvent::Message { from, message }, _share: Some(share) };
        self.sender.send(delivery).await.map_err(|_closed| Gone)
    }

    /// Puts in a change of a link; waits for room.
    pub(super) async fn change(&self, event: LinkEvent) -> Result<(), Gone> {
        self.sender.send(Delivery { event, _share: None }).await.map_err(|_closed| Gone)
    }
}
