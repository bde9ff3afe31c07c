//! Moments of who follows: a card between its table and its ack, anybody who is being brought up to date.

use hitless_proto::io::Role;

use super::Look;

/// Writes are in the forwarding table, and their ack was not sent.
pub(super) fn applied_not_acked(look: &Look<'_>) -> bool {
    look.card().is_some_and(|(_, facts)| !facts.unacked.is_empty())
}

/// It died before, and was in step in an earlier life only.
pub(super) fn again_before_in_step(look: &Look<'_>) -> bool {
    let Some((card, facts)) = look.card() else { return false };
    !facts.in_step && look.facts.died_as.contains_key(&look.party) && look.facts.served.contains(&card)
}

/// Entries that it lacked are on their way to it.
pub(super) fn being_filled(look: &Look<'_>) -> bool {
    look.facts.following(look.party).any(|channel| channel.filling)
}

/// A difference is known, and not yet repaired: at this follower, or at this owner.
pub(super) fn mid_reconcile(look: &Look<'_>) -> bool {
    let owner = look.owner().is_some_and(|(_, _, facts)| facts.channels.values().any(|of| of.differs));
    let follows = look.unit().is_none_or(|(_, unit, _)| unit.role() == Role::Joining);
    owner || (follows && look.facts.following(look.party).any(|channel| channel.differs))
}
