//! With the gated rule no orphan can exist: a card is sent an op, or an entry that it lacks, when every standby of the record
//! has it.

use hitless_proto::config::OutputRule;
use hitless_proto::ids::{Party, Version};
use hitless_proto::io::Event;
use hitless_proto::message::{Message, ToCard};

use super::{Checker, Scene, Seen};

pub(super) struct Gated;

impl Checker for Gated {
    fn property(&self) -> &'static str {
        "with the gated rule there is no orphan"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if scene.world.chassis.output_rule != OutputRule::Gated {
            return Ok(());
        }
        if let Seen::Event { party, event: Event::Planned(plan) } = seen
            && let Some(orphan) = plan.adopt.first()
        {
            return Err(format!("{party} {} {}: {orphan:?}", plan.process, plan.card));
        }
        let Seen::Sent { from: Party::Unit(id), to, message: Message::ToCard(message) } = seen else {
            return Ok(());
        };
        let Some(unit) = scene.world.unit(*id) else { return Ok(()) };
        let (process, epoch, last) = match message {
            ToCard::Ops(ops) => (ops.process, ops.epoch, ops.ops.last().map(|op| op.version)),
            ToCard::Fill(fill) => {
                let Some(progress) = unit.progress(fill.process) else { return Ok(()) };
                // What is stable they all had before this epoch, perhaps. An entry of a branch that lost may bear a position
                // past the last.
                let (stable, issued) = (progress.stable, progress.received.seq);
                let versions =
                    fill.entries.iter().map(|op| Version { seq: op.version.seq.min(issued), ..op.version });
                let last = versions.filter(|version| version.seq > stable).max_by_key(|version| version.seq);
                (fill.process, fill.epoch, last)
            }
            ToCard::Claim(_) | ToCard::Start(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => {
                return Ok(());
            }
        };
        let Some(last) = last else { return Ok(()) };
        match scene.past.lacking(unit, (epoch, last.seq), process) {
            Some(standby) => Err(format!("{to} is sent {last} before {standby} has it")),
            None => Ok(()),
        }
    }
}
