//! One id, one payload, for ever.

use std::collections::BTreeMap;

use hitless_proto::entry::{CardOp, Cookie, Update};
use hitless_proto::ids::{OpId, Party, ProcessId};
use hitless_proto::message::{Message, ToCard, ToStandby, UnitMessage};

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Payload {
    updates: BTreeMap<OpId, Update>,
    /// A card is told of an entry that is not for it as of a delete.
    ops: BTreeMap<(OpId, Party), CardOp>,
}

impl Payload {
    fn update(&mut self, process: ProcessId, update: &Update) -> Result<(), String> {
        let op = OpId { process, version: update.version };
        let known = self.updates.entry(op).or_insert_with(|| update.clone());
        // Where the primary's process set no cookie, a standby's may: it says what the op touched, not what it does.
        let cookieless = known.cookie == Cookie::None || update.cookie == Cookie::None;
        let cookie = if cookieless { known.cookie.clone() } else { update.cookie.clone() };
        if *known == (Update { cookie, ..update.clone() }) {
            Ok(())
        } else {
            Err(format!("{op} is {known:?} and {update:?}"))
        }
    }
}

impl Checker for Payload {
    fn property(&self) -> &'static str {
        "one id, one payload"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { to, message, .. } = seen else { return Ok(()) };
        match message {
            Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
                ops.ops.iter().try_for_each(|update| self.update(ops.process, update))
            }
            Message::ToCard(ToCard::Ops(ops)) => {
                for op in &ops.ops {
                    let id = OpId { process: ops.process, version: op.version };
                    let known = self.ops.entry((id, *to)).or_insert_with(|| op.clone());
                    if known != op {
                        return Err(format!("{id} is {known:?} and {op:?} for {to}"));
                    }
                }
                Ok(())
            }
            Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => Ok(()),
        }
    }
}
