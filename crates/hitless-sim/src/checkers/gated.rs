//! With the gated rule no orphan can exist: a card is sent an op when every standby of the record has it.

use hitless_proto::config::OutputRule;
use hitless_proto::ids::Party;
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
        let Seen::Sent { from: Party::Unit(id), to, message: Message::ToCard(ToCard::Ops(ops)) } = seen
        else {
            return Ok(());
        };
        let (Some(unit), Some(last)) = (scene.world.unit(*id), ops.ops.last()) else { return Ok(()) };
        match scene.past.lacking(unit, (ops.epoch, last.version.seq), ops.process) {
            Some(standby) => Err(format!("{to} is sent {} before {standby} has it", last.version)),
            None => Ok(()),
        }
    }
}
