//! Promises never go down, and an epoch is promised to one unit only, whatever dies in between.

use std::collections::BTreeMap;

use hitless_proto::ids::{Epoch, Party, UnitId};
use hitless_proto::message::{FromCard, Message, UnitMessage, VoteReply};

use super::{Checker, Seen};
use crate::world::World;

#[derive(Default)]
pub(super) struct Promises {
    /// What each card promised aloud, and to whom, since its disk came back empty so many times.
    fences: BTreeMap<(Party, u64), (Epoch, UnitId)>,
    /// The highest ballot that each voter promised or accepted aloud.
    votes: BTreeMap<Party, (Epoch, UnitId)>,
}

impl Promises {
    fn vote(&mut self, from: Party, to: UnitId, reply: &VoteReply) -> Result<(), String> {
        let epoch = match reply {
            VoteReply::Promised { ballot, .. } => ballot.epoch,
            VoteReply::Accepted { epoch, .. } => *epoch,
            VoteReply::Poll(_) | VoteReply::Refused { .. } => return Ok(()),
        };
        raise(self.votes.entry(from).or_default(), (epoch, to), from)
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

    fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { from, to: Party::Unit(to), message } = seen else { return Ok(()) };
        match message {
            Message::FromCard(FromCard::Promise(promise)) => raise(
                self.fences.entry((*from, world.disk_losses(*from))).or_default(),
                (promise.epoch, *to),
                *from,
            ),
            Message::FromCard(FromCard::Vote(reply)) => self.vote(*from, *to, reply),
            Message::Unit(UnitMessage::Voted(reply)) => self.vote(*from, *to, reply),
            Message::FromCard(_) | Message::ToCard(_) | Message::Unit(_) => Ok(()),
        }
    }
}
