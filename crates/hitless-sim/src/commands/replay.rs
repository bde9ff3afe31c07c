//! `hitless-sim replay`: what a party of a real chassis recorded.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;

use clap::Args;
use hitless_sim::replay::{self, ReplayError};

use super::Ended;

#[derive(Args)]
pub(crate) struct Replay {
    /// The recording.
    file: PathBuf,
    /// Prints every input and output.
    #[arg(long)]
    trace: bool,
}

impl Replay {
    pub(crate) fn execute(self, out: &mut impl Write) -> io::Result<Ended> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) => {
                eprintln!("error: {}: {error}", self.file.display());
                return Ok(Ended::Unusable);
            }
        };
        let (mut inputs, mut outputs, mut written) = (0_u64, 0_u64, Ok(()));
        let replayed = replay::Replay::whole(BufReader::new(file), |step| {
            inputs += 1;
            outputs += step.outputs.len() as u64;
            if self.trace && written.is_ok() {
                written = print(out, step);
            }
        });
        written?;
        match replayed {
            Ok(replay) => {
                let party = replay.party();
                writeln!(
                    out,
                    "{party}: {inputs} inputs, {outputs} outputs, every invariant held; at its end:"
                )?;
                writeln!(out, "{}", replay.status())?;
                Ok(Ended::Well)
            }
            Err(error) => {
                eprintln!("error: {}: {error}", self.file.display());
                Ok(match error {
                    ReplayError::Unusable(_) => Ended::Unusable,
                    ReplayError::Broken(_) => Ended::Broken,
                })
            }
        }
    }
}

fn print(out: &mut impl Write, step: &replay::Step) -> io::Result<()> {
    writeln!(out, "{} < {}", step.at.0, step.input)?;
    step.outputs.iter().try_for_each(|output| writeln!(out, "{} > {output:?}", step.at.0))
}
