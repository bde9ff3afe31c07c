//! The command line: every command, the generator's arguments among them.

use clap::Parser;
use hitless::cli::Cli;

use crate::budget::Budget;

/// The description of all commands takes some 500 kB; an error quotes what it refuses, with what is known beside it.
const BUDGET: Budget = Budget { base: 4 * 1024 * 1024, per_byte: 1024 };

/// The input are the words, one a line.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        // A command line has no zero bytes.
        if text.contains('\0') {
            return;
        }
        match Cli::try_parse_from(std::iter::once("hitless").chain(text.lines())) {
            Ok(cli) => drop(format!("{:?}", cli.command)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}
