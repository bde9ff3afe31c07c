//! L4: no op is retried for ever. A key that a forwarding table refuses is tried again at most `MAX_RETRIES` times, until
//! something happens that could cure it.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::{Audience, Blob, Origin, Update};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::Event;
use hitless_proto::limits::MAX_RETRIES;
use hitless_proto::message::{Message, Question, ToCard};
use hitless_proto::process::Processes;

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Retries {
    tried: BTreeMap<(CardId, ProcessId), BTreeMap<Blob, u32>>,
    /// Ops that could cure what a card refused, and that the primary has not heard to be taken.
    cures: BTreeMap<(CardId, ProcessId), BTreeSet<Seq>>,
    epoch: Epoch,
    processes: Processes,
}

impl Retries {
    /// Something happened on a channel that could cure any of its refusals.
    fn chance(&mut self, card: CardId, process: ProcessId) {
        self.tried.remove(&(card, process));
    }

    /// A delete makes room, and what is not of the last rank may be what others depend on.
    fn may_cure(&mut self, world: &World, id: ProcessId, update: &Update) -> bool {
        if self.processes.is_empty() {
            self.processes = (world.make_processes)();
        }
        let process = self.processes.iter().find(|of| of.id() == id);
        let last = |of: &dyn hitless_proto::process::Process| of.rank(&update.key) + 1 >= of.ranks();
        update.content.is_none() || process.is_some_and(|of| !last(&**of))
    }

    /// The primary tries again once it hears that a card took what could cure it, which may be long after that was issued.
    fn note_cures(&mut self, world: &World, (unit, process): (UnitId, ProcessId), update: &Update) {
        if update.origin != Origin::Retry {
            if self.may_cure(world, process, update) {
                for card in world.cards().iter().filter(|card| update.to.contains(**card)) {
                    self.cures.entry((*card, process)).or_default().insert(update.version.seq);
                }
            }
            return;
        }
        let channels = world.unit_status(unit).map(|status| status.channels).unwrap_or_default();
        for channel in channels.iter().filter(|channel| channel.process == process) {
            if let Party::Card(card) = channel.follower
                && update.to.contains(card)
            {
                self.heard(card, process, channel.acked);
            }
        }
    }

    /// The primary knows that a card took every op up to `acked`.
    fn heard(&mut self, card: CardId, process: ProcessId, acked: Seq) {
        let Some(cures) = self.cures.get_mut(&(card, process)) else { return };
        let later = cures.split_off(&acked.next());
        if !std::mem::replace(cures, later).is_empty() {
            self.chance(card, process);
        }
    }

    fn begin(&mut self, epoch: Epoch) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.tried.clear();
            self.cures.clear();
        }
    }

    fn issued(&mut self, process: ProcessId, update: &Update) -> Result<(), String> {
        if update.origin != Origin::Retry {
            // Another wish for this key; what goes away makes room, and what comes may be what others depend on.
            self.tried.retain(|(card, of), _| *of != process || !update.to.contains(*card));
            return Ok(());
        }
        let Audience::Cards(cards) = &update.to else { return Err(format!("a retry for all: {update:?}")) };
        for card in cards {
            let keys = self.tried.entry((*card, process)).or_default();
            let tried = keys.entry(update.key.clone()).or_default();
            *tried += 1;
            if *tried > MAX_RETRIES {
                return Err(format!("{process} tries {:?} on {card} for the {tried}th time", update.key));
            }
        }
        Ok(())
    }
}

impl Checker for Retries {
    fn property(&self) -> &'static str {
        "no op is retried for ever"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Issued { unit, process, update } = seen {
            self.begin(update.version.epoch);
            self.note_cures(scene.world, (*unit, *process), update);
            return self.issued(*process, update);
        }
        // An audit finds out what was cured without a word.
        if let Seen::Sent { to: Party::Card(card), message: Message::ToCard(ToCard::Ask(ask)), .. } = seen
            && ask.question == Question::Root
        {
            self.chance(*card, ask.process);
        }
        if let Seen::Event {
            event: Event::InStep { process, follower: Party::Card(card) } | Event::Cured { process, card, .. },
            ..
        } = seen
        {
            self.chance(*card, *process);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::entry::Cookie;
    use hitless_proto::ids::Version;

    fn retry(seq: u64, origin: Origin) -> Update {
        Update {
            version: Version::new(1, seq),
            key: "key".into(),
            content: None,
            to: Audience::cards([CardId(1)]),
            cookie: Cookie::Key,
            origin,
        }
    }

    #[test]
    fn one_retry_too_many_is_seen_and_a_new_wish_begins_anew() {
        let (mut retries, process) = (Retries::default(), ProcessId(2));
        let most = u64::from(MAX_RETRIES);
        for seq in 1..=most {
            assert_eq!(retries.issued(process, &retry(seq, Origin::Retry)), Ok(()));
        }
        assert_eq!(retries.issued(process, &retry(most + 1, Origin::Source)), Ok(()));
        for seq in most + 2..most * 2 + 2 {
            assert_eq!(retries.issued(process, &retry(seq, Origin::Retry)), Ok(()));
        }
        assert!(retries.issued(process, &retry(most * 2 + 2, Origin::Retry)).is_err());
    }

    #[test]
    fn what_could_cure_is_a_chance_when_the_primary_hears_of_it() {
        let (mut retries, process, card) = (Retries::default(), ProcessId(2), CardId(1));
        retries.cures.insert((card, process), [Seq(1), Seq(2), Seq(9)].into());
        let tries = |retries: &mut Retries| {
            let mut seqs = 100..100 + u64::from(MAX_RETRIES);
            seqs.try_for_each(|seq| retries.issued(process, &retry(seq, Origin::Retry)))
        };
        assert_eq!(tries(&mut retries), Ok(()));
        retries.heard(card, process, Seq(8));
        assert_eq!(tries(&mut retries), Ok(()));
        retries.heard(card, process, Seq(8));
        assert!(tries(&mut retries).is_err(), "nothing else was taken");
    }
}
