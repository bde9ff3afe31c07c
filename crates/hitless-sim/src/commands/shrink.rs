//! `hitless-sim shrink`: the smallest schedule that still breaks the same property.

use std::fmt::Debug;
use std::io::{self, Write};

use clap::Args;
use hitless_sim::schedule::Drawn;
use hitless_sim::shrink::{Progress as Shrinking, Shrunk, shrink};
use serde_json::{Value, json};

use super::Ended;
use super::arguments::Part;
use super::progress::Progress;
use super::text;

/// So many strikes and ops are listed for people: who is left with more reads the trace.
const LISTED: usize = 40;

#[derive(Args)]
pub(crate) struct Shrink {
    #[command(flatten)]
    part: Part,
    /// Gives up after so many runs.
    #[arg(long, default_value_t = 3_000)]
    runs: u64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Shrink {
    pub(crate) fn execute(self, out: &mut impl Write) -> io::Result<Ended> {
        let case = self.part.case();
        if case.scene.is_some() {
            eprintln!("error: a scene is as short as it is written");
            return Ok(Ended::Unusable);
        }
        let mut progress = Progress::new();
        let shrunk = shrink(&case, self.runs, |now: &Shrinking| {
            progress.tell(|| {
                let (strikes, ops, end) = (now.strikes, now.ops, now.end);
                format!("{:?}: {strikes} strikes, {ops} ops, {end} us after {} runs", now.stage, now.runs)
            });
        });
        progress.clear();
        let Some(shrunk) = shrunk else {
            eprintln!("error: there is nothing to shrink: {case} breaks no property");
            return Ok(Ended::Unusable);
        };
        if self.json {
            print_json(out, &shrunk)?
        } else {
            print(out, &shrunk, progress.elapsed().as_secs_f64())?
        }
        Ok(Ended::Broken)
    }
}

fn print(out: &mut impl Write, shrunk: &Shrunk, seconds: f64) -> io::Result<()> {
    let (whole, left) = (&shrunk.whole, &shrunk.outcome);
    let minimal = if shrunk.minimal { "none of it can be left out" } else { "there may be less" };
    writeln!(
        out,
        "{} strikes of {}, {} ops of {}, {} us of {} are left; {minimal}; {} runs, {seconds:.1} s",
        left.strikes.len(),
        whole.strikes.len(),
        left.ops.len(),
        whole.ops.len(),
        left.end.0,
        whole.end.0,
        shrunk.runs
    )?;
    list(out, "strike", &left.strikes)?;
    list(out, "op", &left.ops)?;
    if let Some(violation) = &left.violation {
        writeln!(out, "VIOLATED {violation}")?;
    }
    writeln!(out, "reproduce with: {} --trace", shrunk.case)
}

fn list<T: Debug>(out: &mut impl Write, kind: &str, drawn: &[Drawn<T>]) -> io::Result<()> {
    for Drawn { number, at, of, did } in &drawn[..drawn.len().min(LISTED)] {
        writeln!(out, "{kind} {number} at {} us: {of:?}", at.0)?;
        did.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    if drawn.len() > LISTED { writeln!(out, "and {} more", drawn.len() - LISTED) } else { Ok(()) }
}

fn print_json(out: &mut impl Write, shrunk: &Shrunk) -> io::Result<()> {
    let left = &shrunk.outcome;
    let all = json!({
        "seed": shrunk.case.seed,
        "runs": shrunk.runs,
        "minimal": shrunk.minimal,
        "strikes": left.strikes.iter().map(drawn_json).collect::<Vec<_>>(),
        "ops": left.ops.iter().map(drawn_json).collect::<Vec<_>>(),
        "end_us": left.end.0,
        "violation": left.violation.as_ref().map(text::violation_json),
        "reproduce": shrunk.case.to_string(),
    });
    writeln!(out, "{all}")
}

fn drawn_json<T: Debug>(drawn: &Drawn<T>) -> Value {
    let did: Vec<&str> = drawn.did.lines().map(str::trim).collect();
    json!({ "number": drawn.number, "at_us": drawn.at.0, "of": format!("{:?}", drawn.of), "did": did })
}
