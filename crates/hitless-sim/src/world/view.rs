//! What a script or a checker can see of the world.

use std::collections::BTreeMap;

use hitless_proto::arbiter::VoterState;
use hitless_proto::config::ArbiterKind;
use hitless_proto::entry::{Blob, CardContent, Content};
use hitless_proto::ids::{CardId, Life, Party, ProcessId, Time, UnitId, Version};
use hitless_proto::io::{Event, Role};
use hitless_proto::report::TakeoverReport;
use hitless_proto::status::{CardStatus, ClientStatus, UnitStatus};
use hitless_proto::{Card, ControlUnit};

use super::{Sent, World};
use crate::forwarding_table::ForwardingTable;
use crate::oracle::{Oracle, Submitted};
use crate::trace::Trace;

impl World {
    /// The control unit, if it is alive.
    #[must_use]
    pub fn unit(&self, unit: UnitId) -> Option<&ControlUnit> {
        self.hosts.get(&Party::Unit(unit))?.unit()
    }

    /// The card, if it is alive.
    #[must_use]
    pub fn card(&self, card: CardId) -> Option<&Card> {
        self.hosts.get(&Party::Card(card))?.card()
    }

    /// The units.
    #[must_use]
    pub fn units(&self) -> &[UnitId] {
        &self.chassis.units
    }

    /// The cards, without those that are gone for good.
    #[must_use]
    pub fn cards(&self) -> &[CardId] {
        &self.cards
    }

    /// The processes.
    #[must_use]
    pub fn processes(&self) -> &[ProcessId] {
        &self.processes
    }

    /// The present life of a party, or its last.
    #[must_use]
    pub fn life(&self, party: Party) -> Life {
        self.hosts.get(&party).map(|host| host.life).unwrap_or_default()
    }

    /// What a party goes by as a voter, if it is one and lives.
    #[must_use]
    pub fn votes(&self, party: Party) -> Option<&VoterState> {
        match party {
            Party::Unit(unit) => self.unit(unit)?.votes(),
            Party::Card(card) => self.card(card)?.votes(),
        }
    }

    /// A register outside the protocol decides who is primary.
    #[must_use]
    pub fn has_external_arbiter(&self) -> bool {
        self.voters().is_none()
    }

    /// The voters, where they decide who is primary.
    #[must_use]
    pub fn voters(&self) -> Option<&[Party]> {
        match &self.chassis.arbiter {
            ArbiterKind::Voters(voters) => Some(voters),
            ArbiterKind::External => None,
        }
    }

    /// Two parties have a connection, as one of them sees it.
    #[must_use]
    pub fn is_linked(&self, a: Party, b: Party) -> bool {
        self.hosts.get(&a).is_some_and(|host| host.links.contains_key(&b))
    }

    /// A party was not started yet, in no life.
    #[must_use]
    pub fn never_ran(&self, party: Party) -> bool {
        self.hosts.get(&party).is_some_and(|host| host.life == Life(0))
    }

    /// How many steps were taken at this instant.
    #[must_use]
    pub fn steps_at_once(&self) -> u64 {
        self.at_once
    }

    /// A party runs and is not frozen.
    #[must_use]
    pub fn is_up(&self, party: Party) -> bool {
        self.hosts.get(&party).is_some_and(|host| host.alive() && host.frozen.is_none())
    }

    /// The unit that runs and says that it is primary of an opened epoch; of several, of the newest.
    #[must_use]
    pub fn primary(&self) -> Option<UnitId> {
        let primaries = self.chassis.units.iter().filter(|unit| {
            self.is_up(Party::Unit(**unit)) && self.unit(**unit).is_some_and(ControlUnit::is_primary)
        });
        primaries.copied().max_by_key(|unit| self.epochs.get(unit).copied())
    }

    /// A unit's status.
    #[must_use]
    pub fn unit_status(&self, unit: UnitId) -> Option<UnitStatus> {
        self.unit(unit).map(ControlUnit::status)
    }

    /// A card's status.
    #[must_use]
    pub fn card_status(&self, card: CardId) -> Option<CardStatus> {
        self.card(card).map(Card::status)
    }

    /// A unit's role, if it is alive.
    #[must_use]
    pub fn role(&self, unit: UnitId) -> Option<Role> {
        self.unit(unit).map(ControlUnit::role)
    }

    /// One unit is primary and all others are in sync with it, which the arbiter knows: while a record is being written that does
    /// not name a standby, that standby could not succeed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let primary = self.primary().and_then(|unit| self.unit(unit)?.records());
        if primary.is_some_and(|(_, writing)| writing.is_some()) {
            return false;
        }
        let roles: Vec<Option<Role>> = self.chassis.units.iter().map(|unit| self.role(*unit)).collect();
        let of = |role| roles.iter().filter(|found| **found == Some(role)).count();
        of(Role::Primary) == 1 && of(Role::Standby) + 1 == roles.len()
    }

    /// The last takeover report of the primary.
    #[must_use]
    pub fn report(&self) -> Option<&TakeoverReport> {
        self.unit(self.primary()?)?.reports().last()
    }

    /// What packets follow on a card.
    #[must_use]
    pub fn table(&self, card: CardId, process: ProcessId) -> Option<&ForwardingTable> {
        self.hosts.get(&Party::Card(card))?.tables.get(&process)
    }

    /// What a card should forward, as a unit has it.
    #[must_use]
    pub fn wanted(&self, unit: UnitId, card: CardId, process: ProcessId) -> BTreeMap<Blob, Blob> {
        let entries = self.unit(unit).into_iter().flat_map(|unit| unit.entries(process));
        let mine = entries.filter(|(_, _, content)| content.audience.contains(card));
        mine.map(|(key, _, content)| (key, content.card_part)).collect()
    }

    /// The entries of a process at a unit.
    #[must_use]
    pub fn held(&self, unit: UnitId, process: ProcessId) -> BTreeMap<Blob, (Version, Content)> {
        let entries = self.unit(unit).into_iter().flat_map(|unit| unit.entries(process));
        entries.map(|(key, version, content)| (key, (version, content))).collect()
    }

    /// One entry of a card's own mirror.
    #[must_use]
    pub fn mirrored(
        &self,
        card: CardId,
        process: ProcessId,
        key: &[u8],
    ) -> Option<(Version, CardContent, bool)> {
        self.card(card)?.entry(process, key)
    }

    /// The cards that have processed an op: it would outlive all units.
    pub(crate) fn holders(&self, process: ProcessId, op: &Submitted) -> Vec<CardId> {
        let has = |card: &&CardId| {
            let channels = self.card_status(**card).map(|status| status.channels).unwrap_or_default();
            let has = |channel: &ClientStatus| channel.in_step && channel.applied >= op.version;
            channels.iter().any(|channel| channel.process == process && has(channel))
        };
        self.cards.iter().filter(has).copied().collect()
    }

    /// Everything that any party said.
    #[must_use]
    pub fn events(&self) -> &[(Time, Party, Event)] {
        &self.events
    }

    /// Every message that was sent, where `Builder::keep_messages` was asked for.
    #[must_use]
    pub fn messages(&self) -> &[Sent] {
        &self.messages
    }

    /// What sources asked for and were told.
    #[must_use]
    pub fn oracle(&self) -> &Oracle {
        &self.oracle
    }

    /// The trace, where `Builder::trace` was asked for.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Every op that a source was given an id for is safe.
    #[must_use]
    pub fn all_safe(&self) -> bool {
        let (submitted, safe) = self.oracle.counts();
        submitted == safe
    }
}
