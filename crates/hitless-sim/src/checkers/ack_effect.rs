//! Ack implies effect: what a card says it applied is in its forwarding table, by read-back.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Version};
use hitless_proto::message::{Ack, FromCard, Message, ToCard};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
struct Channel {
    at: (Epoch, u32),
    /// Ops delivered in this beginning and not acked.
    waiting: Vec<(Version, Blob)>,
}

#[derive(Default)]
pub(super) struct AckEffect {
    channels: BTreeMap<(CardId, ProcessId), Channel>,
    /// Writes that the table works on.
    under_way: BTreeMap<(CardId, ProcessId), Vec<Blob>>,
    /// Keys whose last write was refused: a refused delete leaves no trace in what a card shows.
    refused: BTreeSet<(CardId, ProcessId, Blob)>,
}

impl AckEffect {
    fn acked(&mut self, world: &World, card: CardId, ack: &Ack) -> Result<(), String> {
        let Some(channel) = self.channels.get_mut(&(card, ack.process)) else { return Ok(()) };
        if channel.at != (ack.epoch, ack.session) {
            return Ok(());
        }
        let split = channel.waiting.partition_point(|(version, _)| version.seq <= ack.applied);
        let under_way = self.under_way.get(&(card, ack.process));
        for (version, key) in channel.waiting.drain(..split) {
            if under_way.is_some_and(|keys| keys.contains(&key)) {
                continue;
            }
            let Some(table) = world.table(card, ack.process) else { continue };
            if table.tampered().contains(&key) {
                continue;
            }
            let (read, mirrored) = (table.entries().get(&key), world.mirrored(card, ack.process, &key));
            let good = match &mirrored {
                None => read.is_none() || self.refused.contains(&(card, ack.process, key.clone())),
                Some((held, _, _)) if *held < version => false,
                Some((_, _, true)) => true,
                Some((_, content, false)) => read == Some(&content.part),
            };
            if !good {
                return Err(format!(
                    "{card} acked {} {version} of {key:?}: mirror {mirrored:?}, table {read:?}",
                    ack.process
                ));
            }
        }
        Ok(())
    }
}

impl Checker for AckEffect {
    fn property(&self) -> &'static str {
        "ack implies effect"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let world = scene.world;
        match seen {
            Seen::Started { party: Party::Card(card) } => {
                self.channels.retain(|(of, _), _| of != card);
                self.under_way.retain(|(of, _), _| of != card);
            }
            Seen::Delivered { to: Party::Card(card), message: Message::ToCard(ToCard::Ops(ops)) } => {
                let channel = self.channels.entry((*card, ops.process)).or_default();
                let at = (ops.epoch, ops.session);
                if at > channel.at {
                    *channel = Channel { at, waiting: Vec::new() };
                }
                if at == channel.at {
                    channel.waiting.extend(ops.ops.iter().map(|op| (op.version, op.key.clone())));
                }
            }
            Seen::Apply { party: Party::Card(card), process, writes } => {
                let keys = writes.iter().map(|write| write.key.clone()).collect();
                self.under_way.insert((*card, *process), keys);
            }
            Seen::Applied { party: Party::Card(card), process, writes, outcomes } => {
                for (write, outcome) in writes.iter().zip(*outcomes) {
                    let entry = (*card, *process, write.key.clone());
                    if outcome.is_err() {
                        self.refused.insert(entry)
                    } else {
                        self.refused.remove(&entry)
                    };
                }
            }
            Seen::Sent {
                from: Party::Card(card), message: Message::FromCard(FromCard::Ack(ack)), ..
            } => {
                // An ack is made before the next batch is formed: what is under way is over.
                self.under_way.remove(&(*card, ack.process));
                return self.acked(world, *card, ack);
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
            | Seen::Stepped { .. } => {}
        }
        Ok(())
    }
}
