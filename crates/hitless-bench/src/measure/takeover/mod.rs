//! Failovers with few ops unacked, by the size of the table, against sending or reading everything again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hitless_admin::{Client, Notice, Phases, TakeoverReport};
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::fib::ID as FIB;

use super::Setting;
use crate::baseline::resend;
use crate::chassis::{Chassis, PATIENCE, Shape};
use crate::machine::Machine;
use crate::notices::Watching;
use crate::rows::{Family, next_hops, pair, prefixes, routes};
use crate::sample::{Axis, Figure, Goal, Line, Measured, Plot, Ratio};
use crate::source::Source;

/// Changes that are submitted right before the primary dies.
const UNACKED: usize = 256;
/// The primary dies at most so many microseconds after they were handed to the feed: when some are on their way.
const SPREAD: u64 = 2_000;
/// The size of a table that the goals are for, over 1,000 failovers.
const GOAL_ENTRIES: u64 = 1_000_000;
/// A takeover of any table.
const TAKEOVER: Duration = Duration::from_secs(30);

const METHOD: &str = "Two control units, a card with its table in memory. Right before each failover 256 changes are submitted, and \
    the primary is killed with SIGKILL up to 2 ms later. The phases are those of the takeover report, from the begin of the \
    campaign; the whole is counted from the kill, until a client of the new primary hears that every channel is verified. \
    The killed unit is started again, and the next failover goes the other way. At the end all that the card holds is \
    read back and compared with what was submitted. Baselines, raw over loopback: everything is sent to the card again and \
    written there (as FPM does), or read back from it and compared.";

/// What was seen of the failovers at one size of the table.
#[derive(Default)]
struct Seen {
    /// Milliseconds: `takeover` from the begin of the campaign until verified and opened.
    takeover: Vec<f64>,
    /// From the kill until it was heard of.
    whole: Vec<f64>,
    /// Ends of the phases.
    phases: [Vec<f64>; 5],
    in_doubt: Vec<f64>,
    bytes: Vec<f64>,
    /// Seconds until the killed unit was in sync again.
    back: Vec<f64>,
}

const PHASES: [&str; 5] = ["granted", "promised", "replayed", "verified", "opened"];

fn phases(phases: &Phases) -> [u64; 5] {
    [phases.granted, phases.promised, phases.replayed, phases.verified, phases.opened]
}

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let machine = Machine::look();
    let sizes: &[u64] =
        setting.size.pick(&[1_000], &[10_000, 100_000], &[10_000, 100_000, 1_000_000, 10_000_000]);
    let mut figures = Vec::new();
    let (mut ours, mut resent, mut read) = (Vec::new(), Vec::new(), Vec::new());
    let mut remarks = Vec::new();
    let mut ratios = Vec::new();
    for &entries in sizes {
        // Three tables of ours, what they send, and the rows here.
        if entries * 1_200 > machine.memory_gb << 30 {
            remarks.push(format!("{entries} entries were left out: too little memory."));
            continue;
        }
        let full = match entries {
            GOAL_ENTRIES => 1_000,
            ..GOAL_ENTRIES => 100,
            _more => 10,
        };
        let count = setting.failovers.unwrap_or(setting.size.pick(2, 20, full));
        let seen = failovers(setting, entries, count).await?;
        let baseline = tokio::task::spawn_blocking(move || baselines(entries)).await??;
        ours.push((entries as f64, Figure::new("", "", seen.takeover.clone()).median()));
        resent.push((entries as f64, baseline.0));
        read.push((entries as f64, baseline.1));
        ratios.extend(judge(entries, &seen, baseline));
        figures.extend(describe(entries, &seen, baseline));
    }
    let line = |label: &str, points: Vec<(f64, f64)>| Line { label: label.to_owned(), points };
    let lines = vec![line("hitless, p50", ours), line("full resend", resent), line("full reconcile", read)];
    let (x, y) = (Axis::logarithmic("entries"), Axis::logarithmic("ms"));
    Ok(Measured {
        name: "takeover".into(),
        title: "Takeover".into(),
        method: METHOD.into(),
        size: format!("tables of {sizes:?} entries, at most {UNACKED} changes unacked"),
        machine,
        figures,
        ratios,
        plots: vec![Plot::new("takeover", "Failover by the size of the table", x, y, lines)],
        remarks,
    })
}

async fn failovers(setting: &Setting, entries: u64, count: usize) -> Result<Seen> {
    let prefixes = prefixes(entries, Family::Both);
    let mut chassis = Chassis::start(&setting.program, &Shape::new(2, 1)).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(None)).await?;
    source.put(routes(&prefixes, 0)).await?;
    let mut seen = Seen::default();
    let mut primary = chassis.whole().await?;
    for round in 0..count {
        let begin = (round * UNACKED) % prefixes.len();
        let churned = &prefixes[begin..(begin + UNACKED).min(prefixes.len())];
        let successor = UnitId(3 - primary.0);
        let mut watching = Watching::start(&chassis.admin(Party::Unit(successor))?).await?;
        let accepted = source.heard.accepted();
        source.send(routes(churned, round + 1)).await?;
        // No timer is as fine; and from the moment at which the primary has taken them.
        while source.heard.accepted() == accepted {
            tokio::task::yield_now().await;
        }
        let moment = Instant::now() + Duration::from_micros(round as u64 * 7_919 % SPREAD);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        let killed = Instant::now();
        chassis.kill(Party::Unit(primary))?;
        let (heard, report) = watching
            .until(TAKEOVER, |notice| match notice {
                Notice::Takeover(report) => Some(report),
                _other => None,
            })
            .await?;
        ensure!(
            report.unit == successor.0 && report.verified(),
            "a takeover that is not verified: {report:?}"
        );
        seen.note(&report, heard - killed);
        source.drained().await?;
        let back = Instant::now();
        chassis.restart(Party::Unit(primary)).await?;
        primary = chassis.whole().await?;
        seen.back.push(back.elapsed().as_secs_f64());
    }
    source.stop();
    compare(&chassis, &prefixes, count).await?;
    Ok(seen)
}

impl Seen {
    fn note(&mut self, report: &TakeoverReport, whole: Duration) {
        let millis = phases(&report.phases).map(|micros| micros as f64 / 1e3);
        self.takeover.push(millis.into_iter().fold(0.0, f64::max));
        self.phases.iter_mut().zip(millis).for_each(|(all, one)| all.push(one));
        self.whole.push(whole.as_secs_f64() * 1e3);
        self.in_doubt.push(report.total(|channel| channel.in_doubt) as f64);
        self.bytes.push(report.total(|channel| channel.bytes) as f64);
    }
}

/// Reads back what the card holds: exactly what was submitted last.
async fn compare(chassis: &Chassis, prefixes: &[ipnet::IpNet], rounds: usize) -> Result<()> {
    let mut rows = routes(prefixes, 0);
    for round in 0..rounds {
        let begin = (round * UNACKED) % prefixes.len();
        let end = (begin + UNACKED).min(prefixes.len());
        rows.splice(begin..end, routes(&prefixes[begin..end], round + 1));
    }
    let hops = next_hops(None);
    let wanted: std::collections::HashMap<&[u8], &[u8]> = hops.iter().chain(&rows).map(pair).collect();
    let mut client = Client::connect(&chassis.admin(Party::Card(CardId(1)))?, PATIENCE).await?;
    let mut equal = 0;
    let held = client
        .dump(FIB.0, PATIENCE, |rows| {
            equal += rows.iter().filter(|row| wanted.get(&*row.0.0) == Some(&&*row.1.0)).count() as u64;
        })
        .await
        .context("the card's table")?;
    ensure!(
        (held, equal) == (wanted.len() as u64, wanted.len() as u64),
        "of {} entries the card holds {held}, of which {equal} are right",
        wanted.len()
    );
    Ok(())
}

/// Milliseconds of a full resend and of a full reconcile.
fn baselines(entries: u64) -> Result<(f64, f64)> {
    let (hops, rows) = (next_hops(None), routes(&prefixes(entries, Family::Both), 0));
    Ok((resend::resend(&hops, &rows)?, resend::reconcile(&hops, &rows)?))
}

fn describe(entries: u64, seen: &Seen, baseline: (f64, f64)) -> Vec<Figure> {
    let figure = |what: &str, unit: &str, samples: &[f64]| {
        Figure::new(format!("{entries} entries: {what}"), unit, samples.to_vec())
    };
    let mut figures = vec![figure("takeover, from the begin of the campaign", "ms", &seen.takeover)];
    for (name, samples) in PHASES.iter().zip(&seen.phases) {
        figures.push(figure(name, "ms", samples));
    }
    figures.push(figure("from the kill, as a client sees it", "ms", &seen.whole));
    figures.push(figure("keys in doubt", "", &seen.in_doubt));
    figures.push(figure("bytes replayed", "B", &seen.bytes));
    figures.push(figure("the killed unit is in sync again", "s", &seen.back));
    figures.push(figure("full resend", "ms", &[baseline.0]));
    figures.push(figure("full reconcile", "ms", &[baseline.1]));
    figures
}

fn judge(entries: u64, seen: &Seen, baseline: (f64, f64)) -> Vec<Ratio> {
    let takeover = Figure::new("", "", seen.takeover.clone());
    let what = |text: &str| format!("{entries} entries: takeover, {text}");
    vec![
        Ratio::new(what("p50"), "ms", takeover.median())
            .against("full resend", baseline.0)
            .goal(Goal::AtMost(5.0)),
        Ratio::new(what("p50"), "ms", takeover.median()).against("full reconcile", baseline.1),
        Ratio::new(what("p99"), "ms", takeover.percentile(99)).goal(Goal::AtMost(20.0)),
    ]
}
