//! One opened owner per epoch: no two lives lead one epoch, and one version of its record is one record.

use std::collections::BTreeMap;

use hitless_proto::arbiter::Record;
use hitless_proto::ids::{Epoch, Life, Party, UnitId};
use hitless_proto::io::ArbiterRequest;
use hitless_proto::message::{Message, ToCard, UnitMessage, VoteRequest};

use super::{Checker, Scene, Seen};

#[derive(Default)]
pub(super) struct OneOwner {
    /// Whoever was granted an epoch, or asked the voters to write that it was.
    owners: BTreeMap<Epoch, UnitId>,
    /// Whoever acts in an epoch.
    lives: BTreeMap<Epoch, (UnitId, Life)>,
    /// Every record that was accepted, or that voters were asked to accept.
    records: BTreeMap<(Epoch, u32), Record>,
}

impl OneOwner {
    fn record(&mut self, record: &Record) -> Result<(), String> {
        let owner = *self.owners.entry(record.epoch).or_insert(record.owner);
        if owner != record.owner {
            return Err(format!("{} is owned by {owner} and by {}", record.epoch, record.owner));
        }
        match self.records.get(&record.order()) {
            Some(known) if known != record => Err(format!("{known:?} and {record:?}")),
            Some(_) => Ok(()),
            None => {
                self.records.insert(record.order(), record.clone());
                Ok(())
            }
        }
    }
}

impl Checker for OneOwner {
    fn property(&self) -> &'static str {
        "one opened owner per epoch"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Sent {
            message:
                Message::ToCard(ToCard::Vote(VoteRequest::Write(record)))
                | Message::Unit(UnitMessage::Vote(VoteRequest::Write(record))),
            ..
        } = seen
        {
            return self.record(record);
        }
        if let Seen::Asked { request: ArbiterRequest::Write(record), .. } = seen {
            return self.record(record);
        }
        let Seen::Stepped { party: party @ Party::Unit(unit) } = seen else { return Ok(()) };
        let Some((record, _)) = scene.world.unit(*unit).and_then(hitless_proto::ControlUnit::records) else {
            return Ok(());
        };
        let me = (*unit, scene.world.life(*party));
        let acting = *self.lives.entry(record.epoch).or_insert(me);
        if acting != me {
            return Err(format!("{} is led by {acting:?} and by {me:?}", record.epoch));
        }
        self.record(record)
    }
}
