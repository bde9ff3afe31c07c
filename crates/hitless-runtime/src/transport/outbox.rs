//! Messages that wait to be written to one peer: bounded in number and bytes, and never blocking for who puts them in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hitless_proto::message::Message;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::weight::weight;
use crate::limits::OUTBOX_MESSAGES;

/// Where the core's driver puts messages.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    sender: mpsc::Sender<(Message, usize)>,
    queued: Arc<AtomicUsize>,
    bound: usize,
}

/// Where the writer takes them.
#[derive(Debug)]
pub(super) struct OutboxEnd {
    receiver: mpsc::Receiver<(Message, usize)>,
    queued: Arc<AtomicUsize>,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotQueued {
    /// The peer does not drain what it is sent.
    Full,
    /// The link is closed already.
    Closed,
}

/// A queue that holds at most `bound` bytes by weight.
pub(super) fn outbox(bound: usize) -> (Outbox, OutboxEnd) {
    let (sender, receiver) = mpsc::channel(OUTBOX_MESSAGES);
    let queued = Arc::new(AtomicUsize::new(0));
    (Outbox { sender, queued: queued.clone(), bound }, OutboxEnd { receiver, queued })
}

impl Outbox {
    /// Queues a message.
    pub(super) fn push(&self, message: Message) -> Result<(), NotQueued> {
        let weight = weight(&message);
        let before = self.queued.fetch_add(weight, Ordering::Relaxed);
        if before.saturating_add(weight) > self.bound {
            self.queued.fetch_sub(weight, Ordering::Relaxed);
            return Err(NotQueued::Full);
        }
        self.sender.try_send((message, weight)).map_err(|error| {
            self.queued.fetch_sub(weight, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => NotQueued::Full,
                TrySendError::Closed(_) => NotQueued::Closed,
            }
        })
    }
}

impl OutboxEnd {
    /// The next message; waits for one. `None`: nobody can put in more. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let (message, weight) = self.receiver.recv().await?;
        self.queued.fetch_sub(weight, Ordering::Relaxed);
        Some(message)
    }

    /// The next message, if there is one at hand.
    pub(super) fn at_hand(&mut self) -> Option<Message> {
        let (message, weight) = self.receiver.try_recv().ok()?;
        self.queued.fetch_sub(weight, Ordering::Relaxed);
        Some(message)
    }
}
