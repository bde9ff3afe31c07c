//! Breadth-first search: the first violation that is found has a shortest way to it.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::bounds::Bounds;
use crate::choice::{Choice, from_outside, progress, timeouts};
use crate::complete::{Completions, rest};
use crate::describe::describe;
use crate::fingerprint;
use crate::step::Model;
use crate::violation::Violation;
use crate::world::World;

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
    /// States that were not gone on from: their epoch is beyond the bounds, or a unit rebuilds from the cards. Their fair
    /// completion was checked.
    pub cut: usize,
    /// Every state within the bounds was seen.
    pub exhausted: bool,
    /// Different states of single parties, and steps of single parties.
    pub local: (usize, usize),
    /// How long it took.
    pub took: Duration,
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

/// Where a state came from.
struct Origin {
    parent: u32,
    choice: Option<Choice>,
}

/// A search under way.
struct Search {
    model: Model,
    start: World,
    origins: Vec<Origin>,
    seen: HashSet<u128>,
    open: VecDeque<(u32, u32, World)>,
    completions: Completions,
    summary: Summary,
}

/// Searches every state within the bounds. Calls `tell` now and then.
///
/// # Errors
/// The chassis does not come to rest from its start, without any fault.
pub fn search(bounds: &Bounds, limits: Limits, tell: impl FnMut(&Summary)) -> Result<Summary, Violation> {
    let mut model = Model::new(bounds.clone());
    let start = settled(&mut model)?;
    let search = Search {
        model,
        start: start.clone(),
        origins: vec![Origin { parent: 0, choice: None }],
        seen: HashSet::from([fingerprint::of(&start)]),
        open: VecDeque::from([(0, 0, start)]),
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

impl Search {
    fn run(mut self, limits: Limits, mut tell: impl FnMut(&Summary)) -> Summary {
        let began = Instant::now();
        let mut told = Instant::now();
        let mut exhausted = true;
        while let Some((id, depth, world)) = self.open.pop_front() {
            self.summary.depth = self.summary.depth.max(depth);
            self.summary.took = began.elapsed();
            self.summary.states = self.origins.len();
            self.summary.local = self.model.locals.counts();
            let over = limits.states.is_some_and(|most| self.origins.len() >= most)
                || limits.time.is_some_and(|most| began.elapsed() >= most);
            if over {
                exhausted = false;
                break;
            }
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                tell(&self.summary);
            }
            if let Err((violation, tail)) = self.completions.check(&mut self.model, &world) {
                self.found(id, &tail, violation);
                break;
            }
            if limits.depth.is_some_and(|most| depth >= most) {
                exhausted = false;
                continue;
            }
            if !self.expand(id, depth, &world) {
                break;
            }
        }
        self.summary.states = self.origins.len();
        self.summary.exhausted = exhausted && self.summary.found.is_none();
        self.summary.local = self.model.locals.counts();
        self.summary.took = began.elapsed();
        self.summary
    }

    /// Takes every step from a state. `false`: a violation was found.
    fn expand(&mut self, id: u32, depth: u32, world: &World) -> bool {
        if world.recovers || world.oracle.newest_epoch().0 > self.model.bounds.epochs {
            self.summary.cut += 1;
            return true;
        }
        let mut choices = progress(world);
        choices.extend(timeouts(world, &self.model.locals));
        choices.extend(from_outside(world, &self.model.locals, (&self.model.bounds, self.model.places)));
        for choice in choices {
            self.summary.steps += 1;
            match self.model.step(world, choice) {
                Ok(next) => self.keep((id, choice), depth + 1, next),
                Err(violation) => {
                    self.found(id, &[choice], violation);
                    return false;
                }
            }
        }
        true
    }

    fn keep(&mut self, (parent, choice): (u32, Choice), depth: u32, world: World) {
        if self.seen.insert(fingerprint::of(&world)) {
            let id = self.origins.len() as u32;
            self.origins.push(Origin { parent, choice: Some(choice) });
            self.open.push_back((id, depth, world));
        }
    }

    fn found(&mut self, id: u32, tail: &[Choice], violation: Violation) {
        let mut path = Vec::new();
        let mut at = id;
        while let Some(choice) = self.origins[at as usize].choice {
            path.push(choice);
            at = self.origins[at as usize].parent;
        }
        path.reverse();
        let chosen = path.len();
        path.extend_from_slice(tail);
        let mut world = self.start.clone();
        let mut steps = Vec::new();
        for choice in path {
            steps.push(describe(&self.model, &world, choice));
            match self.model.step(&world, choice) {
                Ok(next) => world = next,
                Err(_) => break,
            }
        }
        self.summary.found = Some(Counterexample { violation, steps, chosen });
    }
}
