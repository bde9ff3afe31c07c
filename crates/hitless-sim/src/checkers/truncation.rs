//! Truncation stays below stable: a card keeps the ack history of every op that it was not told to be stable, and a log
//! drops no op that is not.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::message::{CardOps, Message, ToCard};

use super::{Checker, Scene, Seen};
use crate::world::World;

/// The ops of one beginning of a channel that the card was not told to be stable.
#[derive(Default)]
struct Channel {
    begun: (Epoch, u32),
    ops: VecDeque<Seq>,
}

/// A log as it was seen last.
#[derive(Clone, Copy)]
struct Logged {
    /// The beginning of its stream.
    begun: (bool, Epoch, u32),
    /// The position before its first op.
    from: Seq,
}

#[derive(Default)]
pub(super) struct Truncation {
    channels: BTreeMap<(CardId, ProcessId), Channel>,
    logs: BTreeMap<(UnitId, ProcessId), Logged>,
}

impl Truncation {
    fn delivered(&mut self, card: CardId, ops: &CardOps) {
        let channel = self.channels.entry((card, ops.process)).or_default();
        let begun = (ops.epoch, ops.session);
        if begun > channel.begun {
            *channel = Channel { begun, ops: VecDeque::new() };
        }
        if begun == channel.begun {
            channel.ops.extend(ops.ops.iter().map(|op| op.version.seq));
            while channel.ops.pop_front_if(|seq| *seq <= ops.stable).is_some() {}
        }
    }

    fn card_stepped(&self, world: &World, id: CardId, process: ProcessId) -> Result<(), String> {
        let Some(progress) = world.card(id).and_then(|card| card.progress(process)) else { return Ok(()) };
        let begun = (progress.epoch, progress.session);
        let channel = self.channels.get(&(id, process)).filter(|channel| channel.begun == begun);
        let Some(channel) = channel.filter(|_| !progress.history_cut) else { return Ok(()) };
        let applied = channel.ops.partition_point(|seq| *seq <= progress.applied.seq);
        if progress.history >= applied {
            return Ok(());
        }
        Err(format!(
            "{id} {process}: {applied} ops are applied and not stable, {} are remembered",
            progress.history
        ))
    }

    fn unit_stepped(&mut self, world: &World, id: UnitId, process: ProcessId) -> Result<(), String> {
        let Some(progress) = world.unit(id).and_then(|unit| unit.progress(process)) else { return Ok(()) };
        let (begun, from) = ((progress.leads, progress.epoch, progress.session), progress.log_from);
        let before = self.logs.insert((id, process), Logged { begun, from });
        match before.filter(|before| before.begun == begun && from > before.from && from > progress.stable) {
            Some(before) => {
                let stable = progress.stable;
                Err(format!(
                    "{id} {process} drops its log from {} to {from}, stable is {stable}",
                    before.from
                ))
            }
            None => Ok(()),
        }
    }
}

impl Checker for Truncation {
    fn property(&self) -> &'static str {
        "truncation stays below stable"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Started { party: Party::Card(card) } = seen {
            self.channels.retain(|(of, _), _| of != card);
        }
        if let Seen::Started { party: Party::Unit(unit) } = seen {
            // It may begin where its store was.
            self.logs.retain(|(of, _), _| of != unit);
        }
        if let Seen::Delivered { to: Party::Card(card), message: Message::ToCard(ToCard::Ops(ops)) } = seen {
            self.delivered(*card, ops);
        }
        let Seen::Stepped { party } = seen else { return Ok(()) };
        scene.world.processes().iter().try_for_each(|process| match party {
            Party::Card(card) => self.card_stepped(scene.world, *card, *process),
            Party::Unit(unit) => self.unit_stepped(scene.world, *unit, *process),
        })
    }
}
