//! Deleted keys never come back: what a delete, the last op of its key, took from a card, and a source was told so, is not
//! written there again by the primary of the newest epoch, nor is it there when the channel is proved equal.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId};
use hitless_proto::io::Event;
use hitless_proto::status::ChannelState;

use super::{Checker, Scene, Seen};
use crate::forwarding_table::ForwardingTable;

pub(super) struct Deleted;

/// Whether this channel follows the primary of the newest epoch, and was proved equal.
fn follows(scene: &Scene<'_>, card: CardId, process: ProcessId) -> bool {
    let newest = scene.past.newest_opened();
    let promised = scene.world.card(card).map(|card| card.promised());
    let unit = newest.filter(|_| newest == promised).and_then(|(_, unit)| scene.world.unit(unit));
    unit.and_then(|unit| unit.channel_state(process, Party::Card(card))) == Some(ChannelState::InStep)
}

/// Whether `key` is gone from `card` for good. A delete that the forwarding table refused is answered, and not done.
fn gone(scene: &Scene<'_>, id: CardId, process: ProcessId, key: &Blob) -> bool {
    let Some(card) = scene.world.card(id) else { return false };
    let refused = card.version(process, key).is_some_and(|held| held.1);
    // A delete may be on its way to a card that was not waited for when it became safe.
    let gone = scene.world.oracle().gone(process, key);
    !refused && gone.is_some_and(|by| card.progress(process).is_some_and(|of| of.applied >= by))
}

impl Checker for Deleted {
    fn property(&self) -> &'static str {
        "deleted keys never come back"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Apply { party: Party::Card(card), process, writes } = seen {
            let puts = writes.iter().filter(|write| write.part.is_some());
            let back = puts.map(|write| &write.key).find(|key| gone(scene, *card, *process, key));
            return match back.filter(|_| follows(scene, *card, *process)) {
                Some(key) => Err(format!("{card} {process} writes {key:?}, which is deleted")),
                None => Ok(()),
            };
        }
        let Seen::Event { event: Event::InStep { process, follower: Party::Card(card) }, .. } = seen else {
            return Ok(());
        };
        let table = scene.world.table(*card, *process).filter(|_| follows(scene, *card, *process));
        let held = |table: &'_ ForwardingTable| -> Vec<Blob> {
            table.entries().keys().filter(|key| !table.tampered().contains(*key)).cloned().collect()
        };
        let mut keys = table.into_iter().flat_map(held);
        match keys.find(|key| gone(scene, *card, *process, key)) {
            Some(key) => Err(format!("{card} {process} is in step and has {key:?}, which is deleted")),
            None => Ok(()),
        }
    }
}
