//! Partial-order reduction: of steps that can be taken in any order, with the same outcome, one order is enough.
//!
//! **What is taken alone.** In a state from which no fault can come any more, and in which the chassis is *still* (below),
//! the steps of one party `p` may form a *persistent set*: whatever the others do before `p` moves, no step of theirs
//! depends on one of these. Then every rest and every history of a single party that can be reached at all is reached by
//! a way that begins with one of them, and the others' steps can wait. Two steps of different parties depend on each
//! other only if one of them can
//! - put a message into a queue that is empty, so that its receiver gets a choice that it did not have (appending behind
//!   a head changes nothing for the receiver, and taking the head nothing for the sender);
//! - connect a link, which is a step of both its ends;
//! - make a timeout of the other possible or impossible (timeouts wait until nothing is on its way).
//!
//! So `p` qualifies if it has something to do that keeps timeouts away, each of its links with a living party is up at its
//! end, and each such peer has a message under way to it or *can send it none* before it moves.
//!
//! **Who can send.** A unit is *active* if it leads (takes over, or is primary), has a campaign under way, or is about to see the
//! end of the primary that it follows, on which it begins one. Active units may send to anyone. All others only answer: to a
//! message they send to its sender at most, and nothing to cards. Cards answer whom they hear, and ack to the owner of
//! their epoch, or to every unit where acks are direct; a card that nobody can reach before `p` moves does nothing.
//!
//! **Still.** Nobody becomes active before `p` moves. For that takes a timeout, or the end of a link:
//! - With prompt links and late timeouts ([`Bounds::prompt`](crate::bounds::Bounds::prompt)) there is no timeout while
//!   `p` has a message in its queue or its forwarding table works. But a party that starts then connects with all others at once: as
//!   long as one may start, nothing is reduced.
//! - Else there must be exactly one leader, in an epoch that is at least as high as everything that was ever promised or that
//!   any message asks for, and all other living units must follow it, know that epoch, and have no timeout. Nobody can
//!   depose the leader, for lack of a higher epoch; it does not die, for lack of faults; so nobody is orphaned. A party that
//!   is dead but may start again does nothing until it does: its start is part of the set.
//!
//! **What is checked.** Checks of one party's history (fence, versions, forwarding table, acks, invariants) see the same history
//! in each order. What is compared across parties is looked at by [`visible`]: a step that changes it makes the search take all
//! steps. A plan is compared with a card that has promised, and does not change until the plan is carried out.
//! "Fold implies ack" is checked only while no fault has struck: a search without faults is not reduced.
//!
//! **Cycles.** Of a persistent set one step must lead to a state that is gone on from later (a new one, or one that waits for
//! its turn); else the search takes all steps. As "later" has no cycles, no party is put off for ever.
//!
//! A reduced search may miss the *shortest* way to a violation, so mutants are searched without.

use hitless_proto::config::AckPath;
use hitless_proto::ids::{Epoch, Party};
use hitless_proto::io::Role;
use hitless_proto::message::{Message, ToCard, UnitMessage, VoteRequest};

use crate::bounds::Faults;
use crate::choice::Choice;
use crate::facts::Facts;
use crate::step::Model;
use crate::world::{Place, World};

/// The choices (by index in `all`) that are enough in this state; `None`: all of them are needed.
pub(crate) fn persistent(model: &Model, world: &World, all: &[Choice]) -> Option<Vec<usize>> {
    let starts = |choice: &Choice| matches!(choice, Choice::Restart { .. });
    if model.bounds.prompt && all.iter().any(starts) {
        return None;
    }
    let still = Still::of(model, world)?;
    let qualified = (0..model.places.all()).filter(|place| still.qualifies(*place));
    let sets = qualified.filter_map(|place| {
        let own: Vec<usize> =
            (0..all.len()).filter(|at| mover(world, all[*at]) == Some(place) || starts(&all[*at])).collect();
        let moves = own.iter().any(|at| !starts(&all[*at]));
        (moves && own.len() < all.len()).then_some(own)
    });
    sets.min_by_key(Vec::len)
}

/// Whether something changed that checks compare across parties.
pub(crate) fn visible(model: &Model, before: &World, after: &World) -> bool {
    let opened = |world: &World, place: Place| {
        let local = world.hosts[place].local?;
        let facts = model.locals.facts(local);
        matches!(facts.role, Role::Primary | Role::HandingOver).then_some((local, facts.epoch))
    };
    let holdings_differ = |place: Place| match (opened(before, place), opened(after, place)) {
        (None, None) => false,
        (Some((was, of)), Some((is, now))) => {
            of != now || model.locals.facts(was).entries != model.locals.facts(is).entries
        }
        (None, Some(_)) | (Some(_), None) => true,
    };
    let deleted = |place: Place| {
        before.hosts[place].table.keys().any(|key| !after.hosts[place].table.contains_key(key))
    };
    !before.oracle.same_visible(&after.oracle)
        || (0..model.places.units).any(holdings_differ)
        || (model.places.units..model.places.all()).any(deleted)
}

/// Whose step it is; `None` for a step of two parties, and for faults.
fn mover(world: &World, choice: Choice) -> Option<Place> {
    match choice {
        Choice::Deliver { link, end } | Choice::SeeEnd { link, end } => Some(world.links[link].places[end]),
        Choice::Persist(place) | Choice::Apply(place) | Choice::Timeout(place) | Choice::Submit(place) => {
            Some(place)
        }
        Choice::Connect { .. } | Choice::Crash(_) | Choice::Restart { .. } | Choice::Cut { .. } => None,
    }
}

/// A state that is still: see the module.
struct Still<'a> {
    model: &'a Model,
    world: &'a World,
    /// Of the units.
    active: Vec<bool>,
}

impl<'a> Still<'a> {
    fn of(model: &'a Model, world: &'a World) -> Option<Self> {
        let left = world.budget.left;
        let faults = left.crashes > 0 || left.card_restarts > 0 || left.cuts > 0;
        if faults || model.bounds.faults == Faults::default() || model.bounds.slow_disk {
            return None;
        }
        let active = (0..model.places.units).map(|place| is_active(model, world, place)).collect();
        let still = Self { model, world, active };
        (model.bounds.prompt || still.is_led()).then_some(still)
    }

    /// One unit leads, nobody can depose it, and all others follow it.
    fn is_led(&self) -> bool {
        let facts = |place: Place| Some((place, self.model.locals.facts(self.world.hosts[place].local?)));
        let units: Vec<(Place, &Facts)> = (0..self.model.places.units).filter_map(facts).collect();
        let mut leaders = units.iter().filter(|(_, facts)| leads(facts));
        let (Some((leader, head)), None) = (leaders.next(), leaders.next()) else { return false };
        let me = self.model.places.party(*leader);
        let follows = |(place, of): &(Place, &Facts)| {
            place == leader
                || (!self.active[*place] && of.epoch == head.epoch && of.primary.map(Party::Unit) == Some(me))
        };
        let highest = promised(self.model, self.world).max(asked(self.model, self.world));
        highest <= head.epoch && units.iter().all(|unit| follows(unit) && !unit.1.due)
    }

    fn alive(&self, place: Place) -> bool {
        self.world.hosts[place].local.is_some()
    }

    /// Whether the steps of this party are a persistent set.
    fn qualifies(&self, place: Place) -> bool {
        let ops_left = usize::from(self.world.budget.next_op) < self.model.bounds.ops.len();
        let active = self.active.get(place).copied();
        if !self.alive(place) || (active == Some(true) && ops_left) {
            return false;
        }
        let mut works = self.world.hosts[place].applying.is_some();
        for link in &self.world.links {
            let Some(end) = link.places.iter().position(|of| *of == place) else { continue };
            let (wire, peer) = (&link.wires[end], link.places[1 - end]);
            works |= !wire.queue.is_empty();
            if !self.alive(peer) {
                continue;
            }
            // Of a link whose other end is gone nothing more comes, until this party has seen it.
            let decided = !wire.queue.is_empty() || wire.closing;
            if !link.ends[end] || (!decided && self.may_send(peer, place)) {
                return false;
            }
        }
        // Where all follow a leader there are no timeouts to be kept away from a card.
        works || (active.is_none() && !self.model.bounds.prompt)
    }

    /// Whether `from` may send `to` something, as long as `to` does not move. A yes may be wrong, a no is not.
    fn may_send(&self, from: Place, to: Place) -> bool {
        if self.in_flight(to, from) {
            return true;
        }
        match self.active.get(from) {
            Some(active) => *active,
            None => {
                let direct = self.model.bounds.ack_path == AckPath::Direct;
                (direct || self.owner(from) == Some(to)) && self.may_act(from, to)
            }
        }
    }

    /// Whether there is a message on its way.
    fn in_flight(&self, from: Place, to: Place) -> bool {
        self.world.link(to, from).is_some_and(|(link, end)| !link.wires[end].queue.is_empty())
    }

    /// Whether a card can do anything before the unit `without` moves.
    fn may_act(&self, card: Place, without: Place) -> bool {
        let reached = |unit: Place| {
            let up = self.world.link(card, unit).is_some_and(|(link, _)| link.ends == [true, true]);
            let may_come = self.alive(unit) && (!up || (self.active[unit] && unit != without));
            self.in_flight(unit, card) || may_come
        };
        self.world.hosts[card].applying.is_some() || (0..self.model.places.units).any(reached)
    }

    fn owner(&self, card: Place) -> Option<Place> {
        let local = self.world.hosts[card].local?;
        let (_, owner) = self.model.locals.facts(local).promised;
        Some(self.model.places.place(Party::Unit(owner)))
    }
}

fn leads(facts: &Facts) -> bool {
    matches!(facts.role, Role::TakingOver | Role::Primary | Role::HandingOver)
}

/// Whether a unit may send without being asked.
fn is_active(model: &Model, world: &World, place: Place) -> bool {
    let Some(local) = world.hosts[place].local else { return false };
    let facts = model.locals.facts(local);
    let primary = facts.primary.map(|primary| model.places.place(Party::Unit(primary)));
    let ends = primary
        .and_then(|primary| world.link(place, primary))
        .is_some_and(|(link, end)| link.wires[end].closing);
    leads(facts) || !facts.idle || ends
}

/// The highest epoch that any party promised, as a voter or as a card, on disk or not yet.
fn promised(model: &Model, world: &World) -> Epoch {
    let each = world.hosts.iter().map(|host| {
        let fence = host.local.map(|local| model.locals.facts(local).promised.0);
        model.locals.promised_on(host.disk).max(fence.unwrap_or_default())
    });
    each.max().unwrap_or_default()
}

/// The highest epoch that any message on its way asks a promise for.
fn asked(model: &Model, world: &World) -> Epoch {
    let queued = world.links.iter().flat_map(|link| link.wires.iter().flat_map(|wire| &wire.queue));
    queued.map(|id| asks(model.locals.message(*id))).max().unwrap_or_default()
}

fn asks(message: &Message) -> Epoch {
    match message {
        Message::ToCard(ToCard::Vote(request)) | Message::Unit(UnitMessage::Vote(request)) => match request {
            VoteRequest::Poll => Epoch(0),
            VoteRequest::Ballot { ballot, .. } => ballot.epoch,
            VoteRequest::Write(record) => record.epoch,
        },
        Message::ToCard(ToCard::Claim(claim)) => claim.epoch,
        Message::Unit(UnitMessage::Report(report)) => report.epoch,
        Message::ToCard(
            ToCard::Start(_) | ToCard::Ops(_) | ToCard::Fill(_) | ToCard::Ask(_) | ToCard::InStep(_),
        )
        | Message::FromCard(_)
        | Message::Unit(
            UnitMessage::Voted(_)
            | UnitMessage::Primary(_)
            | UnitMessage::Standby(_)
            | UnitMessage::Refused(_),
        ) => Epoch(0),
    }
}
