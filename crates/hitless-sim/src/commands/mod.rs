//! What can be typed: a file per verb.

mod arguments;
#[cfg(feature = "mutants")]
mod mutants;
mod progress;
mod replay;
mod run;
mod shrink;
mod sweep;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A whole hitless chassis in one thread from one seed: faults, and one checker per property.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 everything holds, 1 a property is broken, 2 wrong arguments or a file that cannot be used.\n\n\
        Examples:\n  hitless-sim run --seed 7 --trace\n  hitless-sim sweep --seeds 0..500 --twice\n  \
        hitless-sim shrink --seed 7\n  hitless-sim replay unit-1.jsonl"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs one seed, or a part of it.
    Run(run::Run),
    /// Runs many seeds.
    Sweep(sweep::Sweep),
    /// Finds the smallest schedule that still breaks the same property, and prints it with the command that runs it.
    Shrink(shrink::Shrink),
    /// Replays what a party of a real chassis recorded (`hitless control --record FILE`), and says where it ends.
    Replay(replay::Replay),
    /// Takes out the rules of the protocol, one after the other: for each some seed must fail.
    #[cfg(feature = "mutants")]
    Mutants(mutants::Mutants),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything holds.
    Well,
    /// A property is broken.
    Broken,
    /// What was asked for cannot be done.
    Unusable,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::Broken => Self::FAILURE,
            Ended::Unusable => Self::from(2),
        }
    }
}

impl Ended {
    fn well_if(well: bool) -> Self {
        if well { Self::Well } else { Self::Broken }
    }
}

/// Does what was typed.
pub(crate) fn execute(arguments: Arguments, out: &mut impl Write) -> io::Result<Ended> {
    match arguments.verb {
        Verb::Run(run) => run.execute(out),
        Verb::Sweep(sweep) => sweep.execute(out),
        Verb::Shrink(shrink) => shrink.execute(out),
        Verb::Replay(replay) => replay.execute(out),
        #[cfg(feature = "mutants")]
        Verb::Mutants(mutants) => mutants.execute(out),
    }
}
