//! What goes wrong, by the swarm: each class of fault is on in half of all runs, so that rare pairs meet often.

mod arbiter;
mod class;
mod damage;
mod links;
mod parties;
mod stores;
mod undo;

use std::collections::BTreeMap;

use hitless_proto::ids::{Party, Time};

use crate::coverage::{Row, Victim};
use crate::moments::Deed;
use crate::random::Random;
use crate::schedule::{Drawn, Schedule};
use crate::world::World;
pub use class::{FAULTS, Fault};
use undo::{Undo, Undoing};

/// Classes that say nothing where cards never die.
const KILLS_CARDS: &[Fault] = &[Fault::KillCard, Fault::WipeCard, Fault::LoseDisk, Fault::HotRemove];

/// One strike in so many is an ambush where they are on: what they wait for comes in many kinds, and seldom.
const AMBUSH_ONE_IN: u64 = 8;

/// Does to a world what its swarm allows.
#[derive(Debug)]
pub struct Chaos {
    /// When which class strikes, whatever came of the strikes before.
    order: Random,
    /// Of one strike only: what it draws shifts nothing that is drawn for others.
    random: Random,
    enabled: Vec<Fault>,
    /// Cards never die: any number of units may.
    cards_live: bool,
    /// A card was removed for good.
    removed: bool,
    pause: u64,
    next_at: Time,
    undoing: Undoing,
    drawn: u64,
    /// How often each class struck.
    pub struck: BTreeMap<Fault, u64>,
    /// The strikes that took place, in order.
    pub strikes: Vec<Drawn<Fault>>,
}

impl Chaos {
    /// The swarm of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let cards_live = random.one_in(2);
        let allowed = |fault: &Fault| !cards_live || !KILLS_CARDS.contains(fault);
        let enabled = FAULTS.iter().filter(|fault| allowed(fault)).copied();
        let enabled = enabled.filter(|_| random.one_in(2)).collect();
        let pause = [20_000, 100_000, 400_000, 1_500_000][random.below(4) as usize];
        Self {
            order: random,
            random: Random::new(0),
            enabled,
            cards_live,
            removed: false,
            pause,
            next_at: Time(1_000_000),
            undoing: Undoing::default(),
            drawn: 0,
            struck: BTreeMap::new(),
            strikes: Vec::new(),
        }
    }

    /// The classes that are on.
    #[must_use]
    pub fn enabled(&self) -> &[Fault] {
        &self.enabled
    }

    /// Strikes, and undoes, what is due, as far as `schedule` has it.
    pub fn tick(&mut self, world: &mut World, schedule: &Schedule) {
        self.undoing.tick(world);
        self.follow_ambush(world);
        if world.now() < self.next_at {
            return;
        }
        self.next_at = world.now().after(self.order.between(1, 2 * self.pause));
        let Some(fault) = self.order.pick(&self.enabled) else { return };
        let ambush = self.order.one_in(AMBUSH_ONE_IN) && self.enabled.contains(&Fault::Ambush);
        let fault = if ambush { Fault::Ambush } else { fault };
        self.random = Random::new(self.order.number());
        let number = self.drawn;
        self.drawn += 1;
        if !schedule.strikes(number) {
            return;
        }
        world.trace.line(world.now(), || format!("strike {number}: {fault:?}"));
        world.draw_anew(number << 32);
        let (at, mark) = (world.now(), world.trace.mark());
        if self.strike(world, fault) {
            *self.struck.entry(fault).or_default() += 1;
            self.strikes.push(Drawn { number, at, of: fault, did: world.trace.since(mark).into() });
            count_quorum(world);
        }
    }

    /// Whom an ambush met comes back.
    fn follow_ambush(&mut self, world: &mut World) {
        for (party, deed) in world.met() {
            match deed {
                Deed::Kill | Deed::KillAfter(_) => {
                    self.later(world, (1_000, 3_000_000), Undo::Restart(party));
                }
                Deed::DiskFails | Deed::DiskFull => {
                    self.later(world, (10_000, 2_000_000), Undo::Disk(party));
                }
                Deed::Freeze => self.later(world, (10_000, 4_000_000), Undo::Thaw(party)),
                Deed::Exhaust => self.later(world, (10_000, 2_000_000), Undo::Resources(party)),
                Deed::Reset | Deed::RepeatAcks | Deed::FlipBit | Deed::DialTwice => {}
            }
        }
    }

    fn later(&mut self, world: &mut World, (low, high): (u64, u64), undo: Undo) {
        let at = world.now().after(self.random.between(low, high));
        world.trace.line(world.now(), || format!("until {} us: {undo:?}", at.0));
        self.undoing.plan(at, undo);
    }

    fn strike(&mut self, world: &mut World, fault: Fault) -> bool {
        match fault {
            Fault::KillPrimary => {
                let primary = world.primary();
                primary.is_some_and(|unit| self.kill(world, Party::Unit(unit)))
            }
            Fault::KillUnit => {
                let unit = self.random.pick(world.units());
                unit.is_some_and(|unit| self.kill(world, Party::Unit(unit)))
            }
            Fault::KillBetweenOutputs => self.kill_between_outputs(world),
            Fault::KillCard => {
                let card = self.random.pick(world.cards());
                card.is_some_and(|card| self.kill(world, Party::Card(card)))
            }
            Fault::WipeCard => self.wipe(world),
            Fault::Ambush => self.lay_ambush(world),
            Fault::Freeze => self.freeze(world),
            Fault::Cut | Fault::CutOneWay | Fault::Hold | Fault::Reset | Fault::Flap => {
                self.strike_link(world, fault)
            }
            Fault::Isolate => self.isolate(world),
            Fault::PartialRing => self.partial_ring(world),
            Fault::Lonely => self.lonely(world),
            Fault::DropAcks => self.drop_acks(world),
            Fault::DiskFails | Fault::DiskSlow | Fault::DiskFull => self.strike_disk(world, fault),
            Fault::TableSlow | Fault::TableStuck | Fault::KeyFails | Fault::TableFull => {
                self.strike_table(world, fault)
            }
            Fault::FlipBit => self.flip_bit(world),
            Fault::DialTwice => self.dial_twice(world),
            Fault::RepeatAcks => self.repeat_acks(world),
            Fault::JumpClock => self.jump_clock(world),
            Fault::Exhaust => self.exhaust(world),
            Fault::LoseDisk => self.lose_disk(world),
            Fault::LoseEffects | Fault::GarbleEffects => self.lie(world, fault),
            Fault::ForeignEdit => self.edit(world),
            Fault::DropDependants => self.drop_dependants(world),
            Fault::FlapInterface => self.flap_interface(world),
            Fault::HotAdd => self.hot_add(world),
            Fault::HotRemove => self.hot_remove(world),
            Fault::ArbiterDown | Fault::ArbiterSlow | Fault::ArbiterLossy => {
                self.strike_arbiter(world, fault)
            }
            Fault::Switchover => {
                let to = self.random.pick(world.units()).filter(|_| self.random.one_in(2));
                world.switchover(to).is_ok()
            }
        }
    }

    fn random_party(&mut self, world: &World) -> Option<Party> {
        let parties: Vec<Party> = world.hosts.keys().copied().collect();
        self.random.pick(&parties)
    }

    /// In half of the cases whoever owns an epoch, or wants to.
    fn important_party(&mut self, world: &World) -> Option<Party> {
        let owner = |party: &Party| {
            matches!(
                Victim::of(world, *party),
                Some(Victim::PRIMARY | Victim::TAKING_OVER | Victim::HANDING_OVER)
            )
        };
        let owners: Vec<Party> = world.hosts.keys().filter(|party| owner(party)).copied().collect();
        let owner = self.random.pick(&owners).filter(|_| self.random.one_in(2));
        owner.or_else(|| self.random_party(world))
    }
}

/// Of the voters fewer than a majority run.
fn count_quorum(world: &mut World) {
    let Some(voters) = world.voters() else { return };
    let up = voters.iter().filter(|voter| world.is_up(**voter)).count();
    if up * 2 <= voters.len() {
        world.hit_as(Row::NoQuorum, Victim::Chassis);
    }
}
