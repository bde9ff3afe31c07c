//! L4: no op is retried for ever. A key that a forwarding table refuses is tried again at most `MAX_RETRIES` times, until
//! something happens that could cure it.

use std::collections::BTreeMap;

use hitless_proto::entry::{Audience, Blob, Origin, Update};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId};
use hitless_proto::io::Event;
use hitless_proto::limits::MAX_RETRIES;
use hitless_proto::message::{Message, Question, ToCard};

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct Retries {
    tried: BTreeMap<(CardId, ProcessId), BTreeMap<Blob, u32>>,
    epoch: Epoch,
}

impl Retries {
    /// Something happened on a channel that could cure any of its refusals.
    fn chance(&mut self, card: CardId, process: ProcessId) {
        self.tried.remove(&(card, process));
    }

    fn issued(&mut self, process: ProcessId, update: &Update) -> Result<(), String> {
        if update.version.epoch > self.epoch {
            self.epoch = update.version.epoch;
            self.tried.clear();
        }
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

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Issued { process, update, .. } = seen {
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
}
