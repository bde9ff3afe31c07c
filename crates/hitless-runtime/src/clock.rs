//! The monotonic clock of one party.

use std::time::Duration;

use hitless_proto::ids::Time;
use tokio::time::{Instant, sleep_until};

/// Microseconds since the party started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Time {
        Time(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Waits until `deadline`; for ever if there is none. Cancel-safe.
    pub(crate) async fn reached(&self, deadline: Option<Time>) {
        let instant = deadline.and_then(|time| self.0.checked_add(Duration::from_micros(time.0)));
        match instant {
            Some(instant) => sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }
}
