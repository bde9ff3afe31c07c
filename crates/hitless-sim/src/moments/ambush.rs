//! An ambush: something is to be done to whoever is in a certain moment, when it comes.

use hitless_proto::ids::{Party, Time, UnitId};
use hitless_proto::io::Role;

use super::{Look, MOMENTS, Moment};
use crate::coverage::{Row, Victim};
use crate::random::Random;
use crate::world::World;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The party dies.
    Kill,
    /// It is paused.
    Freeze,
    /// All its connections are reset.
    Reset,
    /// It runs out of memory or descriptors.
    Exhaust,
    /// It dies after so many more outputs.
    KillAfter(u64),
    /// Its disk refuses writes.
    DiskFails,
    /// Its disk is full.
    DiskFull,
    /// The last acks reach it again, if it is a unit.
    RepeatAcks,
    /// A bit of what is on the way to it is flipped.
    FlipBit,
    /// Somebody who has a link with it dials again, or it does.
    DialTwice,
}

/// What an ambush waits for.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// A party in the midst of this.
    Moment(Row),
    /// A unit in this role.
    Role(Victim),
    /// A unit in this role, in the midst of this.
    MomentOf(Victim, Row),
}

/// Lies in wait.
#[derive(Clone, Debug)]
pub struct Ambush {
    /// For whom.
    pub when: When,
    /// What is done to whom it meets.
    pub deed: Deed,
    /// Until when.
    pub until: Time,
    /// Cards never die: any number of units may.
    pub cards_live: bool,
}

/// A row for which an ambush can lie in wait.
pub(crate) fn any(random: &mut Random) -> Option<Row> {
    let at = random.below(MOMENTS.len() as u64) as usize;
    MOMENTS.get(at).map(|moment| moment.row)
}

fn of_row(row: Row) -> Option<&'static Moment> {
    MOMENTS.iter().find(|moment| moment.row == row)
}

/// Where cards may die, one unit that holds everything must live.
pub(crate) fn may_kill(world: &World, cards_live: bool, party: Party) -> bool {
    let Party::Unit(unit) = party else { return !cards_live };
    let holds = |other: &UnitId| {
        *other != unit
            && matches!(world.role(*other), Some(Role::Primary | Role::Standby | Role::HandingOver))
    };
    cards_live || world.units().iter().any(holds)
}

impl World {
    /// Lays an ambush, instead of a former one.
    pub fn lay(&mut self, ambush: Ambush) {
        self.ambush = Some(ambush);
    }

    /// Whom ambushes met since this was asked last.
    pub fn met(&mut self) -> Vec<(Party, Deed)> {
        std::mem::take(&mut self.met)
    }

    /// Looks at every party, in turns of who comes first.
    pub(crate) fn look_around(&mut self) {
        let mut parties: Vec<Party> = self.hosts.keys().copied().collect();
        let first = (self.steps % parties.len().max(1) as u64) as usize;
        parties.rotate_left(first);
        for party in parties {
            if self.ambush.is_none() || self.look_at(party) {
                return;
            }
        }
    }

    /// Looks at one party, and does to it what the ambush has for whoever is in its moment. Says whether it was.
    pub(crate) fn look_at(&mut self, party: Party) -> bool {
        let Some(Ambush { when, deed, until, cards_live }) = self.ambush.clone() else { return false };
        if self.now() > until {
            self.ambush = None;
            return false;
        }
        if !self.is_up(party) || !self.is_now(party, when) {
            return false;
        }
        if matches!(deed, Deed::Kill | Deed::KillAfter(_)) && !may_kill(self, cards_live, party) {
            return false;
        }
        self.ambush = None;
        self.trace.line(self.clock.now(), || format!("ambush: {party}, {when:?}: {deed:?}"));
        self.met.push((party, deed));
        self.do_to(party, deed);
        true
    }

    fn is_now(&self, party: Party, when: When) -> bool {
        let in_moment = |row| {
            let (Some(moment), Some(witness)) = (of_row(row), &self.witness) else { return false };
            (moment.is_now)(&Look { world: self, facts: &witness.facts, party })
        };
        let in_role = |role| Victim::of(self, party) == Some(role);
        match when {
            When::Moment(row) => in_moment(row),
            When::Role(role) => in_role(role),
            When::MomentOf(role, row) => in_role(role) && in_moment(row),
        }
    }

    fn some_peer(&mut self, party: Party) -> Option<Party> {
        let peers: Vec<Party> = self.hosts.get(&party)?.links.keys().copied().collect();
        self.random.pick(&peers)
    }

    fn do_to(&mut self, party: Party, deed: Deed) {
        match deed {
            Deed::Kill => self.kill(party),
            Deed::KillAfter(outputs) => self.kill_after_outputs(party, outputs),
            Deed::Freeze => self.freeze(party),
            Deed::Exhaust => {
                self.hit(Row::Exhausted, party);
                self.exhaust(party);
            }
            Deed::Reset => {
                let peers: Vec<Party> = self.hosts.keys().copied().collect();
                peers.into_iter().for_each(|peer| self.reset_link(party, peer));
            }
            Deed::DiskFails => self.disk_mut(party).into_iter().for_each(|disk| disk.failing = true),
            Deed::DiskFull => self.fill_disk(party, true),
            Deed::FlipBit => {
                let Some(peer) = self.some_peer(party) else { return };
                self.flip_bit(peer, party);
            }
            Deed::DialTwice => {
                let Some(peer) = self.some_peer(party) else { return };
                if self.dial_twice(peer, party) {
                    self.hit(Row::TwoSessions, peer);
                    self.hit(Row::TwoSessions, party);
                }
            }
            Deed::RepeatAcks => {
                let Party::Unit(unit) = party else { return };
                for card in self.cards.clone() {
                    if self.repeat_ack(card, unit) {
                        self.hit(Row::AckTwice, party);
                    }
                }
            }
        }
    }
}
