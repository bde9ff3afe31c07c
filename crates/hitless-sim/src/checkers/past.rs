//! What happened so far, where more than one checker must remember it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hitless_proto::entry::{Blob, CardOp, Update};
use hitless_proto::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use hitless_proto::io::{Event, Role};
use hitless_proto::limits::BATCH_OPS;
use hitless_proto::message::{FromCard, FromStandby, Message, ToCard, ToStandby, UnitMessage};
use hitless_proto::{Card, ControlUnit};

use super::Seen;
use super::plans::Plans;
use crate::world::World;

/// Something that was delivered to a card and may take effect.
struct Waiting {
    /// The beginning of the channel that it belongs to.
    begun: (Epoch, u32),
    version: Version,
    key: Blob,
    /// It is an op of the stream, not a fill.
    is_op: bool,
    deletes: bool,
}

/// A channel at its card: what was delivered and may take effect, and what the card holds.
#[derive(Default)]
struct Channel {
    /// Oldest first.
    waiting: VecDeque<Waiting>,
    batches: u64,
    /// With the number of rebuilds there were when it was seen.
    held: BTreeMap<Blob, (Version, u32)>,
}

/// A process at its unit, while the unit is in sync or leads.
#[derive(Default)]
struct Replica {
    /// Up to where its log was looked at.
    seen: Seq,
    held: BTreeMap<Blob, Version>,
}

/// What follows from a step.
pub(super) enum Fact {
    Issued { unit: UnitId, process: ProcessId, update: Arc<Update> },
    Held { party: Party, process: ProcessId, key: Blob, was: Option<Version>, is: Version },
}

impl Fact {
    pub(super) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Issued { unit, process, update } => Seen::Issued { unit: *unit, process: *process, update },
            Self::Held { party, process, key, was, is } => {
                Seen::Held { party: *party, process: *process, key, was: *was, is: *is }
            }
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Past {
    acked: BTreeMap<(CardId, ProcessId), (Epoch, Seq)>,
    received: BTreeMap<(UnitId, Life, ProcessId), (Epoch, Seq)>,
    issued: BTreeMap<(ProcessId, Epoch), Seq>,
    led: BTreeMap<(UnitId, ProcessId), Version>,
    opened: BTreeMap<Epoch, UnitId>,
    channels: BTreeMap<(CardId, ProcessId), Channel>,
    replicas: BTreeMap<(UnitId, ProcessId), Replica>,
    /// Keys that a unit was filled with on its way to be in sync.
    filled: BTreeMap<(UnitId, ProcessId), BTreeSet<Blob>>,
    /// How often the state was rebuilt from the cards.
    rebuilds: u32,
    /// Takeovers that are under way.
    pub(super) plans: Plans,
}

impl Past {
    /// Up to where a card acked a channel aloud, in the newest epoch in which it did.
    pub(super) fn acked(&self, card: CardId, process: ProcessId) -> (Epoch, Seq) {
        self.acked.get(&(card, process)).copied().unwrap_or_default()
    }

    /// The highest position that was issued in an epoch.
    pub(super) fn issued(&self, process: ProcessId, epoch: Epoch) -> Seq {
        self.issued.get(&(process, epoch)).copied().unwrap_or_default()
    }

    /// The newest epoch that was opened, and by whom.
    pub(super) fn newest_opened(&self) -> Option<(Epoch, UnitId)> {
        self.opened.last_key_value().map(|(epoch, unit)| (*epoch, *unit))
    }

    /// What a card holds in this life, as far as it was sent it: keys and their versions.
    pub(super) fn held(&self, card: CardId, process: ProcessId) -> impl Iterator<Item = (&Blob, &Version)> {
        let held = self.channels.get(&(card, process)).into_iter().flat_map(|channel| channel.held.iter());
        held.map(|(key, (version, _))| (key, version))
    }

    /// The delete of `key` that a card was given and has not done yet.
    pub(super) fn deleting(&self, card: CardId, process: ProcessId, key: &Blob) -> Option<Version> {
        let waiting = &self.channels.get(&(card, process))?.waiting;
        waiting.iter().find(|work| work.deletes && work.key == *key).map(|work| work.version)
    }

    /// A unit that is in sync with `unit` by the record, and was not seen with all ops up to here.
    pub(super) fn lacking(
        &self,
        unit: &ControlUnit,
        (epoch, seq): (Epoch, Seq),
        process: ProcessId,
    ) -> Option<UnitId> {
        let (record, _) = unit.records()?;
        let others = record.in_sync.iter().filter(|member| member.0 != record.owner);
        let lacks = |(member, life): &&(UnitId, Life)| {
            self.received.get(&(*member, *life, process)).is_none_or(|received| *received < (epoch, seq))
        };
        others.into_iter().find(lacks).map(|member| member.0)
    }

    /// Takes note, and says what follows.
    pub(super) fn note(&mut self, world: &World, seen: &Seen<'_>, facts: &mut Vec<Fact>) {
        self.plans.note(world, seen);
        match seen {
            Seen::Started { party: Party::Card(card) } => self.channels.retain(|(of, _), _| of != card),
            Seen::Started { party: Party::Unit(unit) } => self.forget(*unit),
            Seen::Sent { from, message, .. } => self.sent(world, *from, message),
            Seen::Delivered { to: Party::Card(card), message: Message::ToCard(message) } => match message {
                ToCard::Ops(ops) => {
                    self.delivered((*card, ops.process), (ops.epoch, ops.session), (&ops.ops, true))
                }
                ToCard::Fill(fill) => {
                    self.delivered((*card, fill.process), (fill.epoch, fill.session), (&fill.entries, false));
                }
                ToCard::Claim(_)
                | ToCard::Start(_)
                | ToCard::Ask(_)
                | ToCard::InStep(_)
                | ToCard::Vote(_) => {}
            },
            Seen::Delivered { to: Party::Unit(unit), message } => {
                if let Message::Unit(UnitMessage::Primary(ToStandby::Fill(fill))) = message {
                    let filled = self.filled.entry((*unit, fill.process)).or_default();
                    filled.extend(fill.entries.iter().map(|entry| entry.key.clone()));
                }
            }
            Seen::Event { party: Party::Unit(unit), event: Event::Role { role, epoch } } => match role {
                Role::Joining => self.forget(*unit),
                Role::Primary => {
                    self.opened.entry(*epoch).or_insert(*unit);
                }
                Role::TakingOver => self.rebuilt(world, *unit),
                Role::Standby | Role::HandingOver => {}
            },
            Seen::Stepped { party: Party::Card(id) } => {
                let Some(card) = world.card(*id) else { return };
                for process in world.processes() {
                    self.card_stepped((*id, card), *process, facts);
                }
            }
            Seen::Stepped { party: Party::Unit(id) } => {
                let Some(unit) = world.unit(*id) else { return };
                let life = world.life(Party::Unit(*id));
                for process in world.processes() {
                    self.unit_stepped((*id, life, unit), *process, facts);
                }
            }
            Seen::Delivered { .. }
            | Seen::Apply { .. }
            | Seen::Applied { .. }
            | Seen::Event { .. }
            | Seen::Asked { .. }
            | Seen::Healed
            | Seen::Issued { .. }
            | Seen::Held { .. } => {}
        }
    }

    /// Where the state is rebuilt from the cards, a delete that one of them forgot may be undone by another that had not
    /// seen it: from there on versions rise anew.
    fn rebuilt(&mut self, world: &World, unit: UnitId) {
        let me = (unit, world.life(Party::Unit(unit)));
        let record = world.unit(unit).and_then(ControlUnit::records).map(|(record, _)| record);
        if record.is_some_and(|record| !record.in_sync.is_empty() && !record.in_sync.contains(&me)) {
            self.rebuilds += 1;
        }
    }

    /// What a unit holds before it is in sync has no say.
    fn forget(&mut self, unit: UnitId) {
        self.replicas.retain(|(of, _), _| *of != unit);
        self.filled.retain(|(of, _), _| *of != unit);
    }

    fn sent(&mut self, world: &World, from: Party, message: &Message) {
        match (from, message) {
            // A standby that dies between two outputs is not seen to hold what it has said to.
            (
                Party::Unit(unit),
                Message::Unit(UnitMessage::Standby(FromStandby::Received { epoch, process, upto, .. })),
            ) => self.raise_received((unit, world.life(from), *process), (*epoch, *upto)),
            (Party::Card(card), Message::FromCard(FromCard::Ack(ack))) => {
                let acked = self.acked.entry((card, ack.process)).or_default();
                *acked = (*acked).max((ack.epoch, ack.applied));
            }
            // A primary that dies between two outputs is not seen to have issued what it has sent.
            (_, Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops)))) => {
                let last = ops.ops.last().map_or(ops.prev, |op| op.version.seq);
                self.raise_issued((ops.process, ops.epoch), last);
            }
            (_, Message::ToCard(ToCard::Ops(ops))) => {
                let last = ops.ops.last().map_or(ops.prev, |op| op.version.seq);
                self.raise_issued((ops.process, ops.epoch), last);
            }
            (
                _,
                Message::Unit(UnitMessage::Primary(ToStandby::Start(start)))
                | Message::ToCard(ToCard::Start(start)),
            ) => {
                self.raise_issued((start.process, start.epoch), start.base.seq);
            }
            (_, Message::Unit(_) | Message::ToCard(_) | Message::FromCard(_)) => {}
        }
    }

    fn raise_received(&mut self, of: (UnitId, Life, ProcessId), upto: (Epoch, Seq)) {
        let received = self.received.entry(of).or_default();
        *received = upto.max(*received);
    }

    fn raise_issued(&mut self, of: (ProcessId, Epoch), seq: Seq) {
        let issued = self.issued.entry(of).or_default();
        *issued = seq.max(*issued);
    }

    fn delivered(
        &mut self,
        channel: (CardId, ProcessId),
        begun: (Epoch, u32),
        (ops, is_op): (&[CardOp], bool),
    ) {
        let waiting = &mut self.channels.entry(channel).or_default().waiting;
        waiting.extend(ops.iter().map(|op| Waiting {
            begun,
            version: op.version,
            key: op.key.clone(),
            is_op,
            deletes: op.content.is_none(),
        }));
    }

    /// After a batch: of what was delivered, what took effect?
    fn card_stepped(&mut self, (id, card): (CardId, &Card), process: ProcessId, facts: &mut Vec<Fact>) {
        let Some(channel) = self.channels.get_mut(&(id, process)) else { return };
        let Some(progress) = card.progress(process).filter(|of| of.batches != channel.batches) else {
            return;
        };
        channel.batches = progress.batches;
        let now = (progress.epoch, progress.session);
        let (mut left, mut looked) = (VecDeque::new(), 0);
        // A batch takes what is first: what is behind that cannot have taken effect.
        while looked < BATCH_OPS
            && let Some(work) = channel.waiting.pop_front()
        {
            let held = card.version(process, &work.key).map(|(held, _)| held);
            let was = channel.held.get(&work.key).copied();
            // What a card found in its table when it started has no version.
            let new = held.filter(|is| was.map(|was| was.0) != Some(*is) && *is > Version::ZERO);
            if let Some(is) = new {
                let was = was.filter(|was| was.1 == self.rebuilds).map(|was| was.0);
                channel.held.insert(work.key.clone(), (is, self.rebuilds));
                facts.push(Fact::Held { party: Party::Card(id), process, key: work.key.clone(), was, is });
            }
            let done = held.is_some_and(|held| held >= work.version)
                || (work.is_op && progress.applied >= work.version);
            looked += usize::from(work.begun == now);
            if work.begun == now && !done {
                left.push_back(work);
            }
        }
        left.append(&mut channel.waiting);
        channel.waiting = left;
    }

    fn unit_stepped(
        &mut self,
        (id, life, unit): (UnitId, Life, &ControlUnit),
        process: ProcessId,
        facts: &mut Vec<Fact>,
    ) {
        let Some(progress) = unit.progress(process) else { return };
        if progress.leads {
            self.raise_issued((process, progress.epoch), progress.received.seq);
            self.led(id, unit, (process, progress.received, progress.epoch), facts);
        } else {
            self.raise_received((id, life, process), (progress.epoch, progress.received.seq));
        }
        let known = self.replicas.get(&(id, process)).is_some_and(|replica| replica.seen >= progress.folded);
        if known || unit.role() == Role::Joining {
            return;
        }
        let filled = self.filled.remove(&(id, process)).unwrap_or_default();
        let replica = self.replicas.entry((id, process)).or_insert_with(|| {
            let held = filled.into_iter().filter_map(|key| Some((key.clone(), unit.version(process, &key)?)));
            Replica { seen: progress.folded, held: held.collect() }
        });
        let seen = replica.seen;
        replica.seen = progress.folded;
        for seq in seen.max(progress.log_from).0 + 1..=progress.folded.0 {
            let Some(update) = unit.logged(process, Seq(seq)) else { continue };
            let Some(is) = unit.version(process, &update.key) else { continue };
            let was = replica.held.insert(update.key.clone(), is);
            if was != Some(is) {
                let key = update.key.clone();
                facts.push(Fact::Held { party: Party::Unit(id), process, key, was, is });
            }
        }
    }

    /// The ops that a leader issued since it was looked at last.
    fn led(
        &mut self,
        id: UnitId,
        unit: &ControlUnit,
        (process, last, epoch): (ProcessId, Version, Epoch),
        facts: &mut Vec<Fact>,
    ) {
        let led = self.led.entry((id, process)).or_default();
        if *led == last {
            return;
        }
        let from = if led.epoch == epoch { led.seq } else { Seq(0) };
        *led = last;
        let ops = (from.0 + 1..=last.seq.0).rev().map_while(|seq| unit.logged(process, Seq(seq)));
        let mut new: Vec<Arc<Update>> = ops.take_while(|op| op.version.epoch == epoch).cloned().collect();
        new.reverse();
        facts.extend(new.into_iter().map(|update| Fact::Issued { unit: id, process, update }));
    }
}
