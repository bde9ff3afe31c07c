//! `hitless-sim`: runs a chassis from a seed, or many; shrinks what fails; replays what was recorded.

mod commands;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser;

use commands::Arguments;

fn main() -> ExitCode {
    match commands::execute(Arguments::parse(), &mut std::io::stdout().lock()) {
        Ok(ended) => ended.into(),
        // Who reads what is printed has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::from(2)
        }
    }
}
