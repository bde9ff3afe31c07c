//! Scenes: short scripts of what chance hardly ever brings about. Each holds with every rule in place, whatever the seed, and is
//! there for a rule whose loss it shows.

mod joiners;
mod orphans;
mod owners;
mod script;

use std::fmt;

use crate::checkers::Violation;
use crate::world::{Builder, World};

/// The property of a script that cannot go on as it is written. No protocol is to blame for that.
pub const AS_WRITTEN: &str = "the scene goes as it is written";

/// A script, and the chassis that it is played by.
pub struct Scene {
    /// As on the command line.
    pub name: &'static str,
    /// What happens.
    pub says: &'static str,
    chassis: fn() -> Builder,
    play: fn(&mut World) -> Result<(), Violation>,
}

/// All of them.
pub const SCENES: &[Scene] = &[
    owners::ASKED_WHILE_HANDING_OVER,
    owners::BACK_BESIDE_A_LIVE_UNIT,
    orphans::TWO_OF_ONE_KEY,
    orphans::ON_ONE_CARD,
    joiners::FILLED_AHEAD_OF_ITS_OPS,
];

impl Scene {
    /// The scene of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SCENES.iter().find(|scene| scene.name == name)
    }

    pub(crate) fn chassis(&self) -> Builder {
        (self.chassis)()
    }

    pub(crate) fn play(&self, world: &mut World) -> Result<(), Violation> {
        (self.play)(world)
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Scene {}
