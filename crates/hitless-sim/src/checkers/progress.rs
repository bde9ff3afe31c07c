//! Progress: the world does not run in circles at one instant.

use super::{Checker, Scene, Seen};

/// Steps at one instant after which the world is taken to run in circles.
const LIVELOCK: u64 = 200_000;

pub(super) struct Progress;

impl Checker for Progress {
    fn property(&self) -> &'static str {
        "progress"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Stepped { party } = seen else { return Ok(()) };
        if scene.world.steps_at_once() <= LIVELOCK {
            return Ok(());
        }
        Err(format!("{LIVELOCK} steps at one instant, the last of {party}"))
    }
}
