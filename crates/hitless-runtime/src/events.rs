//! Protocol events for whoever subscribes: each subscriber may be behind by a bound, and is told how many it missed.

use std::sync::Arc;

use hitless_proto::io::Event;
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::limits::EVENTS;

/// Where the driver puts events.
#[derive(Clone, Debug)]
pub(crate) struct EventSender(broadcast::Sender<Arc<Event>>);

/// Events from the moment of the subscription on.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Arc<Event>>);

/// No event, since:
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoEvent {
    /// The subscriber was too slow. Go on with `next`; ask for the status to catch up.
    #[error("{0} events were missed: the reader is too slow")]
    Missed(u64),
    /// The party has stopped.
    #[error("the party has stopped")]
    Stopped,
}

impl EventSender {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(EVENTS).0)
    }

    pub(crate) fn send(&self, event: Event) {
        if self.0.receiver_count() > 0 {
            let _nobody_listens = self.0.send(Arc::new(event));
        }
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events(self.0.subscribe())
    }
}

impl Events {
    /// The next event. Cancel-safe.
    ///
    /// # Errors
    /// Some were missed, or the party has stopped.
    pub async fn next(&mut self) -> Result<Arc<Event>, NoEvent> {
        self.0.recv().await.map_err(|error| match error {
            RecvError::Lagged(missed) => NoEvent::Missed(missed),
            RecvError::Closed => NoEvent::Stopped,
        })
    }
}
