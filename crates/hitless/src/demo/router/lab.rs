//! The whole router: namespaces, chassis, FRR, BGP speaker; and the waiting until they agree.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hitless_admin::{SourceStatus, UnitStatus};
use hitless_proto::ids::{Party, UnitId};

use super::announced::Announced;
use super::compare::{Comparison, compare};
use super::frr::Frr;
use super::namespaces::Namespaces;
use super::plan;
use super::speaker::Speaker;
use crate::commands::status::Overview;
use crate::demo::args::DemoArgs;
use crate::demo::chassis::Chassis;
use crate::demo::layout::Layout;
use crate::failure::Failure;

/// Pause between two looks at the chassis.
const LOOK: Duration = Duration::from_millis(50);
/// Nothing may move for so long, then all that BGP said has come through FRR.
const QUIET: Duration = Duration::from_millis(600);
/// Routes a second that FRR, units and cards take at least, on a slow machine.
const SLOW: u64 = 2_000;

/// All of it. Dropping it ends it.
pub(super) struct Lab {
    pub(super) chassis: Chassis,
    pub(super) frr: BTreeMap<UnitId, Frr>,
    pub(super) announced: Arc<Announced>,
    pub(super) speaker: Speaker,
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) patience: Duration,
}

impl Lab {
    /// Starts everything; the table is not there yet.
    pub(super) async fn start(
        args: &DemoArgs,
        (namespaces, daemons): (Arc<Namespaces>, &Path),
        announced: Announced,
        dir: &Path,
    ) -> Result<Self, Failure> {
        let announced = Arc::new(announced);
        let namespace = |party: Party| (party, namespaces.name(&party.to_string()));
        let layout = layout();
        let toml = toml(&layout, args, dir);
        let mut chassis = Chassis::place(dir, layout, &toml, plan::parties().map(namespace).collect())?;
        chassis.spawn_all()?;
        let mut frr = BTreeMap::new();
        for unit in plan::UNITS {
            let mut daemons = Frr::prepare(unit, daemons, &namespaces, &dir.join(format!("frr-{unit}")))?;
            daemons.start().await?;
            frr.insert(unit, daemons);
        }
        let speaker = Speaker::start(&announced);
        let seconds = args.deadline + announced.len() as u64 / SLOW;
        Ok(Self { chassis, frr, announced, speaker, namespaces, patience: Duration::from_secs(seconds) })
    }

    /// Waits until everybody agrees, and compares: BGP, the primary, the kernels. `see` is told how many routes are held.
    pub(super) async fn settle(&mut self, see: impl Fn(u64)) -> Result<Comparison, Failure> {
        let begun = Instant::now();
        let mut last = None;
        let mut since = Instant::now();
        loop {
            let overview = self.chassis.overview().await;
            see(overview.primary().and_then(source).map_or(0, |source| source.held));
            let problems = self.problems(&overview);
            let now = activity(&overview);
            if !problems.is_empty() || last.as_ref() != Some(&now) {
                (last, since) = (Some(now), Instant::now());
            } else if since.elapsed() > QUIET
                && let Some(primary) = overview.primary().map(|unit| UnitId(unit.unit))
            {
                let comparison = compare(&self.namespaces, primary, &self.announced).await?;
                // A difference is one when it stays: FRR may have been slow.
                if comparison.holds() || begun.elapsed() > self.patience {
                    return Ok(comparison);
                }
                since = Instant::now();
            }
            if let Some(dead) = self.chassis.exited() {
                return Err(self.chassis.diagnose(&format!("{dead} has ended by itself"), &problems));
            }
            if begun.elapsed() > self.patience && !problems.is_empty() {
                let message = format!("the router had not settled after {} s", self.patience.as_secs());
                return Err(self.chassis.diagnose(&message, &problems));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What is not as it should be when all is done.
    fn problems(&self, overview: &Overview) -> Vec<String> {
        let mut problems = overview.problems();
        let announced = self.announced.announced();
        if !self.speaker.told(self.announced.changes()) {
            problems.push("BGP has not told everything yet".to_owned());
        }
        for unit in &overview.units {
            let found = source(unit);
            let routes = found.filter(|source| source.session.is_some()).map_or(0, |source| source.routes);
            if routes != announced {
                problems.push(format!("zebra at unit-{}: {routes} of {announced} routes", unit.unit));
            }
        }
        let Some(primary) = overview.primary() else { return problems };
        if source(primary).is_none_or(|source| source.pending > 0 || source.held != announced) {
            problems.push(format!("unit-{} does not hold what zebra has", primary.unit));
        }
        if primary.processes.iter().any(|process| process.safe != process.received) {
            problems.push(format!("unit-{} has ops that are not safe yet", primary.unit));
        }
        if overview.cards.iter().flat_map(|card| &card.channels).any(|client| client.queued > 0) {
            problems.push("a card has writes to do".to_owned());
        }
        problems
    }
}

fn source(unit: &UnitStatus) -> Option<&SourceStatus> {
    unit.sources.first()
}

/// What changes while something moves.
fn activity(overview: &Overview) -> Vec<u64> {
    let sources = overview.units.iter().filter_map(source);
    let mut numbers: Vec<u64> =
        sources.flat_map(|source| [source.submitted, source.answered, source.held]).collect();
    let clients = overview.cards.iter().flat_map(|card| &card.channels);
    numbers.extend(clients.map(|client| client.writes));
    numbers
}

fn layout() -> Layout {
    Layout {
        units: plan::UNITS.to_vec(),
        cards: plan::CARDS.to_vec(),
        protocol: plan::UNITS.into_iter().map(|unit| (unit, plan::protocol(unit))).collect(),
        admin: plan::parties().map(|party| (party, plan::admin(party))).collect(),
    }
}

/// The chassis file.
fn toml(layout: &Layout, args: &DemoArgs, dir: &Path) -> String {
    let mut text = format!(
        "[chassis]\nname = \"router-{}\"\nprocesses = [\"fib\"]\nack_path = \"{}\"\noutput_rule = \"{}\"\n\n\
         [liveness]\ninterval_ms = {}\n",
        std::process::id(),
        args.ack_path.name(),
        args.output_rule.name(),
        args.heartbeat
    );
    for (party, admin) in &layout.admin {
        let own = match party {
            Party::Unit(unit) => format!(
                "[[unit]]\nid = {}\naddress = \"{}\"\nfpm = {{ listen = \"{}\", sentinel = \"{}\" }}",
                unit.0,
                plan::protocol(*unit),
                plan::FPM,
                plan::SENTINEL
            ),
            Party::Card(card) => format!("[[card]]\nid = {}\ntable = \"linux\"", card.0),
        };
        let state = dir.join(party.to_string());
        // Writing to a string does not fail.
        let _ = writeln!(text, "\n{own}\nadmin = \"{admin}\"\nstate = {state:?}");
    }
    text
}
