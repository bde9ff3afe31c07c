//! L2 and L3: in a healed chassis somebody is primary, and then all are whole, within stated bounds.

use hitless_proto::ids::Time;

use super::{Checker, Scene, Seen};

/// Simulated time within which a healed chassis has a primary.
const PRIMARY_WITHIN: u64 = 300_000_000;
/// Simulated time within which every standby of a healed chassis is in sync.
const WHOLE_WITHIN: u64 = 360_000_000;

#[derive(Default)]
pub(super) struct Rest {
    /// Since when there is no primary in a healed world, and since when it is not whole.
    without: Option<Time>,
    apart: Option<Time>,
}

impl Checker for Rest {
    fn property(&self) -> &'static str {
        "a healed chassis is whole within bounds"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let now = scene.world.now();
        if let Seen::Healed = seen {
            (self.without, self.apart) = (Some(now), Some(now));
        }
        let (Seen::Stepped { .. }, true) = (seen, self.apart.is_some()) else { return Ok(()) };
        if self.without.is_some() && scene.world.primary().is_some() {
            self.without = None;
        }
        if scene.world.is_whole() {
            self.apart = None;
        }
        let late = |since: Option<Time>, most| since.is_some_and(|since| now.since(since) > most);
        if late(self.without, PRIMARY_WITHIN) {
            return Err(format!("nobody is primary {PRIMARY_WITHIN} us after the world was healed"));
        }
        if late(self.apart, WHOLE_WITHIN) {
            return Err(format!("not every unit is in sync {WHOLE_WITHIN} us after the world was healed"));
        }
        Ok(())
    }
}
