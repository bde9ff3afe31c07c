//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::completion::CompletionArgs;
use crate::commands::config::ConfigArgs;
use crate::commands::load::LoadArgs;
use crate::commands::party::{CardArgs, ControlArgs};
use crate::commands::recover::RecoverArgs;
use crate::commands::report::ReportArgs;
use crate::commands::show::ShowArgs;
use crate::commands::status::StatusArgs;
use crate::commands::sweep::SweepArgs;
use crate::commands::switchover::SwitchoverArgs;
use crate::demo::DemoArgs;
use crate::failure::EXIT_CODES;

/// Keeps a network device forwarding, and its control state whole, when a control unit dies or is replaced.
#[derive(Debug, Parser)]
#[command(name = "hitless", version, about, after_help = EXIT_CODES, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Write results as JSON to standard output, and errors as JSON to standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to log to standard error: a level, or as in RUST_LOG (`hitless_runtime=debug`).
    #[arg(long, global = true, value_name = "FILTER", env = "RUST_LOG", hide_env_values = true)]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a chassis on this machine, kill its primary, and check from outside that nothing was lost.
    #[command(after_help = examples(DEMO))]
    Demo(Box<DemoArgs>),
    /// Run a control unit.
    #[command(after_help = examples(CONTROL))]
    Control(ControlArgs),
    /// Run a card.
    #[command(after_help = examples(CARD))]
    Card(CardArgs),
    /// Show the chassis in one table.
    #[command(after_help = examples(STATUS))]
    Status(StatusArgs),
    /// Hand the primary's role over, as planned.
    #[command(after_help = examples(SWITCHOVER))]
    Switchover(SwitchoverArgs),
    /// Delete routes that a routing daemon did not announce again, when it has announced all others.
    #[command(after_help = examples(SWEEP))]
    Sweep(SweepArgs),
    /// Submit changes from a file, standard input or a generator.
    #[command(after_help = examples(LOAD))]
    Load(Box<LoadArgs>),
    /// Show one key as every party holds it.
    #[command(after_help = examples(SHOW))]
    Show(ShowArgs),
    /// Show the last takeovers.
    #[command(after_help = examples(REPORT))]
    Report(ReportArgs),
    /// Order the control units to go on without a card that is lost.
    #[command(after_help = examples(RECOVER))]
    Recover(RecoverArgs),
    /// Write or check a chassis file.
    #[command(after_help = EXIT_CODES)]
    Config(ConfigArgs),
    /// Write a completion script for a shell.
    #[command(after_help = examples(COMPLETION))]
    Completion(CompletionArgs),
}

fn examples(lines: &str) -> String {
    format!("Examples:\n{lines}\n{EXIT_CODES}")
}

const DEMO: &str = "  hitless demo
  hitless demo --entries 1000000 --cards 4 --standbys 2 --rounds 20 --how freeze
  hitless demo --table rib-v4.txt.xz,rib-v6.txt.xz --churn churn-v4.txt.xz --html takeover.html
  sudo hitless demo --router
  sudo hitless demo --router --routes 500000 --events kill,freeze,both,flush --page router.html
";
const CONTROL: &str = "  hitless control --config chassis.toml --unit 1 --init
  hitless control --unit 2 --log debug
";
const CARD: &str = "  hitless card --config chassis.toml --card 1 --init
";
const STATUS: &str = "  hitless status
  hitless status --wait 30 && echo whole
  hitless status --admin 127.0.0.1:4801 --admin 127.0.0.1:4802 --json
Fails with 1 where the chassis is not whole: a party does not answer, a channel is not in step.
";
const SWITCHOVER: &str = "  hitless switchover
  hitless switchover --to unit-2 --json
";
const SWEEP: &str = "  hitless sweep
  hitless sweep --disconnected
Only what the session did not name is deleted: `hitless status` counts it as STALE.
";
const LOAD: &str = "  hitless load rib-v4.txt.xz
  hitless load --format churn churn-v4.txt.xz
  hitless load --format mrt-updates updates.20190101.0000.gz --speed 10
  hitless load --format generate --entries 100000 --seed 7
  echo '{\"process\":\"table\",\"key\":\"k1\",\"value\":\"v1\"}' | hitless load --format json -
Invalid lines are named, counted and not applied; the exit code is 2 then.
";
const SHOW: &str = "  hitless show 192.0.2.0/24
  hitless show next-hop 7
  hitless show --process table k1
";
const REPORT: &str = "  hitless report
  hitless report --last 5 --json
";
const RECOVER: &str = "  hitless recover --without card-3
";
const COMPLETION: &str = "  hitless completion bash > /etc/bash_completion.d/hitless
";
