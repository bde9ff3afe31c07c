//! The canary: a property that does not hold. Where it is watched some runs must fail, or the tests test nothing.

use std::collections::BTreeSet;

use hitless_proto::ids::{CardId, Party};

use super::{Checker, Scene, Seen};

/// Claims that no card ever begins a second life.
#[derive(Default)]
pub(super) struct Canary {
    started: BTreeSet<CardId>,
}

impl Checker for Canary {
    fn property(&self) -> &'static str {
        "canary: no card ever dies"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Started { party: Party::Card(card) } = seen else { return Ok(()) };
        if self.started.insert(*card) { Ok(()) } else { Err(format!("{card} starts again")) }
    }
}
