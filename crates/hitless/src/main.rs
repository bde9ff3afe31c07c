//! `hitless`: see `hitless --help`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use hitless::cli::{Cli, Command};
use hitless::commands::{completion, config, load, party, recover, report, show, status, sweep, switchover};
use hitless::demo;
use hitless::failure::{Exit, Failure};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let as_json = cli.json;
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if as_json {
                eprintln!("{}", serde_json::json!({ "error": failure }));
            } else {
                eprintln!("error: {failure}");
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    let quiet = match &cli.command {
        Command::Control(_) | Command::Card(_) => "info",
        Command::Demo(_)
        | Command::Status(_)
        | Command::Sweep(_)
        | Command::Switchover(_)
        | Command::Load(_)
        | Command::Show(_)
        | Command::Report(_)
        | Command::Recover(_)
        | Command::Config(_)
        | Command::Completion(_) => "warn",
    };
    let filter = EnvFilter::try_new(cli.log.as_deref().unwrap_or(quiet)).map_err(|error| {
        Failure::new(Exit::Usage, format!("--log: {error}"))
            .hint("write a level (info, debug) or target=level")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would panic where standard error cannot be written.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Failed, format!("no threads: {error}"))
            .hint("the system's limits on processes may be reached")
    })?;
    let result = runtime.block_on(run(cli));
    // Blocked reads of standard input must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Demo(args) => demo::run(&args, cli.json).await,
        Command::Control(args) => party::run_control(&args).await,
        Command::Card(args) => party::run_card(&args).await,
        Command::Status(args) => status::run(&args, cli.json).await,
        Command::Sweep(args) => sweep::run(&args, cli.json).await,
        Command::Switchover(args) => switchover::run(&args, cli.json).await,
        Command::Load(args) => load::run(&args, cli.json).await,
        Command::Show(args) => show::run(&args, cli.json).await,
        Command::Report(args) => report::run(&args, cli.json).await,
        Command::Recover(args) => recover::run(&args, cli.json).await,
        Command::Config(args) => config::run(&args, cli.json),
        Command::Completion(args) => {
            completion::run(&args, Cli::command());
            Ok(())
        }
    }
}
