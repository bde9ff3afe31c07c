//! The claimant is in the in-sync set of the last opened record, in its present life; or no member of that set lives on, and
//! it recovers what the cards hold.

use std::collections::BTreeMap;

use hitless_proto::arbiter::Record;
use hitless_proto::ids::{Epoch, Life, Party, UnitId};
use hitless_proto::io::ArbiterRequest;
use hitless_proto::message::{Message, ToCard, UnitMessage, VoteRequest};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Claimant {
    /// Of each epoch: the newest opened record of which its owner knew that it stands.
    opened: BTreeMap<Epoch, Record>,
    /// Every opened record that was asked for: it may stand, unknown to whoever asked.
    proposed: BTreeMap<(Epoch, u32), Record>,
    /// The epoch that each unit was seen with last, in which life.
    claimed: BTreeMap<UnitId, (Life, Epoch)>,
}

impl Claimant {
    fn stands(&mut self, record: &Record) {
        let known = self.opened.get(&record.epoch).is_some_and(|known| known.version >= record.version);
        if record.opened && !known {
            self.opened.insert(record.epoch, record.clone());
        }
    }

    fn proposed(&mut self, record: &Record) {
        if record.opened && !self.proposed.contains_key(&record.order()) {
            self.proposed.insert(record.order(), record.clone());
        }
    }

    fn claims(&self, world: &World, me: (UnitId, Life), record: &Record) -> Result<(), String> {
        let set = &record.in_sync;
        let opened =
            self.opened.range(..record.epoch).next_back().map(|(_, of)| of.clone()).unwrap_or_default();
        let mut later = self.proposed.range(opened.order()..(record.epoch, 0)).map(|(_, of)| of);
        if *set != opened.in_sync && !later.any(|of| of.in_sync == *set) {
            return Err(format!("{me:?} claims on {record:?}, and the last opened record is {opened:?}"));
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
        // Whoever asks for a record may die before it is seen at rest.
        if let Seen::Sent {
            message:
                Message::ToCard(ToCard::Vote(VoteRequest::Write(record)))
                | Message::Unit(UnitMessage::Vote(VoteRequest::Write(record))),
            ..
        } = seen
        {
            self.proposed(record);
        }
        if let Seen::Asked { request: ArbiterRequest::Write(record), .. } = seen {
            self.proposed(record);
        }
        // A unit that votes may write a record for itself, and die before it asks anybody else.
        if let Seen::Stepped { party } | Seen::Started { party } = seen
            && let Some(votes) = scene.world.votes(*party)
        {
            self.proposed(&votes.accepted);
        }
        let (Seen::Stepped { party: Party::Unit(id) }
        | Seen::Event { party: Party::Unit(id), .. }
        | Seen::Asked { party: Party::Unit(id), .. }) = seen
        else {
            return Ok(());
        };
        let Some((record, writing)) = scene.world.unit(*id).and_then(hitless_proto::ControlUnit::records)
        else {
            return Ok(());
        };
        // A unit without any link asks only itself, and finds what it accepted in its next life.
        writing.into_iter().for_each(|writing| self.proposed(writing));
        // As soon as it leads: what it says of it may come later than its next record.
        let me = (*id, scene.world.life(Party::Unit(*id)));
        if self.claimed.insert(*id, (me.1, record.epoch)) != Some((me.1, record.epoch)) {
            self.claims(scene.world, me, record)?;
        }
        self.stands(record);
        writing.into_iter().for_each(|writing| self.proposed(writing));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_in_sync_may_not_claim_and_who_goes_by_an_old_record_neither() {
        let mut world = World::builder().units(3).build();
        world.run_until(World::is_whole).unwrap();
        let primary = world.primary().unwrap();
        let record = world.unit(primary).unwrap().records().unwrap().0.clone();
        let mut claimant = Claimant::default();
        claimant.stands(&record);
        let next = record.claimed_by(primary, Epoch(record.epoch.0 + 1));
        let member = record.in_sync[0];
        assert_eq!(claimant.claims(&world, member, &next), Ok(()));
        let stranger = (member.0, Life(0));
        assert!(claimant.claims(&world, stranger, &next).is_err(), "{member:?} lives");
        let old = Record { in_sync: vec![member], ..next };
        assert!(claimant.claims(&world, member, &old).is_err(), "the set has grown since");
    }
}
