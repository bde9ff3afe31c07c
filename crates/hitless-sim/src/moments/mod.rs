//! Moments: what a party may be in the midst of. Every death is classified by all of them, and an ambush waits for one, so
//! that the rare ones are reached often.

mod ambush;
mod claimants;
mod deaths;
mod followers;
mod owners;
mod reach;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::io::Role;

pub use ambush::{Ambush, Deed, When};
pub(crate) use ambush::{any as any_moment, may_kill};

use crate::coverage::Row;
use crate::coverage::facts::{CardFacts, Facts, UnitFacts};
use crate::world::World;

/// One party, and all that is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) world: &'a World,
    pub(crate) facts: &'a Facts,
    pub(crate) party: Party,
}

impl<'a> Look<'a> {
    fn unit(&self) -> Option<(UnitId, &'a ControlUnit, &'a UnitFacts)> {
        let Party::Unit(unit) = self.party else { return None };
        Some((unit, self.world.unit(unit)?, self.facts.units.get(&unit)?))
    }

    /// The unit, if it has this role.
    fn unit_as(&self, role: Role) -> Option<(UnitId, &'a ControlUnit, &'a UnitFacts)> {
        self.unit().filter(|(_, unit, _)| unit.role() == role)
    }

    /// The unit, if it owns an epoch.
    fn owner(&self) -> Option<(UnitId, &'a ControlUnit, &'a UnitFacts)> {
        self.unit().filter(|(_, unit, _)| matches!(unit.role(), Role::Primary | Role::TakingOver))
    }

    fn card(&self) -> Option<(CardId, &'a CardFacts)> {
        let Party::Card(card) = self.party else { return None };
        Some((card, self.facts.cards.get(&card)?))
    }
}

/// A moment: the fault that a death in it is, and how it is recognised.
pub(crate) struct Moment {
    pub(crate) row: Row,
    pub(crate) is_now: fn(&Look<'_>) -> bool,
}

const fn moment(row: Row, is_now: fn(&Look<'_>) -> bool) -> Moment {
    Moment { row, is_now }
}

/// A promise or a vote is on its way to the disk.
fn storing(look: &Look<'_>) -> bool {
    look.world.hosts.get(&look.party).is_some_and(|host| host.disk.under_way() > 0)
}

/// All of them.
pub(crate) const MOMENTS: &[Moment] = &[
    moment(Row::BeforeAnySend, reach::before_any_send),
    moment(Row::OneCardNotAnother, reach::one_card_not_another),
    moment(Row::AllCardsNoStandby, reach::all_cards_no_standby),
    moment(Row::StandbyNoCard, reach::standby_no_card),
    moment(Row::OneStandbyNotAnother, reach::one_standby_not_another),
    moment(Row::AckNotRelayed, owners::ack_not_relayed),
    moment(Row::CompletionNotTold, owners::completion_not_told),
    moment(Row::InSyncChange, owners::in_sync_change),
    moment(Row::MidBulk, owners::mid_bulk),
    moment(Row::InTheFreeze, owners::in_the_freeze),
    moment(Row::HandedOver, owners::handed_over),
    moment(Row::Claimed, claimants::claimed),
    moment(Row::SomePromises, claimants::some_promises),
    moment(Row::MidReplay, claimants::mid_replay),
    moment(Row::Replayed, claimants::replayed),
    moment(Row::OpenBeforeSynced, owners::open_before_synced),
    moment(Row::TwoClaimants, claimants::two_claimants),
    moment(Row::ClaimAnswerLost, claimants::answer_on_its_way),
    moment(Row::AckOnlyAtTheDead, owners::ack_only_here),
    moment(Row::CardBetweenApplyAndAck, followers::applied_not_acked),
    moment(Row::CardTwice, followers::again_before_in_step),
    moment(Row::FormerLife, followers::being_filled),
    moment(Row::ReconcileCut, followers::mid_reconcile),
    moment(Row::PromiseLost, storing),
];
