//! Moments of a primary: between an ack and its relay, in a change of the record, in a bulk, in a switchover.

use hitless_proto::config::AckPath;
use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Role;

use super::Look;
use crate::coverage::facts::Asked;

/// The units that are in sync, as they see themselves.
fn standbys<'a>(look: &'a Look<'_>) -> impl Iterator<Item = UnitId> + 'a {
    let units = look.world.units().iter().copied();
    units.filter(|unit| look.world.role(*unit) == Some(Role::Standby))
}

/// The primary has an ack that it has not passed on to some standby.
pub(super) fn ack_not_relayed(look: &Look<'_>) -> bool {
    if look.world.chassis.ack_path != AckPath::Relayed {
        return false;
    }
    let Some((_, _, facts)) = look.unit_as(Role::Primary) else { return false };
    let behind = |unit: UnitId| {
        facts.acks.iter().any(|((process, card), acked)| {
            let relayed = facts.relayed.get(&(*process, *card, unit)).copied().unwrap_or_default();
            let in_step = facts.channels.get(&(*process, Party::Card(*card))).is_some_and(|of| of.in_step);
            in_step && acked.epoch == facts.epoch && acked.applied > relayed
        })
    };
    standbys(look).any(behind)
}

/// An op is complete, and its source was not told.
pub(super) fn completion_not_told(look: &Look<'_>) -> bool {
    let Some((_, unit, facts)) = look.unit_as(Role::Primary) else { return false };
    unit.status().processes.iter().any(|process| {
        let told = facts.told.get(&process.process).copied().unwrap_or_default();
        process.safe > told.1
    })
}

/// The record was asked to be changed, and the unit does not know yet that it was.
pub(super) fn in_sync_change(look: &Look<'_>) -> bool {
    let Some((_, unit, facts)) = look.owner() else { return false };
    let Some(Asked::Write(epoch, version)) = facts.asked else { return false };
    let record = unit.status().record;
    (record.epoch, record.version) < (epoch, version)
}

/// Some follower is being filled.
pub(super) fn mid_bulk(look: &Look<'_>) -> bool {
    look.owner().is_some_and(|(_, _, facts)| facts.channels.values().any(|channel| channel.filling))
}

/// Intake is closed, and the consent is not given.
pub(super) fn in_the_freeze(look: &Look<'_>) -> bool {
    look.unit_as(Role::HandingOver).is_some_and(|(_, _, facts)| !facts.handed_over)
}

/// The consent is given, and the unit has not heard of its successor.
pub(super) fn handed_over(look: &Look<'_>) -> bool {
    look.unit_as(Role::HandingOver).is_some_and(|(_, _, facts)| facts.handed_over)
}

/// The epoch is open while some other unit that follows is still to be synced.
pub(super) fn open_before_synced(look: &Look<'_>) -> bool {
    let Some((_, _, facts)) = look.unit_as(Role::Primary) else { return false };
    facts.channels.iter().any(|((_, party), channel)| matches!(party, Party::Unit(_)) && !channel.in_step)
}

/// No standby knows of an ack that the primary knows of.
pub(super) fn ack_only_here(look: &Look<'_>) -> bool {
    let Some((_, _, facts)) = look.unit_as(Role::Primary) else { return false };
    let others: Vec<_> = standbys(look).filter_map(|unit| look.facts.units.get(&unit)).collect();
    !others.is_empty()
        && facts.acks.iter().any(|(of, acked)| {
            let known = |other: &&&crate::coverage::facts::UnitFacts| {
                other.acks.get(of).is_some_and(|known| known >= acked)
            };
            acked.epoch == facts.epoch && !others.iter().any(|other| known(&other))
        })
}
