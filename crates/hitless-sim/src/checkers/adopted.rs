//! An orphan is rolled forward, not back: what a new primary makes of a key that cards have and it has not is what the newest
//! of those ops made of it, on the card that has that op.

use std::collections::BTreeMap;

use hitless_proto::entry::{Audience, Blob, Origin, Update};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, UnitId, Version};
use hitless_proto::io::Event;
use hitless_proto::plan::ChannelPlan;

use super::{Checker, Scene, Seen};

/// The newest orphan of a key: its op, the card that has it, and what that card holds.
type Newest = (Version, CardId, Option<Blob>);

#[derive(Default)]
pub(super) struct Adopted {
    /// By unit and key, of the epoch that the unit planned in last.
    newest: BTreeMap<(UnitId, ProcessId, Blob), (Epoch, Newest)>,
    /// Keys that a source named in the epoch of a unit: what is newer than any orphan.
    named: BTreeMap<(UnitId, ProcessId, Blob), Epoch>,
}

impl Adopted {
    fn planned(&mut self, (unit, epoch): (UnitId, Epoch), plan: &ChannelPlan) {
        self.newest.retain(|(of, _, _), (when, _)| *of != unit || *when == epoch);
        for orphan in &plan.adopt {
            let part = orphan.content.as_ref().map(|content| content.part.clone());
            let of = self.newest.entry((unit, plan.process, orphan.key.clone()));
            let newest = of.or_insert_with(|| (epoch, (Version::ZERO, plan.card, None)));
            if newest.1.0 < orphan.version {
                *newest = (epoch, (orphan.version, plan.card, part));
            }
        }
    }

    fn adopts(&self, unit: UnitId, process: ProcessId, update: &Update) -> Result<(), String> {
        let newest = self.newest.get(&(unit, process, update.key.clone()));
        let Some((epoch, (version, card, part))) = newest else { return Ok(()) };
        let named = self.named.get(&(unit, process, update.key.clone()));
        if *epoch != update.version.epoch || named == Some(epoch) {
            return Ok(());
        }
        let content = update.content.as_ref().filter(|content| content.audience.contains(*card));
        let made = content.map(|content| &content.card_part);
        // An entry for named cards that none of them has any more may have moved to a card that was not asked: it stays.
        let may_have_moved = content.is_some_and(|content| content.audience != Audience::All);
        if made == part.as_ref() || (part.is_none() && may_have_moved) {
            return Ok(());
        }
        Err(format!(
            "{unit} {process}: {card} has {version} of {:?}, {part:?}, and {made:?} is made of it",
            update.key
        ))
    }
}

impl Checker for Adopted {
    fn property(&self) -> &'static str {
        "an orphan is rolled forward, not back"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Event { party: Party::Unit(unit), event: Event::Planned(plan) } = seen {
            let epoch = scene.world.epochs.get(unit).copied().unwrap_or_default();
            self.planned((*unit, epoch), plan);
        }
        let Seen::Issued { unit, process, update } = seen else { return Ok(()) };
        if update.origin == Origin::Source {
            self.named.insert((*unit, *process, update.key.clone()), update.version.epoch);
        }
        if update.origin == Origin::Adopt { self.adopts(*unit, *process, update) } else { Ok(()) }
    }
}
