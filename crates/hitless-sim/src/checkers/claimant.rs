//! The claimant is in the in-sync set of the last opened record, in its present life; or no member of that set lives on, and
//! it recovers what the cards hold.

use hitless_proto::arbiter::Record;
use hitless_proto::ids::{Life, Party, UnitId};
use hitless_proto::io::{Event, Role};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Claimant {
    /// The newest opened record of which its owner knows that it stands.
    opened: Record,
    /// Opened records that were to follow it, and may stand unknown to whoever wrote them.
    proposed: Vec<Record>,
}

impl Claimant {
    fn note(&mut self, record: &Record, writing: Option<&Record>) {
        if record.opened && record.order() > self.opened.order() {
            self.opened = record.clone();
            self.proposed.retain(|of| of.order() > record.order());
        }
        if let Some(writing) = writing.filter(|of| of.opened && of.order() > self.opened.order())
            && !self.proposed.contains(writing)
        {
            self.proposed.push(writing.clone());
        }
    }

    fn claims(&self, world: &World, me: (UnitId, Life), record: &Record) -> Result<(), String> {
        let set = &record.in_sync;
        if *set != self.opened.in_sync && !self.proposed.iter().any(|of| of.in_sync == *set) {
            return Err(format!(
                "{me:?} claims on {record:?}, and the last opened record is {:?}",
                self.opened
            ));
        }
        let lives_on = |(unit, life): &&(UnitId, Life)| world.lives(Party::Unit(*unit), *life);
        match set.iter().find(lives_on) {
            Some(member) if !set.contains(&me) => {
                Err(format!("{me:?} claims, and {member:?} was in sync and lives"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Checker for Claimant {
    fn property(&self) -> &'static str {
        "the claimant is in sync"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let (Seen::Stepped { party: Party::Unit(id) } | Seen::Event { party: Party::Unit(id), .. }) = seen
        else {
            return Ok(());
        };
        let Some((record, writing)) = scene.world.unit(*id).and_then(hitless_proto::ControlUnit::records)
        else {
            return Ok(());
        };
        if let Seen::Event { event: Event::Role { role: Role::TakingOver, .. }, .. } = seen {
            self.claims(scene.world, (*id, scene.world.life(Party::Unit(*id))), record)?;
        }
        self.note(record, writing);
        Ok(())
    }
}
