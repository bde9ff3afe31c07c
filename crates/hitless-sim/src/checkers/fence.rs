//! No effect from an epoch below the promise: whatever a card writes was sent to it in the epoch that it promised, or is
//! there already as far as the card knows.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Blob, CardOp};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId};
use hitless_proto::io::Write;
use hitless_proto::message::{Message, ToCard};

use super::{Checker, Scene, Seen};
use crate::world::World;

type Sent = BTreeSet<(ProcessId, Blob, Option<Blob>)>;

#[derive(Default)]
pub(super) struct Fence {
    /// Per card: the epoch, and what was delivered in it.
    cards: BTreeMap<CardId, (Epoch, Sent)>,
    /// What a card wrote last, or found when it started: written again, where somebody else changed it, it is no effect.
    written: BTreeMap<(CardId, ProcessId, Blob), Option<Blob>>,
}

impl Fence {
    fn delivered(&mut self, card: CardId, epoch: Epoch, process: ProcessId, ops: &[CardOp]) {
        let of = self.cards.entry(card).or_default();
        if epoch > of.0 {
            *of = (epoch, Sent::new());
        }
        if epoch == of.0 {
            let part = |op: &CardOp| op.content.as_ref().map(|content| content.part.clone());
            of.1.extend(ops.iter().map(|op| (process, op.key.clone(), part(op))));
        }
    }

    /// A card starts, with what it finds in its forwarding tables.
    fn started(&mut self, world: &World, card: CardId) {
        self.written.retain(|(of, _, _), _| *of != card);
        for process in world.processes() {
            for (key, part) in world.table(card, *process).into_iter().flat_map(|table| table.entries()) {
                self.written.insert((card, *process, key.clone()), Some(part.clone()));
            }
        }
    }

    fn writes(
        &mut self,
        world: &World,
        card: CardId,
        process: ProcessId,
        write: &Write,
    ) -> Result<(), String> {
        let (key, part) = (&write.key, &write.part);
        let last = self.written.insert((card, process, key.clone()), part.clone());
        let promised = world.card(card).map_or(Epoch(0), |card| card.promised().0);
        let Some((epoch, sent)) = self.cards.get(&card) else {
            return Err(format!("{card} writes what nobody sent"));
        };
        // What a card never wrote it may delete: it knows that it does not hold it.
        let again = last.unwrap_or_default() == *part;
        if *epoch > promised || again || sent.contains(&(process, key.clone(), part.clone())) {
            return Ok(());
        }
        Err(format!("{card} writes {write:?} in {promised}"))
    }
}

impl Checker for Fence {
    fn property(&self) -> &'static str {
        "no effect from an epoch below the promise"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Delivered { to: Party::Card(card), message: Message::ToCard(message) } => {
                match message {
                    ToCard::Ops(ops) => self.delivered(*card, ops.epoch, ops.process, &ops.ops),
                    ToCard::Fill(fill) => self.delivered(*card, fill.epoch, fill.process, &fill.entries),
                    ToCard::Claim(claim) => self.delivered(*card, claim.epoch, ProcessId(0), &[]),
                    ToCard::Start(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => {}
                }
                Ok(())
            }
            Seen::Started { party: Party::Card(card) } => {
                self.started(scene.world, *card);
                Ok(())
            }
            Seen::Apply { party: Party::Card(card), process, writes } => {
                writes.iter().try_for_each(|write| self.writes(scene.world, *card, *process, write))
            }
            Seen::Started { .. }
            | Seen::Sent { .. }
            | Seen::Delivered { .. }
            | Seen::Apply { .. }
            | Seen::Applied { .. }
            | Seen::Event { .. }
            | Seen::Asked { .. }
            | Seen::Healed
            | Seen::Issued { .. }
            | Seen::Held { .. }
            | Seen::Stepped { .. } => Ok(()),
        }
    }
}
