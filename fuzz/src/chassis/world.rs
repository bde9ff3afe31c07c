//! A small chassis of real cores: what they send each other waits until the input delivers, changes or drops it.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::arbiter::Record;
use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Epoch, Life, Party, Time, UnitId};
use hitless_proto::input::Input;
use hitless_proto::io::{ArbiterRequest, Event, Output, Verdict};
use hitless_proto::message::Message;
use hitless_proto::wire::{decode, encode};

use super::host::{Batch, Host};

/// Calls of cores for one input: what keeps a small input quick.
const MOST_CALLS: usize = 1500;
/// Outputs that one core may have at once. The largest honest burst, all leaves asked for, has 4096.
const MOST_OUTPUTS: usize = 3 * 4096;
/// Messages that wait on one link. More are dropped with it, as a full queue closes a link.
const MOST_QUEUED: usize = 4096;
/// Microseconds that every action takes.
const TICK: u64 = 500;

/// Place of a party: units first, then cards.
pub(super) type Place = usize;

/// The shape of a chassis, from one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape(pub(super) u8);

impl Shape {
    /// Number of shapes.
    pub(super) const ALL: u8 = 32;

    fn chassis(self) -> Chassis {
        let flag = |bit: u8| self.0 >> bit & 1 != 0;
        let units: Vec<UnitId> = (1..=2 + u8::from(flag(0))).map(UnitId).collect();
        let cards: Vec<CardId> = (1..=1 + u16::from(flag(1))).map(CardId).collect();
        let mut voters: Vec<Party> = units.iter().map(|unit| Party::Unit(*unit)).collect();
        if voters.len() == 2 {
            voters.push(Party::Card(CardId(1)));
        }
        Chassis {
            name: "fuzz".to_owned(),
            digest_key: 7,
            units,
            cards,
            arbiter: if flag(2) { ArbiterKind::External } else { ArbiterKind::Voters(voters) },
            ack_path: if flag(3) { AckPath::Relayed } else { AckPath::Direct },
            output_rule: if flag(4) { OutputRule::Gated } else { OutputRule::Parallel },
            timing: Timing {
                campaign: 1_000,
                ack_overdue: 20_000,
                retry: 5_000,
                evict: 50_000,
                audit: 100_000,
                switchover: 20_000,
            },
        }
    }
}

/// The chassis and everything around it.
#[derive(Clone)]
pub(super) struct World {
    chassis: Chassis,
    pub(super) hosts: Vec<Host>,
    /// `(from, to)`: what was sent and not taken yet. There is an entry while `to` believes that the link is up.
    pub(super) wires: BTreeMap<(Place, Place), VecDeque<Message>>,
    record: Record,
    pub(super) now: Time,
    calls: usize,
    /// Something was said that no correct party says: from here on nobody is accused wrongly.
    pub(super) forged: bool,
    /// The last messages that were delivered.
    pub(super) past: VecDeque<Message>,
}

impl World {
    pub(super) fn new(shape: Shape) -> Self {
        let chassis = shape.chassis();
        let units = chassis.units.iter().map(|unit| Party::Unit(*unit));
        let parties = units.chain(chassis.cards.iter().map(|card| Party::Card(*card)));
        let hosts = (1..).zip(parties).map(|(at, party)| Host::new(&chassis, party, Life(at << 32), Time(1)));
        Self {
            hosts: hosts.collect(),
            chassis,
            wires: BTreeMap::new(),
            record: Record::default(),
            now: Time(1),
            calls: 0,
            forged: false,
            past: VecDeque::new(),
        }
    }

    pub(super) fn is_tired(&self) -> bool {
        self.calls >= MOST_CALLS
    }

    /// A new input begins here.
    pub(super) fn rested(mut self) -> Self {
        self.calls = 0;
        self
    }

    pub(super) fn tick(&mut self) {
        self.now = self.now.after(TICK);
    }

    fn place(&self, party: Party) -> Option<Place> {
        self.hosts.iter().position(|host| host.party == party)
    }

    /// Whether these two have a link: cards have none with each other.
    fn linked(&self, a: Place, b: Place) -> bool {
        a != b && [a, b].iter().any(|place| matches!(self.hosts[*place].party, Party::Unit(_)))
    }

    /// Gives a core an input, without taking its outputs.
    pub(super) fn take(&mut self, place: Place, input: Input) {
        self.calls += 1;
        self.hosts[place].take(input, self.now);
    }

    pub(super) fn connect(&mut self, a: Place, b: Place) {
        if !self.linked(a, b) {
            return;
        }
        for (own, other) in [(a, b), (b, a)] {
            self.disconnect(own, other);
            let (peer, life) = (self.hosts[other].party, self.hosts[other].life);
            self.wires.insert((other, own), VecDeque::new());
            self.take(own, Input::Connected { peer, life });
        }
    }

    /// One end sees the end of the link; the other may go on for a while.
    pub(super) fn disconnect(&mut self, own: Place, other: Place) {
        if self.wires.remove(&(other, own)).is_some() {
            let peer = self.hosts[other].party;
            self.take(own, Input::Disconnected { peer });
        }
    }

    pub(super) fn connect_all(&mut self) {
        for a in 0..self.hosts.len() {
            for b in a + 1..self.hosts.len() {
                if !self.wires.contains_key(&(a, b)) || !self.wires.contains_key(&(b, a)) {
                    self.connect(a, b);
                }
            }
        }
    }

    pub(super) fn restart(&mut self, place: Place, keep_table: bool) {
        let now = self.now;
        self.hosts[place].restart(&self.chassis, now, keep_table);
        self.wires.retain(|(_, to), _| *to != place);
    }

    /// The oldest message of a link arrives.
    pub(super) fn deliver(&mut self, from: Place, to: Place) -> bool {
        let Some(message) = self.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front) else {
            return false;
        };
        self.past.push_back(message.clone());
        if self.past.len() > 8 {
            self.past.pop_front();
        }
        self.hear(from, to, message);
        true
    }

    /// `to` hears this from `from`, whoever said it.
    pub(super) fn hear(&mut self, from: Place, to: Place, message: Message) {
        let from = self.hosts[from].party;
        self.take(to, Input::Message { from, message });
    }

    /// Takes all outputs of a core that was given something. There must be an end to them, and what is sent must be readable.
    pub(super) fn drain(&mut self, place: Place) {
        if std::mem::take(&mut self.hosts[place].stirred) {
            self.drain_all(place);
        }
    }

    /// Takes all outputs of a core, also where it should have none.
    pub(super) fn drain_all(&mut self, place: Place) {
        let mut accused = Vec::new();
        for count in 0.. {
            assert!(count < MOST_OUTPUTS, "{}: no end of outputs", self.hosts[place].party);
            let Some(output) = self.hosts[place].poll() else { break };
            match output {
                Output::Transmit { to, message } => self.send(place, to, message),
                Output::Persist { token, durable } => self.hosts[place].persists.push_back((token, durable)),
                Output::Apply { process, batch, writes } => {
                    let batches = &mut self.hosts[place].batches;
                    assert!(batches.iter().all(|batch| batch.process != process), "two batches at a time");
                    batches.push_back(Batch { process, number: batch, writes });
                }
                Output::Arbitrate(request) => {
                    let former = self.hosts[place].request.replace(request);
                    assert!(former.is_none() || self.forged, "two requests at a time");
                }
                Output::Event(Event::Misbehaved { peer, error }) => {
                    assert!(self.forged, "{} accuses {peer}: {error}", self.hosts[place].party);
                    accused.extend(self.place(peer));
                }
                Output::Event(event) => drop(format!("{event:?}")),
            }
        }
        self.hosts[place].check();
        // As the driver does.
        accused.into_iter().for_each(|peer| self.disconnect(place, peer));
    }

    fn send(&mut self, from: Place, to: Party, message: Message) {
        let body = encode(&message);
        assert_eq!(decode(&body).as_ref(), Ok(&message), "a message that its receiver cannot read");
        let Some(to) = self.place(to) else { return };
        if let Some(wire) = self.wires.get_mut(&(from, to)) {
            wire.push_back(message);
            if wire.len() > MOST_QUEUED {
                self.disconnect(to, from);
            }
        }
    }

    /// A timeout of one party, at once or when it is due. What is due must not be due again for ever.
    pub(super) fn timeout(&mut self, place: Place, wait: bool) {
        if wait && let Some(due) = self.hosts[place].next_timeout() {
            self.now = self.now.max(due);
        }
        for again in 0.. {
            assert!(again < 16, "{}: a timeout is due again and again", self.hosts[place].party);
            self.take(place, Input::Timeout);
            self.drain(place);
            if self.hosts[place].next_timeout().is_none_or(|due| due > self.now) {
                break;
            }
        }
    }

    /// The external arbiter answers, as a correct one does.
    pub(super) fn judge(&mut self, place: Place) {
        let Some(request) = self.hosts[place].request.take() else { return };
        let record = &self.record;
        let verdict = match request {
            ArbiterRequest::Claim { unit, life, recovering } => {
                let never_opened = record.in_sync.is_empty() && !record.opened;
                let epoch = Epoch(record.epoch.0.saturating_add(1));
                if record.admits(unit, life) || never_opened || recovering.as_ref() == Some(record) {
                    self.record = record.claimed_by(unit, epoch);
                    Verdict::Granted(self.record.clone())
                } else {
                    Verdict::Denied(record.clone())
                }
            }
            ArbiterRequest::Write(new) => {
                let same = (new.epoch, new.owner) == (record.epoch, record.owner);
                if same && new.version >= record.version {
                    self.record = new.clone();
                    Verdict::Written(new)
                } else {
                    Verdict::Superseded(record.clone())
                }
            }
        };
        self.take(place, Input::Verdict(verdict));
    }

    /// Everybody does what there is to do, fairly, for so many rounds; time passes only where nothing else happens.
    pub(super) fn settle(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let before = self.calls;
            for place in 0..self.hosts.len() {
                self.drain(place);
                self.judge(place);
                while !self.hosts[place].persists.is_empty() {
                    self.calls += 1;
                    self.hosts[place].persisted(true, self.now);
                }
                while !self.hosts[place].batches.is_empty() {
                    self.calls += 1;
                    self.hosts[place].applied(0, self.now);
                }
                self.drain(place);
            }
            let wires: Vec<(Place, Place)> = self.wires.keys().copied().collect();
            for (from, to) in wires {
                let waiting = self.wires.get(&(from, to)).map_or(0, VecDeque::len);
                for _ in 0..waiting {
                    if self.is_tired() {
                        return;
                    }
                    self.deliver(from, to);
                }
                self.drain(to);
            }
            if self.calls == before && !self.pass_time() {
                return;
            }
            self.tick();
        }
    }

    /// The next timeout of anybody.
    fn pass_time(&mut self) -> bool {
        let due = |host: &Host| host.next_timeout();
        let next = (0..self.hosts.len()).filter_map(|at| Some((due(&self.hosts[at])?, at))).min();
        next.map(|(_, place)| self.timeout(place, true)).is_some()
    }
}
