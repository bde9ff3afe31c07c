//! The driver's end of a link.

use std::sync::Arc;

use hitless_proto::message::Message;
use thiserror::Error;
use tokio::sync::watch;

use super::outbox::{NotQueued, Outbox};

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkEnd {
    /// The peer closed its end: its process has ended, or will dial again.
    #[error("the peer closed the connection")]
    Closed,
    /// ... in the middle of a frame.
    #[error("the peer closed the connection in the middle of a frame")]
    Torn,
    /// The peer said goodbye.
    #[error("the peer closed the link: {0}")]
    Goodbye(String),
    /// The system reported an error.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// No heartbeat came for this many milliseconds.
    #[error("no heartbeat for {0} ms: the peer has stopped, or the network between is cut")]
    Missed(u128),
    /// What came is not the protocol.
    #[error("what it sent is not the hitless protocol: {0}")]
    Garbage(String),
    /// The core found a message that cannot come from a correct party.
    #[error("it broke the protocol: {0}")]
    Misbehaved(String),
    /// A newer link with the same peer took its place.
    #[error("the peer connected again")]
    Replaced,
    /// The peer does not read what it is sent.
    #[error("the peer does not drain what it is sent: the queue to it is full")]
    Overflow,
    /// This party stops.
    #[error("this party is stopping")]
    Stopping,
}

/// Closes a link, from anywhere. The first reason stands.
#[derive(Clone, Debug)]
pub(super) struct Closer(Arc<watch::Sender<Option<LinkEnd>>>);

impl Closer {
    pub(super) fn new() -> (Self, watch::Receiver<Option<LinkEnd>>) {
        let (sender, receiver) = watch::channel(None);
        (Self(Arc::new(sender)), receiver)
    }

    pub(super) fn close(&self, end: LinkEnd) {
        self.0.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(end);
            }
            first
        });
    }
}

/// Waits until the link is to be closed.
pub(super) async fn closing(asked: &mut watch::Receiver<Option<LinkEnd>>) -> LinkEnd {
    match asked.wait_for(Option::is_some).await {
        Ok(end) => end.clone().unwrap_or(LinkEnd::Stopping),
        Err(_dropped) => LinkEnd::Stopping,
    }
}

/// The driver's end of a link: it never blocks.
#[derive(Clone, Debug)]
pub struct Link {
    outbox: Outbox,
    closer: Closer,
}

impl Link {
    pub(super) fn new(outbox: Outbox, closer: Closer) -> Self {
        Self { outbox, closer }
    }

    /// Queues a message. When the peer does not drain its queue, the link is closed with a clear error, and the driver
    /// hears of that by `Disconnected`.
    pub fn send(&self, message: Message) {
        match self.outbox.push(message) {
            Ok(()) | Err(NotQueued::Closed) => {}
            Err(NotQueued::Full) => self.closer.close(LinkEnd::Overflow),
        }
    }

    /// Closes both connections; the peer is told why.
    pub fn close(&self, end: LinkEnd) {
        self.closer.close(end);
    }
}
