//! `hitless-sim sweep`: many seeds.

use std::io::{self, Write};
use std::ops::Range;
use std::time::{Duration, Instant};

use clap::Args;
use hitless_sim::sweep::{self, Total};
use serde_json::json;

use super::Ended;
use super::arguments::{Change, cores, seeds};
use super::progress::Progress;
use super::text;

/// No seed takes so long, not on a busy machine either.
const LONG: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Sweep {
    /// From, and up to but without.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Range<u64>,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Runs each seed twice: the two traces must be the same, byte by byte.
    #[arg(long)]
    twice: bool,
    /// Stops after the first seed that fails.
    #[arg(long)]
    stop_at_first: bool,
    /// Prints how often each fault hit a party in each role.
    #[arg(long)]
    coverage: bool,
    /// Fails where a fault never hit a role in which it makes sense.
    #[arg(long)]
    require_coverage: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    change: Change,
}

impl Sweep {
    pub(crate) fn execute(self, out: &mut impl Write) -> io::Result<Ended> {
        let jobs = self.jobs.unwrap_or_else(cores).max(1);
        let (twice, stop_at_first) = (self.twice, self.stop_at_first);
        let sweep =
            sweep::Sweep { seeds: self.seeds.clone(), jobs, twice, stop_at_first, case: self.change.case() };
        let (mut progress, mut printed, mut result) = (Progress::new(), 0, Ok(()));
        let all = self.seeds.end - self.seeds.start;
        let (mut last, mut since) = (0, Instant::now());
        let total = sweep.run(|total| {
            if total.seeds > last {
                (last, since) = (total.seeds, Instant::now());
            }
            while printed < total.failures.len() && !self.json {
                progress.clear();
                result = text::failure(out, &total.failures[printed]);
                printed += 1;
            }
            progress.tell(|| {
                let (done, failed) = (total.seeds, total.failures.len());
                let so_far = format!("{done} of {all} seeds, {failed} failed");
                if since.elapsed() < LONG {
                    return so_far;
                }
                format!("{so_far}; seed {} is still running, does it end?", self.seeds.start + done)
            });
        });
        progress.clear();
        result?;
        let missing = total.summary.coverage.missing();
        let seconds = progress.elapsed().as_secs_f64();
        if self.json {
            print_json(out, &total, jobs, seconds)?;
        } else {
            let (seeds, failed) = (total.seeds, total.failures.len());
            let each = if twice { ", each twice" } else { "" };
            writeln!(out, "{seeds} seeds{each}, {failed} failed; {seconds:.1} s in {jobs} threads")?;
            text::summary(out, &total.summary)?;
            if self.coverage {
                write!(out, "{}", total.summary.coverage.table())?;
            }
            if self.require_coverage {
                text::missing(out, &missing)?;
            }
        }
        let covered = missing.is_empty() || !self.require_coverage;
        Ok(Ended::well_if(total.failures.is_empty() && covered))
    }
}

fn print_json(out: &mut impl Write, total: &Total, jobs: usize, seconds: f64) -> io::Result<()> {
    let failures: Vec<_> = total.failures.iter().map(text::failure_json).collect();
    let never_hit = total.summary.coverage.missing();
    let all = json!({
        "seeds": total.seeds,
        "jobs": jobs,
        "seconds": seconds,
        "failures": failures,
        "never_hit": never_hit.iter().map(|(row, victim)| format!("{row:?} {}", victim.name())).collect::<Vec<_>>(),
        "did": text::summary_json(&total.summary),
    });
    writeln!(out, "{all}")
}
