//! From the death of the primary to the standby knowing: by size of the dying process, and by missed heartbeats.

use std::time::Instant;

use anyhow::{Result, ensure};
use hitless_proto::ids::{Party, UnitId};

use super::{GOAL_HEARTBEATS, Setting, loaded, with_heartbeats};
use crate::chassis::{Chassis, Shape, other};
use crate::notices::Watching;
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Axis, Figure, Goal, Line, Measured, Plot, Ratio};

const MEGABYTE: f64 = 1024.0 * 1024.0;

const METHOD: &str = "SIGKILL: the kernel tears down the memory of a process before it closes its connections, so a large process is \
    found dead later. The time is from the kill until a client of the standby hears of the takeover, less what the takeover took \
    by its own report. SIGSTOP, with heartbeats of 10 ms of which 3 may be missed: until the takeover is over.";

/// Milliseconds until the standby knew, and until the takeover was over.
struct Struck {
    known: f64,
    over: f64,
}

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let sizes: &[u64] =
        setting.size.pick(&[100], &[1_000, 100_000, 300_000], &[1_000, 100_000, 1_000_000, 3_000_000]);
    let count = setting.size.pick(1, 5, 20);
    let size = format!("{count} deaths each");
    let measured = Measured::begin("detection", "Detection", METHOD, size);
    let (mut figures, mut ratios, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for &entries in sizes {
        let (megabytes, known) = killed(setting, entries, count).await?;
        let figure = Figure::new(format!("SIGKILL of {megabytes:.0} MB ({entries} entries)"), "ms", known);
        points.push((megabytes, figure.median()));
        figures.push(figure);
    }
    let frozen = frozen(setting, count).await?;
    figures.push(Figure::new("SIGSTOP, until the takeover is over", "ms", frozen));
    ratios.extend(figures.last().map(|figure| {
        Ratio::new("SIGSTOP, until the takeover is over, p99", "ms", figure.percentile(99))
            .goal(Goal::AtMost(60.0))
    }));
    let line = Line { label: "SIGKILL, p50".to_owned(), points };
    let (x, y) = (Axis::linear("MB of the dying process"), Axis::linear("ms until the standby knows"));
    Ok(Measured {
        figures,
        ratios,
        plots: vec![Plot::new("detection", "Detection by size", x, y, vec![line])],
        ..measured
    })
}

/// Megabytes of the dying process, and milliseconds until its deaths were known.
async fn killed(setting: &Setting, entries: u64, count: usize) -> Result<(f64, Vec<f64>)> {
    let routes = routes(&prefixes(entries, Family::Both), 0);
    let (mut chassis, mut primary) = loaded(setting, &Shape::new(2, 1), next_hops(None), routes).await?;
    let mut known = Vec::new();
    let mut bytes = 0.0;
    for _ in 0..count {
        bytes += chassis.resident(Party::Unit(primary))? as f64;
        known.push(strike(&mut chassis, primary, Chassis::kill).await?.known);
        chassis.restart(Party::Unit(primary)).await?;
        primary = chassis.whole().await?;
    }
    Ok((bytes / count as f64 / MEGABYTE, known))
}

async fn frozen(setting: &Setting, count: usize) -> Result<Vec<f64>> {
    let shape = with_heartbeats(GOAL_HEARTBEATS);
    let routes = routes(&prefixes(1_000, Family::Both), 0);
    let (mut chassis, mut primary) = loaded(setting, &shape, next_hops(None), routes).await?;
    let mut over = Vec::new();
    for _ in 0..count {
        over.push(strike(&mut chassis, primary, |chassis, party| chassis.freeze(party, true)).await?.over);
        chassis.freeze(Party::Unit(primary), false)?;
        primary = chassis.whole().await?;
    }
    Ok(over)
}

async fn strike(
    chassis: &mut Chassis,
    primary: UnitId,
    how: impl FnOnce(&mut Chassis, Party) -> Result<()>,
) -> Result<Struck> {
    let successor = other(primary);
    let mut watching = Watching::start(&chassis.admin(Party::Unit(successor))?).await?;
    let begun = Instant::now();
    how(chassis, Party::Unit(primary))?;
    let (heard, report) = watching.takeover().await?;
    ensure!(report.unit == successor.0, "{} took over", report.unit);
    let over = (heard - begun).as_secs_f64() * 1e3;
    let took = report.phases.opened.max(report.phases.verified) as f64 / 1e3;
    Ok(Struck { known: (over - took).max(0.0), over })
}
