//! `hitless config`: the chassis file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::config::{ArbiterSettings, DEFAULT, Settings};
use crate::failure::Failure;

/// Arguments of `hitless config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Write a chassis file with every key, its default and what it means.
    #[command(after_help = "Example:\n  hitless config default > chassis.toml")]
    Default,
    /// Check a chassis file.
    #[command(after_help = "Example:\n  hitless config check chassis.toml")]
    Check {
        /// The file.
        #[arg(env = "HITLESS_CONFIG", default_value = "chassis.toml")]
        file: PathBuf,
        /// The file, as other commands name it.
        #[arg(long, value_name = "FILE", hide = true)]
        config: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// The file is wrong.
pub fn run(args: &ConfigArgs, as_json: bool) -> Result<(), Failure> {
    match &args.command {
        ConfigCommand::Default => print!("{DEFAULT}"),
        ConfigCommand::Check { file, config } => {
            let file = config.as_ref().unwrap_or(file);
            let settings = Settings::load(file)?;
            let warnings = settings.warnings();
            let arbiter = match &settings.arbiter {
                ArbiterSettings::Voters(voters) => {
                    voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                }
                ArbiterSettings::Local(path) => path.display().to_string(),
            };
            let (units, cards) = (settings.units.len(), settings.cards.len());
            if as_json {
                let checked = json!({"file": file, "chassis": settings.name, "units": units, "cards": cards, "arbiter": arbiter, "warnings": warnings});
                println!("{checked}");
            } else {
                println!(
                    "{}: chassis {}: {units} control units, {cards} cards, arbiter: {arbiter}",
                    file.display(),
                    settings.name
                );
                warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            }
        }
    }
    Ok(())
}
