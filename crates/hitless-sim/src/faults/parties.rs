//! Parties that die or are paused.

use hitless_proto::ids::Party;

use super::Chaos;
use super::undo::Undo;
use crate::coverage::{Row, Victim};
use crate::moments::{Ambush, Deed, When, any_moment, may_kill};
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
/// Roles that pass quickly: what hits a party at any time hardly ever hits one in these.
const IN_ROLES: &[When] = &[
    When::Role(Victim::TAKING_OVER),
    When::Role(Victim::HANDING_OVER),
    When::MomentOf(Victim::TAKING_OVER, Row::MidBulk),
    When::MomentOf(Victim::TAKING_OVER, Row::MidReplay),
    When::MomentOf(Victim::TAKING_OVER, Row::Replayed),
    When::MomentOf(Victim::TAKING_OVER, Row::PromiseLost),
    When::MomentOf(Victim::HANDING_OVER, Row::HandedOver),
];
/// A party that dies soon does so within so many outputs.
const SOON: u64 = 60;
/// An arbiter that takes its time is so many times slower.
const SLOW: (u64, u64) = (20, 200);

impl Chaos {
    pub(super) fn kill(&mut self, world: &mut World, party: Party) -> bool {
        if !may_kill(world, self.cards_live, party) {
            return false;
        }
        world.kill(party);
        self.later(world, (1_000, 3_000_000), Undo::Restart(party));
        true
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
        let Some(when) = self.draw_when() else { return false };
        let deed = self.draw_deed();
        let until = world.now().after(self.random.between(AMBUSH.0, AMBUSH.1));
        world.lay(Ambush { when, deed, until, cards_live: self.cards_live });
        self.provoke(world, when);
        true
    }

    fn draw_when(&mut self) -> Option<When> {
        if self.random.one_in(2) {
            return self.random.pick(IN_ROLES);
        }
        let rare = self.random.pick(RARE).filter(|_| self.random.one_in(4));
        rare.or_else(|| any_moment(&mut self.random)).map(When::Moment)
    }

    fn draw_deed(&mut self) -> Deed {
        match self.random.below(20) {
            0 | 1 => Deed::Freeze,
            2 | 3 => Deed::Reset,
            4 => Deed::Exhaust,
            5 => Deed::DiskFails,
            6 => Deed::DiskFull,
            7 | 8 => Deed::RepeatAcks,
            9 => Deed::FlipBit,
            10 => Deed::DialTwice,
            11..=13 => Deed::KillAfter(self.random.below(SOON)),
            14.. => Deed::Kill,
        }
    }

    /// What begins a takeover or a switchover brings their moments about.
    fn provoke(&mut self, world: &mut World, when: When) {
        let (takes_over, hands_over) = match when {
            When::Moment(row) => (TAKEOVERS.contains(&row), SWITCHOVERS.contains(&row)),
            When::Role(role) | When::MomentOf(role, _) => {
                (role == Victim::TAKING_OVER, role == Victim::HANDING_OVER)
            }
        };
        if takes_over && self.random.one_in(2) {
            if self.random.one_in(2) {
                self.slow_arbiter(world);
            }
            if let When::MomentOf(_, Row::MidBulk) = when {
                self.wipe(world);
            }
            world.primary().into_iter().for_each(|primary| {
                self.kill(world, Party::Unit(primary));
            });
        }
        if hands_over {
            let _ = world.switchover(None);
        }
    }

    /// Whoever decides who is primary takes its time: who was granted an epoch is long in opening it.
    fn slow_arbiter(&mut self, world: &mut World) {
        let slow = self.random.between(SLOW.0, SLOW.1);
        let Some(voters) = world.voters().map(<[Party]>::to_vec) else {
            world.set_arbiter_slow(slow);
            return self.later(world, (100_000, 2_000_000), Undo::Arbiter);
        };
        for voter in voters {
            world.disk_mut(voter).into_iter().for_each(|disk| disk.slow = slow);
            self.later(world, (100_000, 2_000_000), Undo::Disk(voter));
        }
    }
}
