//! Promises never go down, and an epoch is promised to one unit only, whatever dies in between: neither what a party says,
//! nor what it goes by.

use std::collections::BTreeMap;

use hitless_proto::arbiter::VoterState;
use hitless_proto::ids::{Epoch, Party, UnitId};
use hitless_proto::message::{FromCard, Message, UnitMessage, VoteReply};

use super::{Checker, Scene, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Promises {
    /// What each card promised aloud, and to whom, since its disk came back empty so many times.
    fences: BTreeMap<(Party, u64), (Epoch, UnitId)>,
    /// The highest ballot that each voter promised or accepted aloud.
    votes: BTreeMap<Party, (Epoch, UnitId)>,
    /// The newest record that each voter accepted aloud.
    accepted: BTreeMap<Party, (Epoch, u32)>,
}

impl Promises {
    fn vote(&mut self, from: Party, to: UnitId, reply: &VoteReply) -> Result<(), String> {
        let epoch = match reply {
            VoteReply::Promised { ballot, .. } => ballot.epoch,
            VoteReply::Accepted { epoch, version } => {
                let accepted = self.accepted.entry(from).or_default();
                *accepted = (*accepted).max((*epoch, *version));
                *epoch
            }
            VoteReply::Poll(_) | VoteReply::Refused { .. } => return Ok(()),
        };
        raise(self.votes.entry(from).or_default(), (epoch, to), from)
    }

    /// What a party goes by is not below what it said.
    fn stands(&self, world: &World, party: Party) -> Result<(), String> {
        let (fence, votes): (_, Option<&VoterState>) = match party {
            Party::Card(card) => (world.card(card).map(|card| card.promised().0), world.votes(party)),
            Party::Unit(_) => (None, world.votes(party)),
        };
        if let (Some(promised), Some((told, _))) =
            (fence, self.fences.get(&(party, world.disk_losses(party))))
            && promised < *told
        {
            return Err(format!("{party} stands at {promised}, and promised {told}"));
        }
        let Some(votes) = votes else { return Ok(()) };
        let promised = self.votes.get(&party).is_none_or(|told| votes.promised.epoch >= told.0);
        let accepted = self.accepted.get(&party).is_none_or(|told| votes.accepted.order() >= *told);
        if promised && accepted {
            Ok(())
        } else {
            Err(format!("{party} forgot a vote: it stands at {votes:?}"))
        }
    }
}

fn raise(held: &mut (Epoch, UnitId), new: (Epoch, UnitId), who: Party) -> Result<(), String> {
    if new.0 < held.0 || (new.0 == held.0 && new.1 != held.1) {
        return Err(format!("{who} said yes to {new:?} after {held:?}"));
    }
    *held = new;
    Ok(())
}

impl Checker for Promises {
    fn property(&self) -> &'static str {
        "promises never go down"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Stepped { party } = seen {
            return self.stands(scene.world, *party);
        }
        let Seen::Sent { from, to: Party::Unit(to), message } = seen else { return Ok(()) };
        match message {
            Message::FromCard(FromCard::Promise(promise)) => raise(
                self.fences.entry((*from, scene.world.disk_losses(*from))).or_default(),
                (promise.epoch, *to),
                *from,
            ),
            Message::FromCard(FromCard::Vote(reply)) => self.vote(*from, *to, reply),
            Message::Unit(UnitMessage::Voted(reply)) => self.vote(*from, *to, reply),
            Message::FromCard(_) | Message::ToCard(_) | Message::Unit(_) => Ok(()),
        }
    }
}
