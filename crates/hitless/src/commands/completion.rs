//! `hitless completion`: for the shell's tab key.

use clap::{Args, Command};
use clap_complete::Shell;

/// Arguments of `hitless completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Which shell.
    shell: Shell,
}

/// Writes the completion script of `command` to standard output.
pub fn run(args: &CompletionArgs, mut command: Command) {
    clap_complete::generate(args.shell, &mut command, "hitless", &mut std::io::stdout());
}
