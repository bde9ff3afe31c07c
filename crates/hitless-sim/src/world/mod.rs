//! The world: every party of a chassis, the network between them, their disks and tables, on one clock.

mod arrivals;
mod builder;
mod commands;
mod keeping;
mod links;
mod outputs;
mod parties;
mod tables;
mod view;
mod wires;

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::config::Chassis;
use hitless_proto::ids::{CardId, Epoch, Life, Party, ProcessId, Time, UnitId};
use hitless_proto::io::{ArbiterRequest, Event, Verdict, Write};
use hitless_proto::message::Message;

use crate::arbiter::{self, Arbiter, Fate};
use crate::checkers::{Checkers, Seen, Violation};
use crate::clock::Clock;
use crate::coverage::Row;
use crate::coverage::witness::Witness;
use crate::moments::{Ambush, Deed};
use crate::network::{End, Network};
use crate::oracle::Oracle;
use crate::process::{Host, Machine};
use crate::random::Random;
use crate::trace::Trace;

pub use builder::Builder;
use wires::Acks;

/// What is in the calendar.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// The first parcel of a pipe is due.
    Arrive { connection: u64, to: End },
    /// The dialer of a pair tries.
    Dial { dialer: Party, acceptor: Party },
    /// A dial reaches the acceptor.
    Accept { connection: u64 },
    /// The acceptor's greeting reaches the dialer.
    Establish { connection: u64 },
    /// Heartbeats were missed for long enough, perhaps.
    Suspect { connection: u64, end: End },
    /// Heartbeats were missed, by the clock of this end.
    Missed { connection: u64, end: End },
    /// A frame that was begun should be complete.
    FrameDue { connection: u64, to: End },
    /// A write of durable state comes to its end.
    Persisted { party: Party, life: Life, token: u64 },
    /// The store of a unit's state is done with a batch.
    Kept { party: Party, life: Life },
    /// A forwarding table is done with a batch.
    Applied { party: Party, life: Life, process: ProcessId, batch: u64, writes: Vec<Write> },
    /// The external arbiter takes a request.
    Decide { party: Party, life: Life, request: ArbiterRequest },
    /// The external arbiter answers.
    Answer { party: Party, life: Life, verdict: Verdict },
    /// The operator tells a unit not to wait for a card.
    Forgo { party: Party, life: Life, card: CardId },
}

impl Happening {
    /// The party that must be scheduled for it to happen.
    fn for_whom(&self, network: &Network) -> Option<Party> {
        match self {
            Self::Suspect { connection, end }
            | Self::Missed { connection, end }
            | Self::FrameDue { connection, to: end } => {
                network.connections.get(connection).map(|connection| connection.party(*end))
            }
            Self::Persisted { party, .. }
            | Self::Kept { party, .. }
            | Self::Applied { party, .. }
            | Self::Answer { party, .. }
            | Self::Forgo { party, .. } => Some(*party),
            Self::Dial { dialer, .. } => Some(*dialer),
            Self::Arrive { .. } | Self::Accept { .. } | Self::Establish { .. } | Self::Decide { .. } => None,
        }
    }
}

/// How fast things are. Microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    /// Delay of a message: least and most.
    pub delay: (u64, u64),
    /// Time between inputs and the draining of outputs: batches form meanwhile.
    pub drain: u64,
    /// A write to disk: least and most.
    pub disk: (u64, u64),
    /// A batch and one write of a forwarding table.
    pub table: (u64, u64),
    /// Heartbeats missed for so long mean a dead peer.
    pub liveness: u64,
    /// Pause between two dials.
    pub redial: u64,
}

impl Default for Speeds {
    fn default() -> Self {
        Self {
            delay: (50, 300),
            drain: 50,
            disk: (100, 2_000),
            table: (50, 5),
            liveness: 500_000,
            redial: 50_000,
        }
    }
}

/// A message that was sent, where messages are recorded.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Time,
    /// By whom.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// What.
    pub message: Message,
}

/// A chassis in a box.
pub struct World {
    pub(crate) chassis: Chassis,
    /// Without those that are gone for good.
    pub(crate) cards: Vec<CardId>,
    pub(crate) processes: Vec<ProcessId>,
    pub(crate) make_processes: fn() -> hitless_proto::process::Processes,
    pub(crate) speeds: Speeds,
    seed: u64,
    pub(crate) random: Random,
    pub(crate) clock: Clock<Happening>,
    pub(crate) network: Network,
    pub(crate) hosts: BTreeMap<Party, Host>,
    pub(crate) arbiter: Arbiter,
    pub(crate) oracle: Oracle,
    pub(crate) checkers: Checkers,
    pub(crate) trace: Trace,
    pub(crate) events: Vec<(Time, Party, Event)>,
    pub(crate) keep_messages: bool,
    pub(crate) messages: Vec<Sent>,
    /// Acks that reached a unit, to be repeated.
    pub(crate) acks: Acks,
    /// The epoch that each unit said last that it acts in.
    pub(crate) epochs: BTreeMap<UnitId, Epoch>,
    /// Pairs whose dialer has a dial in the calendar.
    pub(crate) dialing: BTreeSet<(Party, Party)>,
    pub(crate) lives: u64,
    violation: Option<Violation>,
    /// Steps at this instant.
    at_once: u64,
    /// Steps taken, and after how many the run is taken to go round in circles.
    pub(crate) steps: u64,
    pub(crate) most_steps: u64,
    /// A unit became primary out of what cards hold.
    pub(crate) recoveries: u64,
    /// What is counted for coverage; gone only while it looks at the world.
    pub(crate) witness: Option<Box<Witness>>,
    pub(crate) ambush: Option<Ambush>,
    /// Whom ambushes met, until the runner takes note.
    pub(crate) met: Vec<(Party, Deed)>,
}

impl World {
    /// A chassis to be described.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Simulated time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets the next thing happen. `false`: nothing ever will.
    ///
    /// # Errors
    /// The property that is broken.
    pub fn step(&mut self) -> Result<bool, Violation> {
        let Some(at) = self.next_at() else { return self.verdict().map(|()| false) };
        self.at_once = if at > self.now() { 0 } else { self.at_once + 1 };
        self.clock.advance(at);
        self.draw_anew(self.at_once);
        self.steps += 1;
        if self.steps > self.most_steps {
            self.fail("progress", format!("more than {} steps in one run", self.most_steps));
        }
        if self.ambush.is_some() {
            self.look_around();
        }
        match self.clock.take_due() {
            Some(happening) => self.happen(happening),
            None => self.act(),
        }
        self.verdict().map(|()| true)
    }

    /// What is drawn from now on follows from the seed, the time and `what`, not from what was drawn before: so a run from
    /// which something is left out goes on as before wherever that has no effect.
    pub(crate) fn draw_anew(&mut self, what: u64) {
        let at = Random::new(self.seed).number() ^ self.now().0;
        let mut drawn = Random::new(at);
        self.random = Random::new(drawn.number() ^ what);
    }

    fn next_at(&self) -> Option<Time> {
        let hosts = self.hosts.values().filter_map(Host::next_at).min();
        let at = hosts.into_iter().chain(self.clock.next_at()).min()?;
        Some(at.max(self.now()))
    }

    pub(crate) fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn fail(&mut self, property: &'static str, what: String) {
        let at = self.now();
        self.trace.line(at, || format!("VIOLATION {property}: {what}"));
        self.violation.get_or_insert(Violation { property, what, at });
    }

    /// A host is due by itself: it drains, or its timeout has come.
    fn act(&mut self) {
        let now = self.now();
        let due = |host: &Host| host.next_at().is_some_and(|at| at <= now);
        let Some(party) = self.hosts.iter().find(|(_, host)| due(host)).map(|(party, _)| *party) else {
            return;
        };
        let Some(host) = self.hosts.get_mut(&party) else { return };
        if host.poll_at.is_none_or(|at| at > now) {
            match &mut host.machine {
                Some(Machine::Unit(unit)) => unit.handle_timeout(host.clock.read(now)),
                Some(Machine::Card(card)) => card.handle_timeout(host.clock.read(now)),
                None => {}
            }
        }
        host.poll_at = None;
        self.drain(party);
    }

    fn happen(&mut self, happening: Happening) {
        if let Some(party) = happening.for_whom(&self.network)
            && let Some(host) = self.hosts.get_mut(&party).filter(|host| host.frozen.is_some())
        {
            host.backlog.push(happening);
            return;
        }
        match happening {
            Happening::Arrive { connection, to } => self.arrive(connection, to),
            Happening::Dial { dialer, acceptor } => self.dial(dialer, acceptor),
            Happening::Accept { connection } => self.accept(connection),
            Happening::Establish { connection } => self.establish(connection),
            Happening::Suspect { connection, end } => self.suspect(connection, end),
            Happening::Missed { connection, end } => self.missed(connection, end),
            Happening::FrameDue { connection, to } => self.frame_due(connection, to),
            Happening::Persisted { party, life, token } => self.persisted(party, life, token),
            Happening::Kept { party, life } => self.kept(party, life),
            Happening::Applied { party, life, process, batch, writes } => {
                self.applied((party, life), process, (batch, &writes));
            }
            Happening::Decide { party, life, request } => self.decide((party, life), request),
            Happening::Answer { party, life, verdict } => {
                if self.lives(party, life) {
                    self.witness(|witness, _| witness.answered(party));
                    self.tell(party, |machine, now| match machine {
                        Machine::Unit(unit) => unit.handle_verdict(verdict, now),
                        Machine::Card(_) => {}
                    });
                }
            }
            Happening::Forgo { party, life, card } => {
                if self.lives(party, life) {
                    self.tell(party, |machine, now| match machine {
                        Machine::Unit(unit) => unit.forgo(Party::Card(card), now),
                        Machine::Card(_) => {}
                    });
                }
            }
        }
    }

    /// The external arbiter is asked.
    fn decide(&mut self, (party, life): (Party, Life), request: ArbiterRequest) {
        let fate = self.arbiter.take(request, &mut self.random);
        let now = self.now();
        let (verdict, pause) = match fate {
            Fate::Answered(verdict) => {
                self.trace.line(now, || format!("arbiter to {party}: {verdict:?}"));
                (verdict, self.random.between(100, 3_000) * self.arbiter.slow.max(1))
            }
            Fate::Lost(decided) => {
                if let Some(Verdict::Granted(_)) = decided {
                    self.hit(Row::ClaimAnswerLost, party);
                }
                self.trace.line(now, || format!("arbiter to {party}: no answer; decided: {decided:?}"));
                (Verdict::Unavailable("the arbiter did not answer".into()), arbiter::PATIENCE)
            }
        };
        self.clock.plan(now.after(pause), Happening::Answer { party, life, verdict });
    }

    pub(crate) fn lives(&self, party: Party, life: Life) -> bool {
        self.hosts.get(&party).is_some_and(|host| host.alive() && host.life == life)
    }

    /// Gives a machine an input; its outputs are drained a little later, with those of other inputs.
    pub(crate) fn tell(&mut self, party: Party, input: impl FnOnce(&mut Machine, Time)) {
        let now = self.now();
        let at = now.after(self.random.below(self.speeds.drain + 1));
        let Some(host) = self.hosts.get_mut(&party) else { return };
        let Some(machine) = &mut host.machine else { return };
        input(machine, host.clock.read(now));
        host.poll_at = Some(host.poll_at.map_or(at, |planned| planned.min(at)));
    }

    pub(crate) fn see(&mut self, seen: &Seen<'_>) {
        let mut checkers = std::mem::take(&mut self.checkers);
        let found = checkers.see(self, seen);
        self.checkers = checkers;
        if let Err((property, what)) = found {
            self.fail(property, what);
        }
        self.witness(|witness, world| witness.see(world, seen));
    }

    /// Lets the witness look at the world.
    pub(crate) fn witness(&mut self, look: impl FnOnce(&mut Witness, &Self)) {
        if let Some(mut witness) = self.witness.take() {
            look(&mut witness, self);
            self.witness = Some(witness);
        }
    }
}
