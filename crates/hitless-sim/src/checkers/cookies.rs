//! Replay narrowed by cookie has the effect of a full replay: where a takeover goes by acks, the digests agree with nothing
//! sent but the replay. A cookie that named too little would be made good by a reconcile, and nobody would see it.

use hitless_proto::entry::Origin;
use hitless_proto::ids::Party;
use hitless_proto::message::{Message, ToCard};

use super::{Checker, Scene, Seen};

pub(super) struct Cookies;

impl Checker for Cookies {
    fn property(&self) -> &'static str {
        "replay narrowed by cookie = full replay in effect"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { from: Party::Unit(unit), to: Party::Card(card), message: Message::ToCard(message) } =
            seen
        else {
            return Ok(());
        };
        let (process, epoch, filled) = match message {
            ToCard::Fill(fill) => (fill.process, fill.epoch, fill.entries.first()),
            ToCard::Ops(ops) => (ops.process, ops.epoch, None),
            ToCard::Claim(_) | ToCard::Start(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => {
                return Ok(());
            }
        };
        let active = scene.past.plans.of(*card, process).filter(|of| of.unit == *unit && of.epoch == epoch);
        let Some(active) = active else { return Ok(()) };
        let repaired = active.sent.iter().find(|(_, origin)| **origin == Origin::Repair).map(|(key, _)| key);
        match filled.map(|op| &op.key).or(repaired) {
            Some(key) => Err(format!(
                "{card} {process}: {key:?} differs after the replay; the plan was {:?}",
                active.plan
            )),
            None => Ok(()),
        }
    }
}
