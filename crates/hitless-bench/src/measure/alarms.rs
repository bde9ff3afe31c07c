//! False alarms: the shortest heartbeats that hold while everybody is busy.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{GOAL_HEARTBEATS, Heartbeats, Setting, with_heartbeats};
use crate::chassis::Chassis;
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::source::Source;

/// What is tried, the shortest first.
const TRIED: [Heartbeats; 4] = [
    GOAL_HEARTBEATS,
    Heartbeats { interval_ms: 20, missed: 3 },
    Heartbeats { interval_ms: 50, missed: 3 },
    Heartbeats { interval_ms: 100, missed: 5 },
];
/// What a party logs when it closes a link for missed heartbeats.
const MISSED: &str = "no heartbeat for";

const METHOD: &str = "Two control units and a card with its table in memory; routes are changed as fast as it goes. A false alarm is a \
    link that is closed for missed heartbeats though everybody is alive. The shortest heartbeats come first; those that had an alarm \
    are left at once, and the next are tried, until some hold for the whole time.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let time = Duration::from_secs(setting.size.pick(1, 20, 600));
    let count: u64 = setting.size.pick(1_000, 100_000, 1_000_000);
    let size = format!("{count} routes; at most {} s each", time.as_secs());
    let mut measured = Measured::begin("alarms", "False alarms", METHOD, size);
    for heartbeats in TRIED {
        let Held { alarms, seconds } = hold(setting, &heartbeats, (time, count)).await?;
        let Heartbeats { interval_ms, missed } = heartbeats;
        let what = format!("{interval_ms} ms x {missed}");
        measured.figures.push(Figure::new(format!("{what}: at full load for"), "s", vec![seconds]));
        measured.figures.push(Figure::new(format!("{what}: false alarms"), "", vec![alarms as f64]));
        if heartbeats == GOAL_HEARTBEATS {
            let goal = Ratio::new(format!("{what}: false alarms"), "", alarms as f64).goal(Goal::AtMost(0.0));
            measured.ratios.push(goal);
        }
        if alarms == 0 {
            let silence = interval_ms * missed;
            measured.ratios.push(Ratio::new("the shortest silence that held", "ms", f64::from(silence)));
            break;
        }
    }
    Ok(measured)
}

/// How some heartbeats did.
struct Held {
    alarms: u64,
    /// How long there was load: all of the time, or until the first alarm was seen.
    seconds: f64,
}

async fn hold(setting: &Setting, heartbeats: &Heartbeats, (time, count): (Duration, u64)) -> Result<Held> {
    let chassis = Chassis::start(&setting.program, &with_heartbeats(*heartbeats)).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(None)).await?;
    let prefixes = prefixes(count, Family::Both);
    // What was missed while they started says nothing.
    let before = chassis.logged(MISSED)?;
    let (begun, mut turn, mut alarms) = (Instant::now(), 0, 0);
    while begun.elapsed() < time && alarms == 0 {
        source.send(routes(&prefixes, turn)).await?;
        turn += 1;
        alarms = chassis.logged(MISSED)?.saturating_sub(before);
    }
    let seconds = begun.elapsed().as_secs_f64();
    source.drained().await?;
    source.stop();
    Ok(Held { alarms: chassis.logged(MISSED)?.saturating_sub(before), seconds })
}
