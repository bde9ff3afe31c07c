//! Progress: the world does not run in circles at one instant.

use hitless_proto::ids::Time;

use super::{Checker, Scene, Seen};

/// Steps at one instant after which the world is taken to run in circles.
const LIVELOCK: u64 = 100_000;

#[derive(Default)]
pub(super) struct Progress {
    at: Time,
    steps: u64,
}

impl Checker for Progress {
    fn property(&self) -> &'static str {
        "progress"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Stepped { party } = seen else { return Ok(()) };
        let now = scene.world.now();
        self.steps = if now > self.at { 0 } else { self.steps + 1 };
        self.at = now;
        if self.steps < LIVELOCK {
            return Ok(());
        }
        Err(format!("{LIVELOCK} steps at one instant, the last of {party}"))
    }
}
