//! How a world is described and built.

use hitless_proto::arbiter::{Record, VoterState};
use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, UnitId};
use hitless_proto::io::Durable;
use hitless_proto::message::Ballot;
use hitless_proto::process::{Processes, fib, table};

use super::{Acks, Speeds, World};
use crate::arbiter::Arbiter;
use crate::checkers::Checkers;
use crate::clock::Clock;
use crate::network::Network;
use crate::oracle::Oracle;
use crate::process::Host;
use crate::random::Random;
use crate::trace::{Trace, Tracing};

/// How often frames are torn, by chance: in half of all worlds never.
const TORN: &[u64] = &[0, 0, 50, 5];

/// Describes a chassis; everything has a default.
#[derive(Clone, Debug)]
pub struct Builder {
    units: u8,
    cards: u16,
    ack_path: AckPath,
    output_rule: OutputRule,
    external: bool,
    voters: Option<Vec<Party>>,
    timing: Timing,
    speeds: Speeds,
    seed: u64,
    tracing: Tracing,
    canary: bool,
    keep_messages: bool,
    torn: Option<u64>,
    late_cards: u16,
    first_epoch: Epoch,
    most_steps: u64,
    keeps: bool,
    processes: fn() -> Processes,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            units: 2,
            cards: 2,
            ack_path: AckPath::Direct,
            output_rule: OutputRule::Parallel,
            external: false,
            voters: None,
            timing: Timing::default(),
            speeds: Speeds::default(),
            seed: 1,
            tracing: Tracing::Off,
            canary: false,
            keep_messages: false,
            torn: None,
            late_cards: 0,
            first_epoch: Epoch(1),
            most_steps: u64::MAX,
            keeps: false,
            processes: in_the_box,
        }
    }
}

/// `fib` and `table`.
fn in_the_box() -> Processes {
    vec![Box::new(fib::Fib), Box::new(table::Table)]
}

impl Builder {
    /// How many control units: 1 to 8.
    #[must_use]
    pub fn units(mut self, units: u8) -> Self {
        self.units = units;
        self
    }

    /// How many cards.
    #[must_use]
    pub fn cards(mut self, cards: u16) -> Self {
        self.cards = cards;
        self
    }

    /// How acks reach standbys.
    #[must_use]
    pub fn ack_path(mut self, path: AckPath) -> Self {
        self.ack_path = path;
        self
    }

    /// When cards are sent an op.
    #[must_use]
    pub fn output_rule(mut self, rule: OutputRule) -> Self {
        self.output_rule = rule;
        self
    }

    /// A register outside the protocol decides who is primary, instead of voters.
    #[must_use]
    pub fn external_arbiter(mut self) -> Self {
        self.external = true;
        self
    }

    /// These are the voters. Default: all units, and so many cards that the number is odd and at least 3.
    #[must_use]
    pub fn voters(mut self, voters: Vec<Party>) -> Self {
        self.voters = Some(voters);
        self
    }

    /// Periods of the protocol.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Speeds of the world.
    #[must_use]
    pub fn speeds(mut self, speeds: Speeds) -> Self {
        self.speeds = speeds;
        self
    }

    /// What all chance follows from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What is done with the trace: by default there is none.
    #[must_use]
    pub fn trace(mut self, tracing: Tracing) -> Self {
        self.tracing = tracing;
        self
    }

    /// Adds a checker that must fail where a card dies.
    #[must_use]
    pub fn canary(mut self) -> Self {
        self.canary = true;
        self
    }

    /// Keeps every message that is sent, for `World::messages`.
    #[must_use]
    pub fn keep_messages(mut self) -> Self {
        self.keep_messages = true;
        self
    }

    /// One frame in `one_in` is torn or merged with others on its way; 0: none. Default: chance of the seed.
    #[must_use]
    pub fn torn(mut self, one_in: u64) -> Self {
        self.torn = Some(one_in);
        self
    }

    /// The last `cards` cards are configured, but are not started with the others: `World::restart` adds them.
    #[must_use]
    pub fn late_cards(mut self, cards: u16) -> Self {
        self.late_cards = cards;
        self
    }

    /// The first epoch that can be claimed: the one before it was claimed everywhere, and never opened. Default: 1.
    #[must_use]
    pub fn first_epoch(mut self, epoch: Epoch) -> Self {
        self.first_epoch = epoch;
        self
    }

    /// More steps break the property `progress`. Default: no bound.
    #[must_use]
    pub fn most_steps(mut self, steps: u64) -> Self {
        self.most_steps = steps;
        self
    }

    /// Control units keep their state on disk. By default they do not.
    #[must_use]
    pub fn keeps(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// The processes of every party, instead of `fib` and `table`.
    #[must_use]
    pub fn processes(mut self, processes: fn() -> Processes) -> Self {
        self.processes = processes;
        self
    }

    fn default_voters(units: &[UnitId], cards: &[CardId]) -> Vec<Party> {
        let mut voters: Vec<Party> = units.iter().map(|unit| Party::Unit(*unit)).collect();
        for card in cards {
            if voters.len() >= 3 && voters.len() % 2 == 1 {
                break;
            }
            voters.push(Party::Card(*card));
        }
        voters
    }

    /// Builds the world and starts every party.
    #[must_use]
    pub fn build(self) -> World {
        let early = self.cards.saturating_sub(self.late_cards);
        let mut world = self.build_stopped();
        let parties: Vec<Party> = world.hosts.keys().copied().collect();
        let starts = |party: &Party| match party {
            Party::Unit(_) => true,
            Party::Card(card) => card.0 <= early,
        };
        parties.into_iter().filter(starts).for_each(|party| world.restart(party));
        world
    }

    /// Builds the world with nothing running.
    #[must_use]
    pub fn build_stopped(self) -> World {
        let units: Vec<UnitId> = (1..=self.units).map(UnitId).collect();
        let cards: Vec<CardId> = (1..=self.cards).map(CardId).collect();
        let arbiter = if self.external {
            ArbiterKind::External
        } else {
            let voters = self.voters.unwrap_or_else(|| Self::default_voters(&units, &cards));
            ArbiterKind::Voters(voters)
        };
        let processes: Vec<ProcessId> = (self.processes)().iter().map(|process| process.id()).collect();
        let torn = self.torn.unwrap_or_else(|| Random::new(!self.seed).pick(TORN).unwrap_or_default());
        let former = former_claim(self.first_epoch, units.first().copied().unwrap_or_default());
        let parties = units.iter().map(|unit| Party::Unit(*unit));
        let parties: Vec<Party> = parties.chain(cards.iter().map(|card| Party::Card(*card))).collect();
        let tables = |party: &Party| match party {
            Party::Unit(_) => Host::new(&[]),
            Party::Card(_) => Host::new(&processes),
        };
        let mut checkers = Checkers::all();
        if self.canary {
            checkers.add_canary();
        }
        let mut world = World {
            hosts: parties.iter().map(|party| (*party, tables(party))).collect(),
            chassis: Chassis {
                name: "simulated".into(),
                digest_key: 0x0123_4567_89ab_cdef,
                units,
                cards: cards.clone(),
                arbiter,
                ack_path: self.ack_path,
                output_rule: self.output_rule,
                timing: self.timing,
            },
            cards,
            processes,
            make_processes: self.processes,
            speeds: self.speeds,
            seed: self.seed,
            random: Random::new(self.seed),
            clock: Clock::new(),
            network: Network::new(torn),
            arbiter: Arbiter { record: former.voter.accepted.clone(), ..Arbiter::default() },
            oracle: Oracle::default(),
            checkers,
            trace: Trace::new(self.tracing),
            events: Vec::new(),
            keep_messages: self.keep_messages,
            messages: Vec::new(),
            acks: Acks::default(),
            epochs: std::collections::BTreeMap::new(),
            dialing: std::collections::BTreeSet::new(),
            lives: 0,
            violation: None,
            at_once: 0,
            steps: 0,
            most_steps: self.most_steps,
            recoveries: 0,
            witness: Some(Box::default()),
            ambush: None,
            met: Vec::new(),
        };
        if self.keeps {
            world.hosts.values_mut().for_each(|host| host.keeping.turn_on());
        }
        if former != Durable::default() {
            world.hosts.values_mut().for_each(|host| host.disk.preload(&former));
        }
        world
    }
}

/// What every party holds where the epoch before `first` was claimed by `owner` and never opened.
fn former_claim(first: Epoch, owner: UnitId) -> Durable {
    let epoch = Epoch(first.0.saturating_sub(1));
    if epoch == Epoch(0) {
        return Durable::default();
    }
    let accepted = Record::default().claimed_by(owner, epoch);
    let voter = VoterState { promised: Ballot { epoch, unit: owner }, accepted };
    Durable { promised: epoch, owner, voter }
}
