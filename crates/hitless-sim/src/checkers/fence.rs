//! No effect from an epoch below the promise: whatever a card writes was sent to it in the epoch that it promised.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Blob, CardOp};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId};
use hitless_proto::message::{Message, ToCard};

use super::{Checker, Scene, Seen};

type Sent = BTreeSet<(ProcessId, Blob, Option<Blob>)>;

#[derive(Default)]
pub(super) struct Fence {
    /// Per card: the epoch, and what was delivered in it.
    cards: BTreeMap<CardId, (Epoch, Sent)>,
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
}

impl Checker for Fence {
    fn property(&self) -> &'static str {
        "no effect from an epoch below the promise"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let world = scene.world;
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
            Seen::Apply { party: Party::Card(card), process, writes } => {
                let promised = world.card_status(*card).map_or(Epoch(0), |status| status.promised);
                let Some((epoch, sent)) = self.cards.get(card) else {
                    return Err(format!("{card} writes what nobody sent"));
                };
                if *epoch > promised {
                    return Ok(());
                }
                // What somebody else changed is written again, as the card holds it since any epoch.
                let held =
                    |key: &Blob| world.mirrored(*card, *process, key).map(|(_, content, _)| content.part);
                let strange = writes
                    .iter()
                    .filter(|write| write.part != held(&write.key))
                    .find(|write| !sent.contains(&(*process, write.key.clone(), write.part.clone())));
                strange.map_or(Ok(()), |write| Err(format!("{card} writes {write:?} in {promised}")))
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
