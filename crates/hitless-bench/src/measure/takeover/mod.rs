//! Failovers with few ops unacked, by the size of the table, against sending or reading everything again.

mod rounds;

use anyhow::Result;

use super::Setting;
use crate::baseline::resend;
use crate::namespace::{LINK, allowed, inside};
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Axis, Figure, Goal, Line, Measured, Plot, Ratio};
use rounds::{Rounds, Seen, failovers};

/// Changes that are submitted right before the primary dies.
const UNACKED: usize = 256;
/// The table of the failovers with a kernel, by name.
const KERNEL: &str = "in the kernel";
/// The size of a table that the goals are for, over 1,000 failovers.
const GOAL_ENTRIES: u64 = 1_000_000;

const METHOD: &str = "Two control units, a card with its table in memory, and a second one that votes and holds nothing. Right before each failover 256 changes are submitted, and \
    the primary is killed with SIGKILL up to 2 ms later; every other time the card is stopped from before the changes until \
    it is claimed, so that it has acked none of them. The phases are those of the takeover report, from the begin of the \
    campaign; the whole is counted from the kill, until a client of the new primary hears that every channel is verified. \
    The killed unit is started again, and the next failover goes the other way. Bytes replayed are held against those of the \
    ops in doubt, as the card was first sent them, and 64 bytes; writes of the card are counted from before the changes until \
    all of them are safe. At the end all that the card holds is read back and compared with what was submitted. Baselines, \
    raw over loopback: everything is sent to the card again and written there (as FPM does), or read back from it and \
    compared. Once more with IPv4 routes in the Linux kernel, whose dump is compared at the end.";

const PHASES: [&str; 5] = ["granted", "promised", "replayed", "verified", "opened"];

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let sizes: &[u64] =
        setting.size.pick(&[1_000], &[10_000, 100_000], &[10_000, 100_000, 1_000_000, 10_000_000]);
    let size = format!("tables of {sizes:?} entries, at most {UNACKED} changes unacked");
    let measured = Measured::begin("takeover", "Takeover", METHOD, size);
    let mut figures = Vec::new();
    let (mut ours, mut resent, mut read) = (Vec::new(), Vec::new(), Vec::new());
    let mut remarks = Vec::new();
    let mut ratios = Vec::new();
    for &entries in sizes {
        // Three tables of ours, what they send, and the rows here.
        if entries * 1_200 > measured.machine.memory_gb << 30 {
            remarks.push(format!("{entries} entries were left out: too little memory."));
            continue;
        }
        let full = match entries {
            GOAL_ENTRIES => 1_000,
            ..GOAL_ENTRIES => 100,
            _more => 10,
        };
        let count = setting.failovers_of(setting.size.pick(2, 20, full));
        let seen = failovers(setting, Rounds { entries, count, link: None }).await?;
        let baseline = tokio::task::spawn_blocking(move || baselines(entries)).await??;
        ours.push((entries as f64, Figure::new("", "", seen.takeover.clone()).median()));
        resent.push((entries as f64, baseline.0));
        read.push((entries as f64, baseline.1));
        let table = format!("{entries} entries");
        ratios.extend(against(&table, &seen, baseline));
        ratios.extend(judge(&table, &seen));
        figures.extend(describe(&table, &seen));
        figures.push(Figure::new(format!("{table}: full resend"), "ms", vec![baseline.0]));
        figures.push(Figure::new(format!("{table}: full reconcile"), "ms", vec![baseline.1]));
    }
    if allowed() {
        let seen = in_kernel(setting).await?;
        ratios.extend(judge(KERNEL, &seen));
        figures.extend(describe(KERNEL, &seen));
    } else {
        remarks.push("The kernel was left out: network namespaces need root.".to_owned());
    }
    let line = |label: &str, points: Vec<(f64, f64)>| Line { label: label.to_owned(), points };
    let lines = vec![line("hitless, p50", ours), line("full resend", resent), line("full reconcile", read)];
    let (x, y) = (Axis::logarithmic("entries"), Axis::logarithmic("ms"));
    Ok(Measured {
        figures,
        ratios,
        plots: vec![Plot::new("takeover", "Failover by the size of the table", x, y, lines)],
        remarks,
        ..measured
    })
}

/// Milliseconds of a full resend and of a full reconcile.
fn baselines(entries: u64) -> Result<(f64, f64)> {
    let (hops, rows) = (next_hops(None), routes(&prefixes(entries, Family::Both), 0));
    Ok((resend::resend(&hops, &rows)?, resend::reconcile(&hops, &rows)?))
}

/// Likewise, with the routes in the kernel of a namespace.
async fn in_kernel(setting: &Setting) -> Result<Seen> {
    let (entries, full) = setting.size.pick((500, 1), (50_000, 10), (GOAL_ENTRIES, 100));
    let rounds = Rounds { entries, count: setting.failovers_of(full), link: Some(LINK) };
    let setting = setting.clone();
    inside(async move || failovers(&setting, rounds).await).await
}

fn describe(table: &str, seen: &Seen) -> Vec<Figure> {
    let figure = |what: &str, unit: &str, samples: &[f64]| {
        Figure::new(format!("{table}: {what}"), unit, samples.to_vec())
    };
    let mut figures = vec![figure("takeover, from the begin of the campaign", "ms", &seen.takeover)];
    for (name, samples) in PHASES.iter().zip(&seen.phases) {
        figures.push(figure(name, "ms", samples));
    }
    figures.push(figure("from the kill, as a client sees it", "ms", &seen.whole));
    figures.push(figure("ops without an ack", "", &seen.unacked));
    figures.push(figure("of them keys in doubt, when the card has answered", "", &seen.in_doubt));
    figures.push(figure("bytes replayed", "B", &seen.bytes));
    figures.push(figure("bytes replayed, by those of the ops in doubt and 64", "", &seen.bytes_of_doubt));
    figures.push(figure("writes beyond one for each change", "", &seen.more_writes));
    figures.push(figure("the killed unit is in sync again", "s", &seen.back));
    figures
}

fn against(table: &str, seen: &Seen, (resend, reconcile): (f64, f64)) -> [Ratio; 3] {
    let median = |samples: &Vec<f64>| Figure::new("", "", samples.clone()).median();
    let takeover = || Ratio::new(format!("{table}: takeover, p50"), "ms", median(&seen.takeover));
    [
        takeover().against("full resend", resend),
        takeover().against("full reconcile", reconcile),
        Ratio::new(format!("{table}: bytes replayed, p50"), "B", median(&seen.bytes))
            .against("full replay", seen.full_bytes),
    ]
}

fn judge(table: &str, seen: &Seen) -> [Ratio; 4] {
    let takeover = Figure::new("", "", seen.takeover.clone());
    let most = |samples: &Vec<f64>| Figure::new("", "", samples.clone()).most();
    let ratio = |what: &str, unit: &str, ours| Ratio::new(format!("{table}: {what}"), unit, ours);
    [
        ratio("takeover, p50", "ms", takeover.median()).goal(Goal::AtMost(5.0)),
        ratio("takeover, p99", "ms", takeover.percentile(99)).goal(Goal::AtMost(20.0)),
        ratio("bytes replayed, by those of the ops in doubt and 64, most", "", most(&seen.bytes_of_doubt))
            .goal(Goal::AtMost(1.1)),
        ratio("writes beyond one for each change, most", "", most(&seen.more_writes)).goal(Goal::AtMost(0.0)),
    ]
}
