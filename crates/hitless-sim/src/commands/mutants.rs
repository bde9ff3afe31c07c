//! `hitless-sim mutants`: every rule of the protocol is taken out once, and some seed must fail.

use std::io::{self, Write};

use clap::Args;
use hitless_proto::rules::{RULES, Rule};
use hitless_sim::mutants::{Hunt, hunt, within};
use serde_json::json;

use super::Ended;
use super::arguments::{cores, rule};
use super::progress::Progress;
use super::text;

#[derive(Args)]
pub(crate) struct Mutants {
    /// Takes out only this one.
    #[arg(long, value_parser = rule)]
    rule: Option<Rule>,
    /// Runs at most so many seeds for each, instead of those within which it must be seen.
    #[arg(long)]
    seeds: Option<u64>,
    /// Threads [default: one for each core].
    #[arg(long)]
    jobs: Option<usize>,
    /// Prints JSON, a line for each rule.
    #[arg(long)]
    json: bool,
}

impl Mutants {
    pub(crate) fn execute(self, out: &mut impl Write) -> io::Result<Ended> {
        let rules: Vec<Rule> = self.rule.map_or_else(|| RULES.to_vec(), |rule| vec![rule]);
        let jobs = self.jobs.unwrap_or_else(cores);
        let (mut progress, mut missed) = (Progress::new(), 0);
        for rule in &rules {
            let most = self.seeds.unwrap_or_else(|| within(*rule));
            let hunt = hunt(*rule, most, jobs, |seeds| {
                progress.tell(|| format!("{rule:?}: {seeds} of {most} seeds"));
            });
            missed += usize::from(hunt.found.is_none());
            progress.clear();
            if self.json { print_json(out, &hunt)? } else { print(out, &hunt)? }
        }
        if !self.json {
            let seconds = progress.elapsed().as_secs_f64();
            writeln!(out, "{} of {} rules seen, {seconds:.1} s", rules.len() - missed, rules.len())?;
        }
        Ok(Ended::well_if(missed == 0))
    }
}

fn print(out: &mut impl Write, hunt: &Hunt) -> io::Result<()> {
    let (rule, seeds, seconds) = (format!("{:?}", hunt.rule), hunt.seeds, hunt.took.as_secs_f64());
    let Some(found) = &hunt.found else {
        return writeln!(out, "{rule:<20} MISSED in {seeds} seeds, {seconds:.1} s");
    };
    let (seed, property) = (found.case.seed, found.violation.property);
    writeln!(out, "{rule:<20} seed {seed:<5} {property}; {seconds:.1} s")
}

fn print_json(out: &mut impl Write, hunt: &Hunt) -> io::Result<()> {
    let failure = hunt.found.as_ref().map(text::failure_json);
    let rule = format!("{:?}", hunt.rule);
    let line =
        json!({ "rule": rule, "seeds": hunt.seeds, "seconds": hunt.took.as_secs_f64(), "failure": failure });
    writeln!(out, "{line}")
}
