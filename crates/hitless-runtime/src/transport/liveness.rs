//! Heartbeats, in both directions, on a connection and tasks of their own.

use std::time::Duration;

use hitless_proto::wire::Wire;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::connection::{FrameSink, FrameSource};
use super::link::LinkEnd;

/// When a silent peer counts as dead. The same at every party of the chassis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Pause between two heartbeats.
    pub interval: Duration,
    /// Heartbeats that may be missed, at least 1.
    pub missed: u32,
}

impl Default for Liveness {
    fn default() -> Self {
        Self { interval: Duration::from_millis(100), missed: 5 }
    }
}

impl Liveness {
    /// How long a peer may be silent.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.interval.max(Duration::from_millis(1)).saturating_mul(self.missed.max(1))
    }
}

/// Sends heartbeats until the connection fails.
pub(super) async fn beat(mut sink: FrameSink, liveness: Liveness) -> LinkEnd {
    let mut ticks = interval(liveness.interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counter = 0_u64;
    loop {
        ticks.tick().await;
        counter = counter.wrapping_add(1);
        if let Err(end) = sink.frame(&Wire::Heartbeat { counter }).await {
            return end;
        }
    }
}

/// Hears heartbeats until one is missed too often.
pub(super) async fn listen(mut source: FrameSource, liveness: Liveness) -> LinkEnd {
    loop {
        match timeout(liveness.patience(), source.next()).await {
            Ok(Ok((Wire::Heartbeat { .. }, _))) => {}
            Ok(Ok((Wire::Goodbye { reason }, _))) => return LinkEnd::Goodbye(reason),
            Ok(Ok((Wire::Hello(_) | Wire::Message(_), _))) => {
                return LinkEnd::Garbage(
                    "something else than heartbeats on the connection for them".to_owned(),
                );
            }
            Ok(Err(end)) => return end,
            Err(_elapsed) => return LinkEnd::Missed(liveness.patience().as_millis()),
        }
    }
}
