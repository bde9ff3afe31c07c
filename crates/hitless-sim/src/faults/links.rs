//! Links that are cut, held or reset.

use hitless_proto::ids::{Party, UnitId};

use super::undo::Undo;
use super::{Chaos, Fault};
use crate::coverage::{Row, Victim};
use crate::world::World;

/// How often a link comes and goes.
const FLAPS: (u64, u64) = (4, 60);

impl Chaos {
    pub(super) fn strike_link(&mut self, world: &mut World, fault: Fault) -> bool {
        let (Some(a), Some(b)) = (self.important_party(world), self.random_party(world)) else {
            return false;
        };
        if a == b || matches!((a, b), (Party::Card(_), Party::Card(_))) {
            return false;
        }
        let (a, b) = if self.random.one_in(2) { (a, b) } else { (b, a) };
        if fault == Fault::Reset {
            world.reset_link(a, b);
        } else if fault == Fault::Hold {
            world.hold_one_way(a, b);
            self.later(world, (10_000, 3_000_000), Undo::Release(a, b));
        } else if fault == Fault::CutOneWay {
            world.hit(Row::OneDirection, a);
            world.cut_one_way(a, b);
            self.later(world, (10_000, 3_000_000), Undo::Mend(a, b));
        } else if fault == Fault::Flap {
            count_cut(world, a, b);
            world.hit(Row::Flapping, a);
            world.hit(Row::Flapping, b);
            world.cut(a, b);
            let times = self.random.between(FLAPS.0, FLAPS.1);
            self.later(world, (0, 0), Undo::Flap(a, b, times * 2));
        } else {
            self.cut(world, a, b);
        }
        true
    }

    fn cut(&mut self, world: &mut World, a: Party, b: Party) {
        count_cut(world, a, b);
        world.cut(a, b);
        self.later(world, (10_000, 3_000_000), Undo::Mend(a, b));
    }

    pub(super) fn isolate(&mut self, world: &mut World) -> bool {
        let Some(party) = self.important_party(world) else { return false };
        let others: Vec<Party> = world.hosts.keys().filter(|other| **other != party).copied().collect();
        for other in others {
            if !self.random.one_in(6) {
                self.cut(world, party, other);
            }
        }
        true
    }

    /// Cuts a third of all pairs, and no party off from everybody.
    pub(super) fn partial_ring(&mut self, world: &mut World) -> bool {
        let parties: Vec<Party> = world.hosts.keys().copied().collect();
        let units: Vec<UnitId> = world.units().to_vec();
        if units.len() < 2 || parties.len() < 4 {
            return false;
        }
        let mut cut = 0;
        for (at, unit) in units.iter().enumerate() {
            // Each party keeps one unit, in turn.
            for (turn, other) in parties.iter().enumerate() {
                let kept = turn % units.len() == at || *other == Party::Unit(*unit);
                if !kept && self.random.one_in(3) {
                    self.cut(world, Party::Unit(*unit), *other);
                    cut += 1;
                }
            }
        }
        if cut > 0 {
            world.hit_as(Row::PartialRing, Victim::Chassis);
        }
        cut > 0
    }

    /// Cuts a card off from all units but the primary, which then may fall silent to the other units.
    pub(super) fn lonely(&mut self, world: &mut World) -> bool {
        let (Some(primary), Some(card)) = (world.primary(), self.random.pick(world.cards())) else {
            return false;
        };
        let others: Vec<UnitId> = world.units().iter().filter(|unit| **unit != primary).copied().collect();
        for unit in &others {
            self.cut(world, Party::Card(card), Party::Unit(*unit));
        }
        if self.random.one_in(2) {
            for unit in &others {
                self.cut(world, Party::Unit(primary), Party::Unit(*unit));
            }
        }
        !others.is_empty()
    }

    pub(super) fn drop_acks(&mut self, world: &mut World) -> bool {
        let (Some(card), Some(unit)) = (self.random.pick(world.cards()), self.random.pick(world.units()))
        else {
            return false;
        };
        world.lose_tail(card, unit);
        self.later(world, (10_000, 1_000_000), Undo::Acks(card, unit));
        true
    }
}

/// Counts a cut by what is at its ends.
fn count_cut(world: &mut World, a: Party, b: Party) {
    let (Some(at_a), Some(at_b)) = (Victim::of(world, a), Victim::of(world, b)) else { return };
    let owner = |of: Victim| [Victim::PRIMARY, Victim::TAKING_OVER, Victim::HANDING_OVER].contains(&of);
    let row = match (at_a == Victim::Card || at_b == Victim::Card, owner(at_a) || owner(at_b)) {
        (true, true) => Some(Row::CutPrimaryCard),
        (true, false) => Some(Row::CutStandbyCard),
        (false, true) => Some(Row::CutPrimaryStandby),
        (false, false) => None,
    };
    if let Some(row) = row {
        world.hit_as(row, at_a);
        world.hit_as(row, at_b);
    }
    if world.is_linked(a, b) {
        world.hit_as(Row::BlackHole, at_a);
        world.hit_as(Row::BlackHole, at_b);
    }
}
