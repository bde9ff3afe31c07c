//! Key versions only rise: at a card within its life, at a unit while it is in sync. A unit that is being synced has no say:
//! what it held of a primary that lost is taken back.

use super::{Checker, Scene, Seen};

pub(super) struct Versions;

impl Checker for Versions {
    fn property(&self) -> &'static str {
        "key versions only rise"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Held { party, process, key, was: Some(was), is } = seen else { return Ok(()) };
        if is >= was {
            Ok(())
        } else {
            Err(format!("{party} {process}: {key:?} goes from {was} back to {is}"))
        }
    }
}
