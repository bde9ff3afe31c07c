//! What the checks and the reduction look at in one state of a party.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Epoch, Life, Party, Time, UnitId, Version};
use hitless_proto::io::Role;
use hitless_proto::process::table;
use hitless_proto::{Card, ControlUnit};

use crate::local::is_for;

/// Timeouts later than this from now are for evictions and audits, which the model leaves out.
const SOON: u64 = 1_000_000;

/// How a unit without a campaign shows itself; if these words change, the reduction is not applied any more.
const NO_CAMPAIGN: [&str; 2] = ["work: Idle", "since: None, asked: false"];

/// See the module.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) life: Life,
    pub(crate) role: Role,
    pub(crate) epoch: Epoch,
    /// A card's promise.
    pub(crate) promised: (Epoch, UnitId),
    /// By the record it knows.
    pub(crate) in_sync: Vec<(UnitId, Life)>,
    pub(crate) entries: BTreeMap<Blob, (Version, Blob)>,
    /// Key and value of the entries.
    pub(crate) values: BTreeMap<Blob, Blob>,
    /// The primary that a unit knows of.
    pub(crate) primary: Option<UnitId>,
    /// A unit has no campaign under way.
    pub(crate) idle: bool,
    pub(crate) connected: Vec<(Party, Life)>,
    /// The last op that a standby folded, or that a card processed.
    pub(crate) done: Version,
    /// Every channel of a card is in step.
    pub(crate) in_step: bool,
    /// A timeout that may come to pass.
    pub(crate) due: bool,
    /// It takes a change.
    pub(crate) has_room: bool,
}

impl Facts {
    /// `text`: everything that `Debug` shows of it.
    pub(crate) fn of_unit(unit: &ControlUnit, clock: Time, text: &str) -> Self {
        let status = unit.status();
        let idle = NO_CAMPAIGN.iter().all(|words| text.contains(words));
        let me = status.unit;
        let follows = idle
            && matches!(status.role, Role::Joining | Role::Standby)
            && status.primary.is_some_and(|primary| primary != me);
        let entries: BTreeMap<_, _> =
            unit.entries(table::ID).map(|(key, at, content)| (key, (at, content.card_part))).collect();
        Self {
            life: status.life,
            role: status.role,
            epoch: status.epoch,
            promised: (Epoch(0), UnitId(0)),
            in_sync: status.record.in_sync,
            values: values(&entries),
            entries,
            primary: status.primary,
            idle,
            connected: status.connected,
            done: status.processes.first().map(|process| process.folded).unwrap_or_default(),
            in_step: false,
            // A unit that follows a primary would only forget its date; when it has lost it, it takes a new one or its
            // old one is due: the same, since a pause of the model has no length.
            due: !follows && unit.next_timeout().is_some_and(|at| at.0 <= clock.0 + SOON),
            has_room: unit.room(table::ID) > 0,
        }
    }

    pub(crate) fn of_card(card: &Card) -> Self {
        let status = card.status();
        let versions = card.entries(table::ID).filter_map(|(key, _, _)| {
            let (version, content, _) = card.entry(table::ID, &key)?;
            Some((key, (version, content.part)))
        });
        let entries: BTreeMap<_, _> = versions.collect();
        Self {
            life: status.life,
            role: Role::Joining,
            epoch: status.promised,
            promised: (status.promised, status.owner),
            in_sync: Vec::new(),
            values: values(&entries),
            entries,
            primary: None,
            idle: true,
            connected: Vec::new(),
            done: status.channels.first().map(|channel| channel.applied).unwrap_or_default(),
            in_step: status.channels.iter().all(|channel| channel.in_step),
            due: false,
            has_room: false,
        }
    }
}

impl Facts {
    /// What of a unit's entries a card should hold.
    pub(crate) fn values_for(&self, card: CardId) -> BTreeMap<Blob, Blob> {
        let mut values = self.values.clone();
        values.retain(|key, _| is_for(key, card));
        values
    }
}

fn values(entries: &BTreeMap<Blob, (Version, Blob)>) -> BTreeMap<Blob, Blob> {
    entries.iter().map(|(key, (_, part))| (key.clone(), part.clone())).collect()
}
