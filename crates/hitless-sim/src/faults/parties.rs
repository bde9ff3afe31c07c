//! Parties that die or are paused.

use hitless_proto::ids::Party;

use super::Chaos;
use super::undo::Undo;
use crate::coverage::Row;
use crate::moments::{Ambush, Deed, any_moment, may_kill};
use crate::world::World;

/// An ambush waits at least and at most so long, in microseconds.
const AMBUSH: (u64, u64) = (200_000, 4_000_000);

/// Moments that come only in a failover, and only in a switchover.
const TAKEOVERS: &[Row] = &[
    Row::Claimed,
    Row::SomePromises,
    Row::MidReplay,
    Row::Replayed,
    Row::OpenBeforeSynced,
    Row::TwoClaimants,
    Row::ClaimAnswerLost,
];
/// Moments that pass quickly, or come seldom.
const RARE: &[Row] = &[Row::TwoClaimants, Row::Replayed, Row::FormerLife, Row::HandedOver];
const SWITCHOVERS: &[Row] = &[Row::InTheFreeze, Row::HandedOver];

impl Chaos {
    pub(super) fn kill(&mut self, world: &mut World, party: Party) -> bool {
        if !may_kill(world, self.cards_live, party) {
            return false;
        }
        world.kill(party);
        self.later(world, (1_000, 3_000_000), Undo::Restart(party));
        true
    }

    /// What begins a takeover or a switchover brings their moments about.
    fn provoke(&mut self, world: &mut World, row: Row) {
        if TAKEOVERS.contains(&row) && self.random.one_in(2) {
            world.primary().into_iter().for_each(|primary| {
                self.kill(world, Party::Unit(primary));
            });
        }
        if SWITCHOVERS.contains(&row) {
            let _ = world.switchover(None);
        }
    }

    pub(super) fn kill_between_outputs(&mut self, world: &mut World) -> bool {
        let Some(party) = self.random_party(world) else { return false };
        if !may_kill(world, self.cards_live, party) {
            return false;
        }
        let outputs = self.random.below(60);
        world.kill_after_outputs(party, outputs);
        self.later(world, (500_000, 3_000_000), Undo::Restart(party));
        true
    }

    pub(super) fn wipe(&mut self, world: &mut World) -> bool {
        let Some(card) = self.random.pick(world.cards()) else { return false };
        if self.cards_live {
            return false;
        }
        world.kill_and_wipe(card);
        self.later(world, (1_000, 3_000_000), Undo::Restart(Party::Card(card)));
        true
    }

    pub(super) fn freeze(&mut self, world: &mut World) -> bool {
        let Some(party) = self.important_party(world) else { return false };
        world.freeze(party);
        self.later(world, (10_000, 4_000_000), Undo::Thaw(party));
        true
    }

    pub(super) fn lay_ambush(&mut self, world: &mut World) -> bool {
        let rare = self.random.pick(RARE).filter(|_| self.random.one_in(4));
        let Some(row) = rare.or_else(|| any_moment(&mut self.random)) else { return false };
        let deed = match self.random.below(8) {
            0 => Deed::Freeze,
            1 => Deed::Reset,
            2 => Deed::Exhaust,
            3.. => Deed::Kill,
        };
        let until = world.now().after(self.random.between(AMBUSH.0, AMBUSH.1));
        world.lay(Ambush { row, deed, until, cards_live: self.cards_live });
        self.provoke(world, row);
        true
    }
}
