//! Fair completion: faults end, everything is delivered, the dead come back; then the chassis must agree.

use std::collections::HashSet;

use hitless_proto::ids::Party;
use hitless_proto::io::Role;

use crate::choice::{Choice, progress, timeouts};
use crate::fingerprint;
use crate::parts::Parts;
use crate::step::Model;
use crate::violation::Violation;
use crate::world::{Budget, World};

/// Steps after which a chassis without faults must have come to rest. A rebuild from the cards asks 64 times.
const PATIENCE: usize = 40_000;

/// Which states are known to come to rest in agreement.
#[derive(Default)]
pub(crate) struct Completions {
    good: HashSet<u128>,
    parts: Parts,
}

impl Completions {
    /// Whether `world` comes to rest in agreement: those who live first, then with the dead started again. With the steps
    /// from it to what is wrong otherwise.
    pub(crate) fn check(&mut self, model: &mut Model, world: &World) -> Result<(), (Violation, Vec<Choice>)> {
        let mut world = without_faults(world);
        let mut row = self.parts.row(&world, None);
        let (mut seen, mut path) = (Vec::new(), Vec::new());
        loop {
            let print = fingerprint::of(&row);
            if self.good.contains(&print) {
                break;
            }
            seen.push(print);
            let Some(choice) = next(model, &world, path.len()) else {
                agreed(model, &world).map_err(|violation| (violation, path.clone()))?;
                break;
            };
            path.push(choice);
            let after = model.step(&world, choice).map_err(|violation| (violation, path.clone()))?;
            row = self.parts.row(&after, Some((&world, &row)));
            world = after;
            if path.len() > PATIENCE {
                let what = format!("no rest after {PATIENCE} steps without a fault");
                return Err((Violation::new("convergence", what), path));
            }
        }
        self.good.extend(seen);
        Ok(())
    }

    /// The same, but with the dead started again at once, in the midst of what is in flight.
    pub(crate) fn check_at_once(
        &mut self,
        model: &mut Model,
        world: &World,
    ) -> Result<(), (Violation, Vec<Choice>)> {
        let (mut world, mut path) = (world.clone(), Vec::new());
        while let Some(start) = start_of_dead(&world) {
            path.push(start);
            world = model.step(&world, start).map_err(|violation| (violation, path.clone()))?;
        }
        self.check(model, &world).map_err(|(violation, tail)| {
            path.extend(tail);
            (violation, path)
        })
    }
}

/// Runs until nothing is left to do.
pub(crate) fn rest(model: &mut Model, world: World) -> Result<World, Violation> {
    let mut world = world;
    for turn in 0..PATIENCE {
        let Some(choice) = next(model, &world, turn) else { return Ok(world) };
        world = model.step(&world, choice)?;
    }
    Err(Violation::new("convergence", "the chassis does not come to rest from its start"))
}

fn without_faults(world: &World) -> World {
    let budget = Budget { next_op: u8::MAX, ..Budget::default() };
    World { budget, ..world.clone() }
}

fn start_of_dead(world: &World) -> Option<Choice> {
    let dead = world.hosts.iter().position(|host| host.local.is_none());
    dead.map(|place| Choice::Restart { place, kept: true })
}

/// The next step of a fair scheduler: everybody's turn comes.
fn next(model: &Model, world: &World, turn: usize) -> Option<Choice> {
    // Nothing in flight is lost any more, unless its link is gone.
    let lost = |choice: &Choice| match choice {
        Choice::SeeEnd { link, end } => !world.links[*link].wires[*end].queue.is_empty(),
        Choice::Deliver { .. }
        | Choice::Connect { .. }
        | Choice::Persist(_)
        | Choice::Apply(_)
        | Choice::Timeout(_)
        | Choice::Submit(_)
        | Choice::Crash(_)
        | Choice::Restart { .. }
        | Choice::Cut { .. } => false,
    };
    let mut choices = progress(world);
    choices.retain(|choice| !lost(choice));
    if choices.is_empty() {
        choices = start_of_dead(world).into_iter().collect();
    }
    if choices.is_empty() {
        choices = timeouts(world, &model.locals, model.bounds.prompt);
    }
    let at = if choices.is_empty() { 0 } else { turn % choices.len() };
    choices.get(at).copied()
}

/// At rest: one primary, its standbys in sync and equal, and every card in step and equal.
fn agreed(model: &Model, world: &World) -> Result<(), Violation> {
    let wrong = |what: String| Err(Violation::new("convergence", what));
    let facts = |place: usize| world.hosts[place].local.map(|local| model.locals.facts(local));
    let units = 0..model.places.units;
    let primaries: Vec<usize> =
        units.clone().filter(|at| facts(*at).is_some_and(|facts| facts.role == Role::Primary)).collect();
    let [primary] = primaries[..] else {
        let roles: Vec<_> = units.map(|at| facts(at).map(|facts| (facts.role, facts.epoch))).collect();
        return wrong(format!("{} primaries: {roles:?}", primaries.len()));
    };
    let Some(leader) = facts(primary) else { return Ok(()) };
    for place in (0..model.places.all()).filter(|place| *place != primary) {
        let party = model.places.party(place);
        let Some(is) = facts(place) else { return wrong(format!("{party} is dead")) };
        match party {
            Party::Unit(_) if is.role != Role::Standby => {
                return wrong(format!("{party} is {:?} and not in sync", is.role));
            }
            Party::Unit(_) if is.entries != leader.entries => {
                return wrong(format!("{party} holds {:?}, the primary {:?}", is.entries, leader.entries));
            }
            Party::Unit(_) => {}
            Party::Card(card) => {
                let (table, wanted) = (&world.hosts[place].table, leader.values_for(card));
                if !is.in_step || *table != wanted || is.values != wanted {
                    let what = format!(
                        "{party} (in step: {}) holds {:?}, its forwarding table {table:?}, the primary {:?}",
                        is.in_step, is.entries, leader.entries
                    );
                    return wrong(what);
                }
            }
        }
    }
    let admitted = world.oracle.admits(&leader.values, &model.bounds.ops);
    admitted.map_err(|what| Violation::new("safe survives", what))
}
