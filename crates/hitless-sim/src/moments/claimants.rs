//! Moments of a unit that wants to be primary, or was granted it: asking, claiming, replaying.

use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Role;

use super::Look;
use crate::coverage::facts::{Asked, Replay, UnitFacts};

/// Cards are claimed, and none has promised.
pub(super) fn claimed(look: &Look<'_>) -> bool {
    let Some((_, _, facts)) = look.unit_as(Role::TakingOver) else { return false };
    !facts.claims.is_empty() && facts.claims.values().all(|promised| !promised)
}

/// Some claimed cards have promised, others have not.
pub(super) fn some_promises(look: &Look<'_>) -> bool {
    let Some((_, _, facts)) = look.unit_as(Role::TakingOver) else { return false };
    facts.claims.values().any(|promised| *promised) && !facts.claims.values().all(|promised| *promised)
}

/// What is in doubt is being replayed.
pub(super) fn mid_replay(look: &Look<'_>) -> bool {
    look.owner().is_some_and(|(_, _, facts)| facts.replays.values().any(Replay::under_way))
}

/// All that was in doubt is replayed, and the epoch is not open.
pub(super) fn replayed(look: &Look<'_>) -> bool {
    let Some((_, _, facts)) = look.unit_as(Role::TakingOver) else { return false };
    let any = facts.replays.values().any(|replay| replay.upto.0 > 0);
    any && !facts.replays.values().any(Replay::under_way)
}

fn claims(look: &Look<'_>, unit: UnitId, facts: &UnitFacts) -> bool {
    let now = look.world.now();
    let campaign = look.world.chassis.timing.campaign;
    let asked = matches!(facts.asked, Some(Asked::Claim(at)) if now.since(at) <= campaign);
    match look.world.role(unit) {
        Some(Role::TakingOver) => true,
        Some(Role::Standby | Role::Joining) => asked,
        Some(Role::Primary | Role::HandingOver) | None => false,
    }
}

/// It is not the only one that wants an epoch, or was granted one that is not open.
pub(super) fn two_claimants(look: &Look<'_>) -> bool {
    let Some((me, _, facts)) = look.unit() else { return false };
    if !claims(look, me, facts) {
        return false;
    }
    let mut others = look.facts.units.iter().filter(|(unit, _)| **unit != me);
    others.any(|(unit, facts)| claims(look, *unit, facts))
}

/// A vote for it, or the arbiter's grant, is on its way.
pub(super) fn answer_on_its_way(look: &Look<'_>) -> bool {
    let Some((me, unit, facts)) = look.unit() else { return false };
    if !matches!(unit.role(), Role::Standby | Role::Joining) {
        return false;
    }
    let record = &look.world.arbiter.record;
    let granted = facts.asked.is_some() && record.owner == me && record.epoch > facts.epoch;
    let alive = |party: Party| look.world.hosts.get(&party).is_some_and(|host| host.alive());
    granted || (facts.answers > 0 && alive(look.party))
}
