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
        let Seen::Stepped { .. } = seen else { return Ok(()) };
        judge(scene.world.steps_at_once())
    }
}

fn judge(steps: u64) -> Result<(), String> {
    if steps <= LIVELOCK { Ok(()) } else { Err(format!("{steps} steps at one instant")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_that_runs_in_circles_is_seen() {
        assert!(judge(LIVELOCK).is_ok() && judge(LIVELOCK + 1).is_err());
    }
}
