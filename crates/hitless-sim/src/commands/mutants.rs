//! `hitless-sim mutants`: every rule of the protocol is taken out once, and some run must fail.

use std::io::{self, Write};

use clap::Args;
use hitless_proto::rules::Rule;
use hitless_sim::hunt::{Hunt, hunt};
use hitless_sim::mutants::MUTANTS;
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
        let jobs = self.jobs.unwrap_or_else(cores);
        let (mut progress, mut seen, mut all) = (Progress::new(), 0, 0);
        for mutant in MUTANTS.iter().filter(|mutant| self.rule.is_none_or(|rule| rule == mutant.rule)) {
            let most = self.seeds.unwrap_or(mutant.within);
            let hunt = hunt(mutant, most, jobs, |seeds| {
                progress.tell(|| format!("{:?}: {seeds} of {most} seeds", mutant.rule));
            });
            all += 1;
            seen += usize::from(hunt.found.is_some());
            progress.clear();
            if self.json { print_json(out, &hunt)? } else { print(out, &hunt)? }
        }
        if !self.json {
            writeln!(out, "{seen} of {all} rules seen, {:.1} s", progress.elapsed().as_secs_f64())?;
        }
        Ok(Ended::well_if(seen == all))
    }
}

fn print(out: &mut impl Write, hunt: &Hunt) -> io::Result<()> {
    let (rule, runs, seconds) = (format!("{:?}", hunt.rule), hunt.runs, hunt.took.as_secs_f64());
    let Some(found) = &hunt.found else {
        return writeln!(out, "{rule:<17} MISSED in {runs} runs, {seconds:.1} s");
    };
    let (seed, property) = (found.case.seed, found.violation.property);
    let of = found.case.scene.map_or("what is drawn", |scene| scene.name);
    writeln!(out, "{rule:<17} {of}, seed {seed}: {property}; {runs} runs, {seconds:.1} s")
}

fn print_json(out: &mut impl Write, hunt: &Hunt) -> io::Result<()> {
    let failure = hunt.found.as_ref().map(text::failure_json);
    let rule = format!("{:?}", hunt.rule);
    let line =
        json!({ "rule": rule, "runs": hunt.runs, "seconds": hunt.took.as_secs_f64(), "failure": failure });
    writeln!(out, "{line}")
}
