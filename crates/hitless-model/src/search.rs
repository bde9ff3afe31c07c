//! Breadth-first search: the first violation that is found has a shortest way to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::bounds::Bounds;
use crate::choice::{Choice, from_outside, progress, timeouts};
use crate::complete::{Completions, rest};
use crate::describe::describe;
use crate::fingerprint::{Print, Prints};
use crate::parts::{Parts, Row};
use crate::persistent::{persistent, visible};
use crate::step::Model;
use crate::tally::Tally;
use crate::violation::Violation;
use crate::world::World;

/// Time between two calls of `tell`.
const TELL: Duration = Duration::from_secs(5);

/// Where a search stops, beside its end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Steps from the start.
    pub depth: Option<u32>,
    /// States.
    pub states: Option<usize>,
    /// Wall time.
    pub time: Option<Duration>,
}

/// What a search did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: u64,
    /// The longest of the shortest ways to a state.
    pub depth: u32,
    /// States that were not gone on from: an epoch beyond the bounds was asked for, or a unit rebuilds from the cards. Their fair
    /// completion was checked.
    pub cut: usize,
    /// States of which not all steps were taken, since others come to the same.
    pub reduced: usize,
    /// Every state within the bounds was seen, or one that stands for it.
    pub exhausted: bool,
    /// States or time were up.
    pub stopped: bool,
    /// Different states of single parties, and steps of single parties.
    pub local: (usize, usize),
    /// How long it took.
    pub took: Duration,
    /// Where the states come from, if that was counted.
    pub tally: Tally,
    /// What was found.
    pub found: Option<Counterexample>,
}

/// A shortest way to a violation.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What is wrong at its end.
    pub violation: Violation,
    /// The steps from a chassis at rest, in words.
    pub steps: Vec<String>,
    /// The steps of them that the scheduler chose; those after it are the fair completion.
    pub chosen: usize,
}

/// How a search goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Of steps whose order does not matter, one order is enough. Else the way to a violation is a shortest one.
    pub reduced: bool,
    /// From every state a fair completion is tried. Else only the steps themselves are checked.
    pub completed: bool,
    /// Where the states come from is counted.
    pub tallied: bool,
}

impl Default for Method {
    fn default() -> Self {
        Self { reduced: true, completed: true, tallied: false }
    }
}

/// A search under way.
struct Search {
    model: Model,
    method: Method,
    start: World,
    parts: Parts,
    seen: Prints,
    /// The rows of the states that were not gone on from yet, one behind the other, in the order of their numbers.
    open: VecDeque<u32>,
    width: usize,
    /// Of each state the one it was first reached from, and by which of its choices.
    parents: Vec<u32>,
    choices: Vec<u8>,
    completions: Completions,
    summary: Summary,
}

/// Searches every state within the bounds. Calls `tell` now and then.
///
/// # Errors
/// The chassis does not come to rest from its start, without any fault.
pub fn search(
    bounds: &Bounds,
    (method, limits): (Method, Limits),
    tell: impl FnMut(&Summary),
) -> Result<Summary, Violation> {
    let mut model = Model::new(bounds.clone());
    let start = settled(&mut model)?;
    let mut parts = Parts::default();
    let row = parts.row(&start, None);
    let search = Search {
        model,
        method,
        seen: Prints::from_iter([(Print::of(&row), 0)]),
        width: row.len(),
        open: row.into(),
        start,
        parts,
        parents: vec![0],
        choices: vec![0],
        completions: Completions::default(),
        summary: Summary::default(),
    };
    Ok(search.run(limits, tell))
}

/// All parties run and are connected, and the first op of the source is everywhere.
fn settled(model: &mut Model) -> Result<World, Violation> {
    let mut world = World::new(&model.bounds);
    for place in 0..model.places.all() {
        model.start(&mut world, place);
    }
    let mut world = rest(model, world)?;
    let submits = from_outside(&world, &model.locals, (&model.bounds, model.places));
    if let Some(submit) = submits.into_iter().find(|choice| matches!(choice, Choice::Submit(_))) {
        world = model.step(&world, submit)?;
    }
    rest(model, world)
}

/// Every step that may be taken.
fn all_choices(model: &Model, world: &World) -> Vec<Choice> {
    let mut choices = progress(world);
    choices.extend(timeouts(world, &model.locals, model.bounds.prompt));
    choices.extend(from_outside(world, &model.locals, (&model.bounds, model.places)));
    choices
}

impl Search {
    fn run(mut self, limits: Limits, mut tell: impl FnMut(&Summary)) -> Summary {
        let began = Instant::now();
        let mut told = Instant::now();
        let mut exhausted = true;
        // The number of the state at hand, and of the first state that is one step deeper.
        let (mut id, mut deeper) = (0_u32, 1);
        while !self.open.is_empty() {
            if id == deeper {
                self.summary.depth += 1;
                deeper = self.parents.len() as u32;
            }
            let over = limits.states.is_some_and(|most| self.parents.len() >= most)
                || limits.time.is_some_and(|most| began.elapsed() >= most);
            if over {
                exhausted = false;
                self.summary.stopped = true;
                break;
            }
            if told.elapsed() > TELL {
                told = Instant::now();
                self.count(began);
                tell(&self.summary);
            }
            let row: Row = self.open.drain(..self.width).collect();
            if limits.depth.is_some_and(|most| self.summary.depth >= most) {
                exhausted = false;
            }
            let on = limits.depth.is_none_or(|most| self.summary.depth < most);
            if !self.visit(id, &row, on) {
                break;
            }
            id += 1;
        }
        self.summary.exhausted = exhausted && self.summary.found.is_none();
        self.count(began);
        self.summary
    }

    fn count(&mut self, began: Instant) {
        self.summary.took = began.elapsed();
        self.summary.states = self.parents.len();
        self.summary.local = self.model.locals.counts();
    }

    /// Checks a state, and goes on from it if `on`. `false`: a violation was found.
    fn visit(&mut self, id: u32, row: &[u32], on: bool) -> bool {
        let world = self.parts.world(row, self.model.places.all());
        if self.method.completed
            && let Err((violation, tail)) = self.completions.check(&mut self.model, &world)
        {
            self.found(id, (&tail, 0), violation);
            return false;
        }
        if world.budget.recovers || world.oracle.highest_epoch().0 > self.model.bounds.epochs {
            self.summary.cut += 1;
            return true;
        }
        !on || self.expand(id, (&world, row))
    }

    /// Takes every step from a state, or enough of them. `false`: a violation was found.
    fn expand(&mut self, id: u32, from: (&World, &[u32])) -> bool {
        let all = all_choices(&self.model, from.0);
        if self.method.tallied {
            self.summary.tally.state(&self.model, from.0);
        }
        let enough = if self.method.reduced { persistent(&self.model, from.0, &all) } else { None };
        let mut left: Vec<usize> = (0..all.len()).collect();
        if let Some(enough) = enough {
            let (mut later, mut seen) = (false, false);
            for at in &enough {
                match self.take(id, from, (all[*at], *at)) {
                    Some((next, visible)) => (later, seen) = (later || next > id, seen || visible),
                    None => return false,
                }
            }
            if later && !seen {
                self.summary.reduced += 1;
                return true;
            }
            left.retain(|at| !enough.contains(at));
        }
        left.into_iter().all(|at| self.take(id, from, (all[at], at)).is_some())
    }

    /// Takes one step. Gives the number of the state it led to, and says whether it changed something that is compared across
    /// parties; `None`: a violation was found.
    fn take(
        &mut self,
        id: u32,
        (world, row): (&World, &[u32]),
        (choice, at): (Choice, usize),
    ) -> Option<(u32, bool)> {
        self.summary.steps += 1;
        let after = match self.model.step(world, choice) {
            Ok(after) => after,
            Err(violation) => {
                self.found(id, (&[choice], 1), violation);
                return None;
            }
        };
        let dies = matches!(choice, Choice::Crash(_));
        if dies
            && self.method.completed
            && let Err((violation, mut tail)) = self.completions.check_at_once(&mut self.model, &after)
        {
            tail.insert(0, choice);
            self.found(id, (&tail, 1), violation);
            return None;
        }
        let visible = self.method.reduced && visible(&self.model, world, &after);
        let next = self.parts.row(&after, Some((world, row)));
        let number = self.parents.len() as u32;
        let known = *self.seen.entry(Print::of(&next)).or_insert(number);
        let new = known == number;
        if self.method.tallied {
            self.summary.tally.step(&self.model, world, (choice, new));
        }
        if new {
            self.parents.push(id);
            self.choices.push(at as u8);
            self.open.extend(next);
        }
        Some((known, visible))
    }

    /// Tells the way to a state, and from there the steps to what is wrong, of which so many were chosen too.
    fn found(&mut self, id: u32, (tail, more): (&[Choice], usize), violation: Violation) {
        let (mut way, mut at) = (Vec::new(), id);
        while at != 0 {
            way.push(usize::from(self.choices[at as usize]));
            at = self.parents[at as usize];
        }
        let mut told = Vec::new();
        let mut world = self.start.clone();
        let chosen = way.len() + more;
        let mut tail = tail.iter();
        while let Some(choice) = match way.pop() {
            Some(at) => all_choices(&self.model, &world).get(at).copied(),
            None => tail.next().copied(),
        } {
            told.push(describe(&self.model, &world, choice));
            match self.model.step(&world, choice) {
                Ok(next) => world = next,
                Err(_) => break,
            }
        }
        self.summary.found = Some(Counterexample { violation, steps: told, chosen });
    }
}
