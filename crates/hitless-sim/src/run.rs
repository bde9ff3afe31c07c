//! One run: a world, its load and its faults, all from one seed, or a scene; then it is healed, and must come to rest whole.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hitless_proto::config::{AckPath, OutputRule, Timing};
use hitless_proto::ids::{Epoch, Party, ProcessId, Time, UnitId};
use hitless_proto::io::Event;

use crate::case::Case;
use crate::checkers::{Violation, convergence, safe};
use crate::coverage::{Coverage, windows};
use crate::faults::{Chaos, Fault};
use crate::random::Random;
use crate::scenes::Scene;
use crate::schedule::{Drawn, Schedule};
use crate::trace::Tracing;
use crate::workload::{Habits, Workload};
use crate::world::{Builder, Speeds, World};

/// Simulated time in which a healed chassis must be whole.
const REST: u64 = 900_000_000;
/// Steps after which a run is taken to go round in circles: most take some ten thousand.
pub const MOST_STEPS: u64 = 6_000_000;
/// Where epochs begin that are near their end, with room for those of one run.
const HIGH_EPOCH: Epoch = Epoch(u32::MAX - 5_000);
/// Between two looks at the whole.
const LOOK: u64 = 500_000;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps of the world.
    pub steps: u64,
    /// Simulated microseconds.
    pub simulated: u64,
    /// Takeovers that came to their end.
    pub takeovers: u64,
    /// Of them: out of what the cards hold.
    pub recoveries: u64,
    /// Of them: planned.
    pub planned: u64,
    /// Ops that were submitted, and those told to be safe.
    pub ops: (usize, usize),
    /// Faults that struck.
    pub faults: BTreeMap<Fault, u64>,
    /// Whom they hit.
    pub coverage: Coverage,
}

impl Summary {
    fn of(world: &World, faults: BTreeMap<Fault, u64>) -> Self {
        let reports = world.events().iter().filter_map(|(_, _, event)| {
            let Event::Takeover(report) = event else { return None };
            Some(report)
        });
        Self {
            steps: world.steps,
            simulated: world.now().0,
            takeovers: reports.clone().count() as u64,
            planned: reports.filter(|report| report.planned).count() as u64,
            recoveries: world.recoveries,
            ops: world.oracle().counts(),
            faults,
            coverage: world.coverage(),
        }
    }

    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.simulated += other.simulated;
        self.takeovers += other.takeovers;
        self.recoveries += other.recoveries;
        self.planned += other.planned;
        self.ops = (self.ops.0 + other.ops.0, self.ops.1 + other.ops.1);
        self.coverage.add(&other.coverage);
        for (fault, times) in &other.faults {
            *self.faults.entry(*fault).or_default() += times;
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What it did.
    pub summary: Summary,
    /// The property that was broken, if one was.
    pub violation: Option<Violation>,
    /// The trace, where it was asked for and not printed.
    pub trace: String,
    /// The digest of the trace, where only that was asked for.
    pub digest: u64,
    /// The strikes that took place.
    pub strikes: Vec<Drawn<Fault>>,
    /// The ops that were submitted.
    pub ops: Vec<Drawn<ProcessId>>,
    /// When churn and faults were to end.
    pub end: Time,
}

/// Runs all that a seed says.
#[must_use]
pub fn run(seed: u64, tracing: Tracing) -> Outcome {
    run_case(&Case::of(seed), tracing)
}

/// Of each four seeds one is of a chassis whose units keep their state, by this rest.
const KEEPS: u64 = 3;

/// Runs a case.
#[must_use]
pub fn run_case(case: &Case, tracing: Tracing) -> Outcome {
    let steps = case.steps.unwrap_or(MOST_STEPS);
    if let Some(scene) = case.scene {
        return play(scene, scene.chassis().seed(case.seed).trace(tracing).most_steps(steps));
    }
    let Case { seed, schedule, .. } = case;
    let mut random = Random::new(*seed);
    let builder = chassis(&mut random).seed(random.number()).trace(tracing).most_steps(steps);
    let builder = if seed % 4 == KEEPS { builder.keeps() } else { builder };
    let mut world = if case.canary { builder.canary() } else { builder }.build();
    let chaos = Chaos::new(random.number());
    let habits = Habits::draw(&mut random);
    let load = Workload::new(random.number(), habits);
    let drawn_end = random.between(4_000_000, 16_000_000);
    let end = Time(schedule.end.unwrap_or(drawn_end));
    let pause = random.between(0, 1_000_000);
    world.trace.line(Time(0), || format!("seed {seed}: {:?}, {:?}", world.chassis, chaos.enabled()));
    let mut storm = Storm { schedule, chaos, load, random, end, heavy: habits.heavy };
    let result = guarded(&mut world, |world| {
        storm.safety(world)?;
        rest(world, |world| storm.load.after_the_storm(world))?;
        failover(world, pause)
    });
    let Storm { chaos, load, .. } = storm;
    let summary = Summary::of(&world, chaos.struck);
    let (strikes, ops) = (chaos.strikes, load.ops);
    let digest = world.trace.digest();
    let trace = world.trace.to_string();
    Outcome { summary, violation: result.err(), trace, digest, strikes, ops, end }
}

/// Plays a scene, and lets the chassis come to rest.
fn play(scene: &Scene, builder: Builder) -> Outcome {
    let mut world = builder.build();
    let result = guarded(&mut world, |world| {
        scene.play(world)?;
        rest(world, |_| ())
    });
    Outcome {
        summary: Summary::of(&world, BTreeMap::new()),
        violation: result.err(),
        trace: world.trace.to_string(),
        digest: world.trace.digest(),
        strikes: Vec::new(),
        ops: Vec::new(),
        end: world.now(),
    }
}

/// What is left of a run that panics says when, and which strikes there were: so it can be shrunk.
fn guarded(
    world: &mut World,
    phases: impl FnOnce(&mut World) -> Result<(), Violation>,
) -> Result<(), Violation> {
    catch_unwind(AssertUnwindSafe(|| phases(world))).unwrap_or_else(|payload| {
        Err(Violation { property: "no panic", what: said(payload.as_ref()), at: world.now() })
    })
}

/// What a panic said.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without words").to_owned()
}

fn chassis(random: &mut Random) -> Builder {
    let timing = Timing {
        ack_overdue: [200_000, 5_000_000][random.below(2) as usize],
        retry: 50_000,
        evict: 3_000_000,
        audit: [0, 700_000][random.below(2) as usize],
        switchover: 3_000_000,
        ..Timing::default()
    };
    let speeds = Speeds {
        delay: [(50, 300), (100, 20_000), (10, 2_000)][random.below(3) as usize],
        drain: [0, 50, 3_000][random.below(3) as usize],
        ..Speeds::default()
    };
    let units = random.between(1, 3) as u8 + u8::from(random.one_in(2));
    let cards = random.between(1, 4) as u16;
    let mut builder = World::builder()
        .units(units)
        .cards(cards)
        .ack_path(if random.one_in(2) { AckPath::Direct } else { AckPath::Relayed })
        .output_rule(if random.one_in(2) { OutputRule::Parallel } else { OutputRule::Gated })
        .timing(timing)
        .speeds(speeds)
        .late_cards(u16::from(cards > 1 && random.one_in(3)));
    if random.one_in(16) {
        builder = builder.first_epoch(HIGH_EPOCH);
    }
    match random.below(4) {
        0 => builder.external_arbiter(),
        // Of two units alone none could lose the other.
        1 if units != 2 => builder.voters((1..=units).map(|unit| Party::Unit(UnitId(unit))).collect()),
        1.. => builder,
    }
}

/// The safety phase of a run.
struct Storm<'a> {
    schedule: &'a Schedule,
    chaos: Chaos,
    load: Workload,
    /// When they are looked at.
    random: Random,
    end: Time,
    /// Windows may fill.
    heavy: bool,
}

impl Storm<'_> {
    /// Faults and churn.
    fn safety(&mut self, world: &mut World) -> Result<(), Violation> {
        while world.now() < self.end {
            world.run_for(self.random.between(200, 20_000))?;
            self.load.tick(world, self.schedule);
            if self.heavy {
                windows::count(world);
            }
            self.chaos.tick(world, self.schedule);
        }
        Ok(())
    }
}

/// The world is healed: within bounds it is whole, and everything is where it should be. Meanwhile sources do what `sources`
/// says.
fn rest(world: &mut World, mut sources: impl FnMut(&mut World)) -> Result<(), Violation> {
    world.ambush = None;
    world.heal();
    let until = world.now().after(REST);
    loop {
        world.run_for(LOOK)?;
        sources(world);
        let found = if world.is_whole() { convergence::check(world) } else { Err(roles(world)) };
        match found {
            Ok(()) => return judge(world),
            Err(what) if world.now() > until => {
                return Err(Violation { property: "a healed chassis converges", what, at: world.now() });
            }
            Err(_) => {}
        }
    }
}

fn roles(world: &World) -> String {
    let roles: Vec<_> = world.units().iter().map(|unit| (*unit, world.role(*unit))).collect();
    format!("not every unit is in sync: {roles:?}")
}

fn judge(world: &World) -> Result<(), Violation> {
    let broken = |what| Violation { property: "safe survives", what, at: world.now() };
    world.primary().map_or(Ok(()), |primary| safe::check(world, primary)).map_err(broken)
}

/// Once more, without any other fault: the primary dies, and what was safe is there.
fn failover(world: &mut World, pause: u64) -> Result<(), Violation> {
    let Some(primary) = world.primary() else { return Ok(()) };
    world.kill(Party::Unit(primary));
    if world.units().len() > 1 {
        world.run_until(|world| world.primary().is_some_and(|unit| unit != primary))?;
    }
    world.run_for(pause)?;
    world.restart(Party::Unit(primary));
    let until = world.now().after(REST);
    loop {
        world.run_for(LOOK)?;
        match convergence::check(world) {
            Ok(()) => return judge(world),
            Err(what) if world.now() > until => {
                return Err(Violation { property: "a healed chassis converges", what, at: world.now() });
            }
            Err(_) => {}
        }
    }
}
