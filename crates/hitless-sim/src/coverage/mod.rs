//! Coverage: how often each fault of the list hit a party in each role. A run set that never hit a cell which makes sense
//! has proved nothing about it.

pub(crate) mod acks;
pub(crate) mod facts;
mod markdown;
mod rows;
pub(crate) mod windows;
pub(crate) mod witness;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hitless_proto::ids::{Life, Party, Time};
use hitless_proto::io::Role;

use crate::world::World;
pub use markdown::markdown;
pub use rows::{Line, ROWS, Row};

/// Who is hit: a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A unit, in the role it has at that moment.
    Unit(UnitRole),
    /// A card.
    Card,
    /// No party: what they all depend on.
    Chassis,
}

/// [`Role`], in the order of a unit's career.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitRole {
    /// See [`Role::Primary`].
    Primary,
    /// See [`Role::TakingOver`].
    TakingOver,
    /// See [`Role::HandingOver`].
    HandingOver,
    /// See [`Role::Standby`].
    Standby,
    /// See [`Role::Joining`].
    Joining,
}

impl Victim {
    /// See [`Role::Primary`].
    pub const PRIMARY: Self = Self::Unit(UnitRole::Primary);
    /// See [`Role::TakingOver`].
    pub const TAKING_OVER: Self = Self::Unit(UnitRole::TakingOver);
    /// See [`Role::HandingOver`].
    pub const HANDING_OVER: Self = Self::Unit(UnitRole::HandingOver);
    /// See [`Role::Standby`].
    pub const STANDBY: Self = Self::Unit(UnitRole::Standby);
    /// See [`Role::Joining`].
    pub const JOINING: Self = Self::Unit(UnitRole::Joining);

    /// Every column.
    pub const ALL: &[Self] = &[
        Self::PRIMARY,
        Self::TAKING_OVER,
        Self::HANDING_OVER,
        Self::STANDBY,
        Self::JOINING,
        Self::Card,
        Self::Chassis,
    ];

    /// The head of its column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit(UnitRole::Primary) => "primary",
            Self::Unit(UnitRole::TakingOver) => "taking over",
            Self::Unit(UnitRole::HandingOver) => "handing over",
            Self::Unit(UnitRole::Standby) => "standby",
            Self::Unit(UnitRole::Joining) => "joining",
            Self::Card => "card",
            Self::Chassis => "chassis",
        }
    }

    /// What a party is now; `None` for one that is dead.
    #[must_use]
    pub fn of(world: &World, party: Party) -> Option<Self> {
        match party {
            Party::Unit(unit) => world.role(unit).map(Self::from),
            Party::Card(card) => world.card(card).map(|_| Self::Card),
        }
    }
}

impl From<Role> for Victim {
    fn from(role: Role) -> Self {
        match role {
            Role::Primary => Self::PRIMARY,
            Role::TakingOver => Self::TAKING_OVER,
            Role::HandingOver => Self::HANDING_OVER,
            Role::Standby => Self::STANDBY,
            Role::Joining => Self::JOINING,
        }
    }
}

/// Hits by cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    hits: BTreeMap<(Row, Victim), u64>,
}

impl Coverage {
    /// Counts one hit.
    pub fn hit(&mut self, row: Row, victim: Victim) {
        *self.hits.entry((row, victim)).or_default() += 1;
    }

    /// Adds what another run hit.
    pub fn add(&mut self, other: &Self) {
        for (cell, times) in &other.hits {
            *self.hits.entry(*cell).or_default() += times;
        }
    }

    /// How often a cell was hit.
    #[must_use]
    pub fn hits(&self, row: Row, victim: Victim) -> u64 {
        self.hits.get(&(row, victim)).copied().unwrap_or_default()
    }

    /// The cells that make sense and were never hit.
    #[must_use]
    pub fn missing(&self) -> Vec<(Row, Victim)> {
        expected().filter(|(row, victim)| self.hits(*row, *victim) == 0).collect()
    }

    /// Rows by roles. `-`: makes no sense there. `MISSING`: does, and was never hit.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{:<52}", "FAULT");
        for victim in Victim::ALL {
            let _ = write!(text, "{:>13}", victim.name().to_uppercase());
        }
        text.push('\n');
        for line in ROWS {
            let _ = write!(text, "{:<52}", format!("{:>2} {}", line.number, line.name));
            for victim in Victim::ALL {
                let hits = self.hits(line.row, *victim);
                let cell = match (line.victims.contains(victim), hits) {
                    (true, 0) => "MISSING".into(),
                    (false, 0) => "-".into(),
                    (true, hits) => hits.to_string(),
                    (false, hits) => format!("({hits})"),
                };
                let _ = write!(text, "{cell:>13}");
            }
            text.push('\n');
        }
        text
    }
}

/// The cells that make sense.
pub fn expected() -> impl Iterator<Item = (Row, Victim)> {
    ROWS.iter().flat_map(|line| line.victims.iter().map(|victim| (line.row, *victim)))
}

impl World {
    /// Counts a fault that hits a party in whatever role it has now.
    pub(crate) fn hit(&mut self, row: Row, party: Party) {
        if let Some(victim) = Victim::of(self, party) {
            self.hit_as(row, victim);
        }
    }

    /// Counts a fault.
    pub(crate) fn hit_as(&mut self, row: Row, victim: Victim) {
        if let Some(witness) = &mut self.witness {
            witness.coverage.hit(row, victim);
        }
    }

    /// A party goes on that was frozen `since` then: has an epoch been granted meanwhile?
    pub(crate) fn thawed(&mut self, party: Party, since: Time) {
        let granted_at = self.witness.as_ref().map(|witness| witness.facts.granted_at);
        if granted_at.is_none_or(|at| at <= since) {
            return;
        }
        match Victim::of(self, party) {
            Some(Victim::Card) => self.hit_as(Row::CardFrozenOverFailover, Victim::Card),
            Some(of @ (Victim::PRIMARY | Victim::TAKING_OVER | Victim::HANDING_OVER)) => {
                self.hit_as(Row::FrozenOverLease, of);
            }
            Some(Victim::STANDBY | Victim::JOINING | Victim::Chassis) | None => {}
        }
    }

    /// A connection ended in the middle of a frame: did its sender die?
    pub(crate) fn count_mid_frame(&mut self, from: Party, life: Life) {
        let died_as = self.witness.as_ref().and_then(|witness| witness.facts.died_as.get(&from)).copied();
        if let Some(victim) = died_as.filter(|_| !self.lives(from, life)) {
            self.hit_as(Row::MidFrame, victim);
        }
    }

    /// What was hit so far.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        self.witness.as_ref().map(|witness| witness.coverage.clone()).unwrap_or_default()
    }
}
