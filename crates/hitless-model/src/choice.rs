//! What may happen next.

use crate::bounds::Bounds;
use crate::local::Locals;
use crate::world::{Host, Place, Places, World};

/// One step of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The next message of link `link` reaches its end `end`.
    Deliver { link: usize, end: usize },
    /// An end sees that the other is gone; what was in flight to it is lost.
    SeeEnd { link: usize, end: usize },
    /// Both ends are connected.
    Connect { link: usize },
    /// The oldest disk write is done.
    Persist(Place),
    /// The forwarding table is done with its batch.
    Apply(Place),
    /// A timeout comes to pass.
    Timeout(Place),
    /// The source submits its next op here.
    Submit(Place),
    /// A party dies.
    Crash(Place),
    /// A dead party comes back; a card's forwarding table was kept, or is empty.
    Restart { place: Place, kept: bool },
    /// An end gives up a link although the other end lives.
    Cut { link: usize, end: usize },
}

/// What goes on by itself: no faults, nothing new from the source. Timeouts come apart: see [`timeouts`].
pub(crate) fn progress(world: &World) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (place, host) in world.hosts.iter().enumerate() {
        if !host.persisting.is_empty() {
            choices.push(Choice::Persist(place));
        }
        if host.applying.is_some() {
            choices.push(Choice::Apply(place));
        }
    }
    for (link, of) in world.links.iter().enumerate() {
        for end in 0..2 {
            if !of.wires[end].queue.is_empty() {
                choices.push(Choice::Deliver { link, end });
            }
            if of.wires[end].closing {
                choices.push(Choice::SeeEnd { link, end });
            }
        }
        let alive = of.places.iter().all(|place| world.hosts[*place].local.is_some());
        if alive && of.ends == [false, false] {
            choices.push(Choice::Connect { link });
        }
    }
    choices
}

/// Timeouts are late: a party's comes to pass only when nothing is on its way to it or from it; or, with `prompt`, when
/// nothing is on its way anywhere.
pub(crate) fn timeouts(world: &World, locals: &Locals, prompt: bool) -> Vec<Choice> {
    let quiet = |place: Place| {
        let busy = |link: &crate::world::Link| {
            (prompt || link.places.contains(&place)) && link.wires.iter().any(|wire| !wire.queue.is_empty())
        };
        let works = |host: &Host| !host.persisting.is_empty() || host.applying.is_some();
        if prompt && world.hosts.iter().any(|host| works(host)) {
            return false;
        }
        world.hosts[place].persisting.is_empty() && !world.links.iter().any(|link| busy(link))
    };
    let due = |place: &Place| {
        world.hosts[*place].local.is_some_and(|local| locals.facts(local).due) && quiet(*place)
    };
    (0..world.hosts.len()).filter(due).map(Choice::Timeout).collect()
}

/// Faults and submits, as far as the bounds go.
pub(crate) fn from_outside(
    world: &World,
    locals: &Locals,
    (bounds, places): (&Bounds, Places),
) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (place, host) in world.hosts.iter().enumerate() {
        let is_unit = place < places.units;
        match host.local {
            Some(local) if is_unit => {
                if usize::from(world.budget.next_op) < bounds.ops.len() && locals.facts(local).has_room {
                    choices.push(Choice::Submit(place));
                }
                if world.budget.left.crashes > 0 {
                    choices.push(Choice::Crash(place));
                }
            }
            Some(_) if world.budget.left.card_restarts > 0 => choices.push(Choice::Crash(place)),
            Some(_) => {}
            None if is_unit && world.budget.left.unit_restarts > 0 => {
                choices.push(Choice::Restart { place, kept: false });
            }
            None if is_unit => {}
            None => {
                choices.push(Choice::Restart { place, kept: false });
                choices.push(Choice::Restart { place, kept: true });
            }
        }
    }
    if world.budget.left.cuts > 0 {
        for (link, of) in world.links.iter().enumerate() {
            let up = (0..2).filter(|end| of.ends[*end] && !of.wires[*end].closing);
            choices.extend(up.map(|end| Choice::Cut { link, end }));
        }
    }
    choices
}
