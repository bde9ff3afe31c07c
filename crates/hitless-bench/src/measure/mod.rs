//! The measurements, one file each. Each runs its baselines itself, so that both see the same machine.

mod alarms;
mod audit;
mod cards;
mod detection;
mod kernel;
mod memory;
mod next_hop;
mod rejoin;
mod steady;
mod takeover;

use std::path::PathBuf;

use anyhow::Result;
use hitless_admin::ChangeRow;
use hitless_proto::ids::UnitId;

use crate::chassis::{Chassis, Shape};
use crate::sample::Measured;
use crate::source::Source;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Just enough to see that everything works: the figures mean nothing.
    Tiny,
    /// A minute each.
    Quick,
    /// What the documents show.
    Full,
}

impl Size {
    pub(crate) fn pick<T>(self, tiny: T, quick: T, full: T) -> T {
        match self {
            Self::Tiny => tiny,
            Self::Quick => quick,
            Self::Full => full,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.pick("tiny", "quick", "full")
    }
}

/// What every measurement needs.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The binary `hitless`.
    pub(crate) program: PathBuf,
    pub(crate) size: Size,
    /// Most failovers per size of the table.
    pub(crate) failovers: Option<usize>,
}

impl Setting {
    /// Of so many failovers, those that there is time for.
    pub(crate) fn failovers_of(&self, full: usize) -> usize {
        self.failovers.map_or(full, |most| full.min(most))
    }

    /// Whether missing packages may be installed.
    pub(crate) fn installs(&self) -> bool {
        self.size != Size::Tiny
    }
}

/// A chassis that holds these next hops and routes, at rest, and its primary.
async fn loaded(
    setting: &Setting,
    shape: &Shape,
    next_hops: Vec<ChangeRow>,
    routes: Vec<ChangeRow>,
) -> Result<(Chassis, UnitId)> {
    let mut chassis = Chassis::start(&setting.program, shape).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops).await?;
    source.put(routes).await?;
    source.stop();
    let primary = chassis.whole().await?;
    Ok((chassis, primary))
}

/// How often parties say that they are alive, and how many times they may fail to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heartbeats {
    interval_ms: u32,
    missed: u32,
}

/// Three missed make 30 ms.
const GOAL_HEARTBEATS: Heartbeats = Heartbeats { interval_ms: 10, missed: 3 };

/// Two control units and a card that find each other dead by these.
fn with_heartbeats(Heartbeats { interval_ms, missed }: Heartbeats) -> Shape {
    let sections = format!("[liveness]\ninterval_ms = {interval_ms}\nmissed = {missed}\n");
    Shape { sections, ..Shape::new(2, 1) }
}

/// All measurements, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// Ops a second, submitted to folded, and the latency of one.
    Steady,
    /// Failovers, by the size of the table.
    Takeover,
    /// Routes a second into the Linux kernel.
    Kernel,
    /// Bytes an entry.
    Memory,
    /// Cost by the number of cards and standbys.
    Cards,
    /// From SIGKILL to the standby knowing.
    Detection,
    /// The shortest heartbeats that hold at full load.
    Alarms,
    /// Bytes for a unit that was away.
    Rejoin,
    /// A next hop dies under all routes.
    NextHop,
    /// What looking for silent damage costs.
    Audit,
}

/// Runs one.
pub(crate) async fn run(name: Name, setting: &Setting) -> Result<Measured> {
    match name {
        Name::Steady => steady::measure(setting).await,
        Name::Takeover => takeover::measure(setting).await,
        Name::Kernel => kernel::measure(setting).await,
        Name::Memory => memory::measure(setting).await,
        Name::Cards => cards::measure(setting).await,
        Name::Detection => detection::measure(setting).await,
        Name::Alarms => alarms::measure(setting).await,
        Name::Rejoin => rejoin::measure(setting).await,
        Name::NextHop => next_hop::measure(setting).await,
        Name::Audit => audit::measure(setting).await,
    }
}
