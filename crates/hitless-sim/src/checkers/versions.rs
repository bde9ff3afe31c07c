//! Key versions only rise: at a card within its life, at a unit while it is in sync. A unit that is being synced has no say:
//! what it held of a primary that lost is taken back. So has a card: what it held beyond the former epochs' last op, which its
//! primary tells it at the beginning, and of which nothing is left to tell.

use std::collections::BTreeMap;

use hitless_proto::ids::{Epoch, Party, ProcessId, Version};
use hitless_proto::message::{Message, ToCard};

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Versions {
    /// Of each channel that began: its epoch, and the newest op of former epochs that its primary goes on from.
    keeps: BTreeMap<(Party, ProcessId), (Epoch, Version)>,
}

impl Checker for Versions {
    fn property(&self) -> &'static str {
        "key versions only rise"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Sent { to, message: Message::ToCard(ToCard::Start(start)), .. } = seen {
            self.keeps.insert((*to, start.process), (start.epoch, start.keep));
        }
        let Seen::Held { party, process, key, was: Some(was), is } = seen else { return Ok(()) };
        let keep = self.keeps.get(&(*party, *process));
        let lost = keep.is_some_and(|(epoch, keep)| was.epoch < *epoch && was > keep);
        if is >= was || lost {
            Ok(())
        } else {
            Err(format!("{party} {process}: {key:?} goes from {was} back to {is}"))
        }
    }
}
