//! What must hold of every state and every step (protocol.md section 8).

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, Version};
use hitless_proto::io::Role;
use hitless_proto::message::{
    Ack, FromCard, Message, ToCard, ToStandby, UnitMessage, VoteReply, VoteRequest,
};

use crate::facts::Facts;
use crate::fingerprint;
use crate::input::MessageId;
use crate::local::{is_for, key};
use crate::step::Model;
use crate::violation::Violation;
use crate::world::{Place, World};

/// Of a step and the state it led to.
pub(crate) fn step(model: &Model, before: &World, after: &World) -> Result<(), Violation> {
    for place in 0..after.hosts.len() {
        let (was, is) = (&before.hosts[place], &after.hosts[place]);
        let Some(local) = is.local.filter(|_| was.local != is.local) else { continue };
        let facts = model.locals.facts(local);
        if place < model.places.units {
            claimant(after, (place, model), facts)?;
        } else {
            if let Some(former) = was.local.filter(|_| was.lives == is.lives) {
                versions_rise(model.locals.facts(former), facts, model.places.party(place))?;
            }
            after.oracle.keeps_fence(place, facts.promised)?;
            no_old_effect(model, (was.local, place), (before, after))?;
        }
    }
    folds_what_is_acked(model, after)?;
    safe(model, after)
}

/// What is safe is held by the primary of the newest epoch.
fn safe(model: &Model, world: &World) -> Result<(), Violation> {
    let newest = world.oracle.newest_epoch();
    for (place, host) in world.hosts.iter().enumerate().take(model.places.units) {
        let Some(local) = host.local else { continue };
        let facts = model.locals.facts(local);
        if facts.epoch == newest && matches!(facts.role, Role::Primary | Role::HandingOver) {
            let unit = model.places.party(place);
            let wrong = |what: String| Violation::new("safe survives", format!("{unit}: {what}"));
            world.oracle.admits(&facts.values, &model.bounds.ops).map_err(wrong)?;
        }
    }
    Ok(())
}

/// A unit that takes over is in the in-sync set, unless every member of it is gone.
fn claimant(world: &World, (place, model): (Place, &Model), facts: &Facts) -> Result<(), Violation> {
    let me = (Party::Unit(hitless_proto::ids::UnitId(place as u8 + 1)), facts.life);
    let members = &facts.in_sync;
    let named = members.iter().any(|(unit, life)| (Party::Unit(*unit), *life) == me);
    let lives = |place: Place| world.hosts[place].local.map(|local| model.locals.facts(local).life);
    let one_lives =
        members.iter().any(|(unit, life)| lives(model.places.place(Party::Unit(*unit))) == Some(*life));
    if facts.role == Role::TakingOver && !named && one_lives {
        let what = format!("{} takes over; the set is {members:?}", me.0);
        return Err(Violation::new("the claimant is in sync", what));
    }
    Ok(())
}

fn versions_rise(was: &Facts, is: &Facts, party: Party) -> Result<(), Violation> {
    let lower = is.entries.iter().find(|(key, (version, _))| {
        was.entries.get(*key).is_some_and(|(former, _): &(Version, Blob)| version < former)
    });
    match lower {
        Some((key, (version, _))) => {
            let what = format!("{party}: {key:?} goes back to {version}");
            Err(Violation::new("key versions only rise", what))
        }
        None => Ok(()),
    }
}

/// A message of an epoch below the promise, or from another than its owner, has no effect on a card.
fn no_old_effect(
    model: &Model,
    (was, place): (Option<crate::input::LocalId>, Place),
    (before, after): (&World, &World),
) -> Result<(), Violation> {
    let Some(was) = was else { return Ok(()) };
    // The link of which a message was taken by this step.
    let taken = before.links.iter().zip(&after.links).find_map(|(was, is)| {
        let end = was.places.iter().position(|of| *of == place)?;
        let first = was.wires[end].queue.first()?;
        let shorter = is.wires[end].queue.len() < was.wires[end].queue.len() && is.ends[end];
        shorter.then_some((was.places[1 - end], *first))
    });
    let Some((from, message)) = taken else { return Ok(()) };
    let (promised, owner) = model.locals.facts(was).promised;
    let epoch = match model.locals.message(message) {
        Message::ToCard(message) => match message {
            ToCard::Ops(ops) => ops.epoch,
            ToCard::Fill(fill) => fill.epoch,
            ToCard::Start(start) => start.epoch,
            ToCard::InStep(step) => step.epoch,
            ToCard::Claim(_) | ToCard::Ask(_) | ToCard::Vote(_) => return Ok(()),
        },
        Message::FromCard(_) | Message::Unit(_) => return Ok(()),
    };
    let old = epoch < promised || (epoch == promised && model.places.party(from) != Party::Unit(owner));
    let (was, is) = (model.locals.facts(was), after.hosts[place].local.map(|is| model.locals.facts(is)));
    let same = is.is_some_and(|is| is.entries == was.entries && is.in_step == was.in_step)
        && before.hosts[place].applying == after.hosts[place].applying;
    if old && !same {
        let what = format!("{} takes something of {epoch} after {promised}", model.places.party(place));
        return Err(Violation::new("no effect from below the promise", what));
    }
    Ok(())
}

/// While nothing failed, a standby folds only what every card that it is for has applied.
fn folds_what_is_acked(model: &Model, world: &World) -> Result<(), Violation> {
    if world.budget.left != model.bounds.faults {
        return Ok(());
    }
    let facts = |place: Place| world.hosts[place].local.map(|local| model.locals.facts(local));
    for unit in (0..model.places.units).filter_map(facts).filter(|unit| unit.role == Role::Standby) {
        for place in model.places.units..model.places.all() {
            let (Some(card), Party::Card(number)) = (facts(place), model.places.party(place)) else {
                continue;
            };
            let issued = world.oracle.issued_upto(unit.epoch, unit.done.seq);
            let is_its = |index: &u8| is_for(&key(model.bounds.ops[usize::from(*index)]), number);
            let last = issued.filter(|(index, _)| is_its(index)).map(|(_, version)| version.seq).max();
            if card.in_step && card.promised.0 == unit.epoch && last.is_some_and(|last| card.done.seq < last)
            {
                let what = format!("a standby folded {}, {number} applied {}", unit.done, card.done);
                return Err(Violation::new("fold implies ack", what));
            }
        }
    }
    Ok(())
}

/// Where a takeover goes by acks, it replays or adopts every key in which the card differs.
pub(crate) fn plan_covers(
    model: &Model,
    world: &World,
    unit: Place,
    (number, keys): (CardId, Option<&[Blob]>),
) -> Result<(), Violation> {
    let card = Party::Card(number);
    let place = model.places.place(card);
    let (Some(unit), Some(host)) = (world.hosts[unit].local, world.hosts[place].local) else { return Ok(()) };
    let (unit, held) = (model.locals.facts(unit), model.locals.facts(host));
    let same_life = unit.connected.contains(&(card, held.life));
    let Some(keys) = keys.filter(|_| same_life && held.promised.0 == unit.epoch) else { return Ok(()) };
    let all = held.entries.keys().chain(unit.entries.keys());
    let differs = |key: &&Blob| {
        let at = unit.entries.get(*key).filter(|_| is_for(key, number));
        let on = held.entries.get(*key);
        let on_its_way = at.is_some_and(|(version, _)| version.epoch == unit.epoch)
            || (at.is_none() && world.oracle.named(unit.epoch, key, &model.bounds.ops));
        !on_its_way && !keys.contains(key) && at.map(|entry| &entry.1) != on.map(|entry| &entry.1)
    };
    match all.into_iter().find(differs) {
        Some(key) => {
            let what = format!("{key:?} differs on {card}, and the takeover replays {keys:?}");
            Err(Violation::new("replay covers every differing key", what))
        }
        None => Ok(()),
    }
}

/// A card deletes what the source withdrew. Where the takeover went by digest, since the card does not vouch for its history,
/// what was never safe may go too: whether it was ever issued cannot be known there (ADR 4).
pub(crate) fn may_delete(model: &Model, world: &World, (card, key): (Place, &Blob)) -> bool {
    let host = &world.hosts[card];
    let promised = host.local.map(|local| model.locals.facts(local).promised.0).unwrap_or_default();
    let vouched = host.lives == 1 && world.oracle.goes_by_acks(card, promised);
    world.oracle.withdrawn(key, &model.bounds.ops) || (!vouched && !world.oracle.was_safe(key))
}

/// Of a message that is sent.
pub(crate) fn sent(
    model: &Model,
    world: &mut World,
    (from, to): (Place, Party),
    message: MessageId,
) -> Result<(), Violation> {
    match model.locals.message(message) {
        Message::FromCard(FromCard::Promise(promise)) => {
            let owner = world.hosts[from].local.map(|local| model.locals.facts(local).promised.1);
            world.note(|oracle| oracle.note_fence(from, (promise.epoch, owner.unwrap_or_default())))
        }
        Message::FromCard(FromCard::Vote(reply)) | Message::Unit(UnitMessage::Voted(reply)) => {
            let epoch = match reply {
                VoteReply::Promised { ballot, .. } => ballot.epoch,
                VoteReply::Accepted { epoch, .. } => *epoch,
                VoteReply::Poll(_) | VoteReply::Refused { .. } => return Ok(()),
            };
            let Party::Unit(to) = to else { return Ok(()) };
            world.note(|oracle| oracle.note_vote(from, (epoch, to)))
        }
        Message::ToCard(ToCard::Vote(VoteRequest::Ballot { ballot, .. }))
        | Message::Unit(UnitMessage::Vote(VoteRequest::Ballot { ballot, .. })) => {
            world.note(|oracle| oracle.note_asked(ballot.epoch))
        }
        Message::FromCard(FromCard::Ack(ack)) => ack_means_effect(model, world, from, ack),
        Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
            for update in &ops.ops {
                let print = fingerprint::of(&**update) as u64;
                world.note(|oracle| oracle.note_payload(update.version, print))?;
            }
            Ok(())
        }
        Message::FromCard(
            FromCard::Report(_) | FromCard::Refused(_) | FromCard::Tell(_) | FromCard::Broken(_),
        )
        | Message::Unit(
            UnitMessage::Report(_)
            | UnitMessage::Vote(_)
            | UnitMessage::Primary(_)
            | UnitMessage::Standby(_)
            | UnitMessage::Refused(_),
        )
        | Message::ToCard(_) => Ok(()),
    }
}

/// An ack means *in the forwarding table*, by read-back.
fn ack_means_effect(model: &Model, world: &World, card: Place, ack: &Ack) -> Result<(), Violation> {
    let Some(local) = world.hosts[card].local else { return Ok(()) };
    let facts = model.locals.facts(local);
    if !facts.in_step {
        // It says where the channel begins; what it lacks is found by digest.
        return Ok(());
    }
    let table = &world.hosts[card].table;
    let wrong = |what| Err(Violation::new("an ack means effect", what));
    let busy = |key: &Blob| {
        let writes = world.hosts[card].applying.map(|(_, id)| model.locals.writes(id));
        writes.into_iter().flatten().any(|write| write.key == *key)
    };
    if let Some((key, _)) =
        facts.entries.iter().find(|(key, (_, part))| table.get(*key) != Some(part) && !busy(key))
    {
        return wrong(format!("{key:?} is not in the forwarding table"));
    }
    for (index, version) in world.oracle.issued_upto(ack.epoch, ack.applied) {
        let wanted = model.bounds.ops[usize::from(index)];
        let named = key(wanted);
        let held = facts.entries.get(&named);
        let withdrawn = world.oracle.withdrawn(&named, &model.bounds.ops);
        // A table that was kept holds the value at version zero: it was proved equal by digest.
        let later = model.bounds.ops.iter().skip(usize::from(index)).filter(|later| later.0 == wanted.0);
        let there = |(at, part): &(Version, Blob)| {
            *at >= version || later.clone().any(|later| crate::local::value(*later).as_ref() == Some(part))
        };
        let here = match model.places.party(card) {
            Party::Card(card) => is_for(&named, card),
            Party::Unit(_) => false,
        };
        if here && wanted.1.is_some() && !withdrawn && !held.is_some_and(there) {
            return wrong(format!("{version} is acked, and {named:?} is held at {held:?}"));
        }
    }
    Ok(())
}
