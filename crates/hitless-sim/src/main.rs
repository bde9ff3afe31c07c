//! `hitless-sim`: runs a chassis from a seed, or many.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::{Parser, Subcommand};
use hitless_sim::replay::Replay;
use hitless_sim::run::{Outcome, Summary, Tracing, run};

/// A whole hitless chassis in one thread from one seed: faults, and one checker per property.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  hitless-sim run --seed 7 --trace\n  hitless-sim sweep --seeds 0..500 --jobs 2\n  hitless-sim replay unit-1.jsonl"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs one seed.
    Run {
        /// The seed.
        #[arg(long)]
        seed: u64,
        /// Prints everything that happens.
        #[arg(long)]
        trace: bool,
    },
    /// Runs many seeds.
    Sweep {
        /// From, and up to but without.
        #[arg(long, value_name = "A..B", value_parser = seeds)]
        seeds: (u64, u64),
        /// Threads.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
    },
    /// Replays what a party of a real chassis recorded (`hitless control --record FILE`), and says where it ends.
    Replay {
        /// The recording.
        file: PathBuf,
        /// Prints every input and output.
        #[arg(long)]
        trace: bool,
    },
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("\"{text}\" is not a range of seeds: expected A..B, as in 0..500");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    if from < to { Ok((from, to)) } else { Err(wrong()) }
}

fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Run { seed, trace } => {
            let outcome = run(seed, if trace { Tracing::Print } else { Tracing::Off });
            println!("seed {seed}: {:?}", outcome.summary);
            report(seed, &outcome)
        }
        Verb::Sweep { seeds, jobs } => sweep(seeds, jobs),
        Verb::Replay { file, trace } => match replay(&file, trace) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {}: {error}", file.display());
                ExitCode::FAILURE
            }
        },
    }
}

fn replay(file: &Path, trace: bool) -> Result<(), String> {
    let reader = BufReader::new(File::open(file).map_err(|error| error.to_string())?);
    let (mut inputs, mut outputs) = (0_u64, 0_u64);
    let replay = Replay::whole(reader, |step| {
        inputs += 1;
        outputs += step.outputs.len() as u64;
        if trace {
            println!("{} < {}", step.at.0, step.input);
            step.outputs.iter().for_each(|output| println!("{} > {output:?}", step.at.0));
        }
    })?;
    println!("{}: {inputs} inputs, {outputs} outputs, every invariant held; at its end:", replay.party());
    println!("{}", replay.status());
    Ok(())
}

fn report(seed: u64, outcome: &Outcome) -> ExitCode {
    let Some(violation) = &outcome.violation else { return ExitCode::SUCCESS };
    println!("seed {seed} VIOLATED {violation}\n  reproduce with: hitless-sim run --seed {seed} --trace");
    ExitCode::FAILURE
}

fn sweep((from, to): (u64, u64), jobs: usize) -> ExitCode {
    let (next, began) = (AtomicU64::new(from), Instant::now());
    let total = Mutex::new((Summary::default(), 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= to {
                        return;
                    }
                    let outcome = run(seed, Tracing::Off);
                    let failed = report(seed, &outcome) != ExitCode::SUCCESS;
                    if let Ok(mut total) = total.lock() {
                        total.1 += u64::from(failed);
                        add(&mut total.0, &outcome.summary);
                    }
                }
            });
        }
    });
    let Ok(total) = total.into_inner() else { return ExitCode::FAILURE };
    let (summary, failed) = total;
    println!(
        "{} seeds, {failed} failed; {} steps, {:.1} simulated hours, {} takeovers ({} planned, {} recoveries), {} ops of which \
         {} safe; {:.1} s",
        to - from,
        summary.steps,
        summary.simulated as f64 / 3.6e9,
        summary.takeovers,
        summary.planned,
        summary.recoveries,
        summary.ops.0,
        summary.ops.1,
        began.elapsed().as_secs_f64()
    );
    println!("faults: {:?}", summary.faults);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn add(total: &mut Summary, one: &Summary) {
    total.steps += one.steps;
    total.simulated += one.simulated;
    total.takeovers += one.takeovers;
    total.recoveries += one.recoveries;
    total.planned += one.planned;
    total.ops = (total.ops.0 + one.ops.0, total.ops.1 + one.ops.1);
    for (fault, times) in &one.faults {
        *total.faults.entry(*fault).or_default() += times;
    }
}
