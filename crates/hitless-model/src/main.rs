//! `hitless-model`: searches bounds, and prints states, depth and time, or a shortest counterexample.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Parser;
use hitless_model::bounds::{Bounds, Faults, Wanted};
use hitless_model::search::{Counterexample, Limits, Summary, search};
use hitless_proto::config::{AckPath, OutputRule};

/// Every interleaving of a small chassis, on the production state machines.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Control units.
    #[arg(long, default_value_t = 2)]
    units: u8,
    /// Cards.
    #[arg(long, default_value_t = 1)]
    cards: u16,
    /// What the source submits: `a=1,a=2,a-`. The first is everywhere when the search begins.
    #[arg(long, default_value = "c=0,a=1,a=2")]
    ops: String,
    /// Epochs beyond which nothing is gone on from.
    #[arg(long, default_value_t = 2)]
    epochs: u32,
    /// Control units that may crash.
    #[arg(long, default_value_t = 1)]
    crashes: u8,
    /// Crashed control units that may come back.
    #[arg(long, default_value_t = 0)]
    unit_restarts: u8,
    /// Cards that may restart.
    #[arg(long, default_value_t = 0)]
    card_restarts: u8,
    /// Links that may be given up although both ends live.
    #[arg(long, default_value_t = 0)]
    cuts: u8,
    /// Disk writes take a step of their own.
    #[arg(long)]
    slow_disk: bool,
    /// Acks go by way of the primary.
    #[arg(long)]
    relayed: bool,
    /// Cards are sent ops when the standbys have them.
    #[arg(long)]
    gated: bool,
    /// Instead of all that: every set of bounds that is searched for a commit.
    #[arg(long)]
    per_commit: bool,
    /// Instead of all that: the sets of bounds that take hours.
    #[arg(long)]
    longer: bool,
    /// Instead of all that: take out the rules of the protocol one by one, each must be missed. `--seconds` is for one
    /// rule and one set of bounds.
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
    /// Stop after so many steps from the start.
    #[arg(long)]
    depth: Option<u32>,
    /// Stop after so many states.
    #[arg(long)]
    states: Option<usize>,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let limits =
        Limits { depth: args.depth, states: args.states, time: args.seconds.map(Duration::from_secs) };
    #[cfg(feature = "mutants")]
    if args.mutants {
        return Ok(mutants(limits.time.unwrap_or(Duration::from_secs(60))));
    }
    let mut all = Vec::new();
    if args.per_commit {
        all.extend(Bounds::per_commit());
    }
    if args.longer {
        all.extend(Bounds::longer());
    }
    if all.is_empty() {
        all.push(("", args.bounds()?));
    }
    for (name, bounds) in all {
        println!("{name}");
        let summary = search(&bounds, limits, |summary| eprintln!("  {}", line(summary)))?;
        println!("  {}", line(&summary));
        if let Some(found) = &summary.found {
            print(found);
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(found: &Counterexample) {
    for (index, step) in found.steps.iter().enumerate() {
        if index == found.chosen {
            println!("    -- from here on without faults --");
        }
        println!("{:4} {step}", index + 1);
    }
    println!("violated: {}", found.violation);
}

#[cfg(feature = "mutants")]
fn mutants(each: Duration) -> ExitCode {
    let missed = hitless_model::mutants::mutants(each, |rule, found| match found {
        Some(found) => {
            println!(
                "{rule:?}: found in {} states, {} steps; {}",
                found.states,
                found.by.steps.len(),
                found.bounds
            );
            print(&found.by);
        }
        None => println!("{rule:?}: MISSED"),
    });
    println!("{missed} missed");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Args {
    fn bounds(&self) -> Result<Bounds> {
        Ok(Bounds {
            units: self.units,
            cards: self.cards,
            ops: self.ops.split(',').map(wanted).collect::<Result<_>>()?,
            epochs: self.epochs,
            faults: Faults {
                crashes: self.crashes,
                unit_restarts: self.unit_restarts,
                card_restarts: self.card_restarts,
                cuts: self.cuts,
            },
            slow_disk: self.slow_disk,
            ack_path: if self.relayed { AckPath::Relayed } else { AckPath::Direct },
            output_rule: if self.gated { OutputRule::Gated } else { OutputRule::Parallel },
        })
    }
}

/// Reads `a=1` or `a-`.
fn wanted(text: &str) -> Result<Wanted> {
    match text.as_bytes() {
        [key @ b'a'..=b'z', b'-'] => Ok((key - b'a', None)),
        [key @ b'a'..=b'z', b'=', value @ b'0'..=b'9'] => Ok((key - b'a', Some(value - b'0'))),
        _ => Err(anyhow!("`{text}` is neither like `a=1` nor like `a-`")),
    }
}

fn line(summary: &Summary) -> String {
    let seconds = summary.took.as_secs_f64();
    format!(
        "{} states, {} steps, depth {}, {} cut, {} states and {} steps of parties, {seconds:.1} s, {:.0} states/s{}",
        summary.states,
        summary.steps,
        summary.depth,
        summary.cut,
        summary.local.0,
        summary.local.1,
        summary.states as f64 / seconds.max(1e-9),
        if summary.exhausted { ", exhausted" } else { "" },
    )
}
