//! Arguments of `hitless demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::router::RouterArgs;

/// Arguments of `hitless demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Entries of the generated table.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub entries: u64,
    /// Load these instead: lists of prefixes, JSON lines or MRT dumps, plain or packed; repeat, or part by commas.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    pub table: Vec<PathBuf>,
    /// Replay this churn (`+prefix` and `-prefix` lines, or MRT updates) instead of a generated one.
    #[arg(long, value_name = "FILE")]
    pub churn: Option<PathBuf>,
    /// Changes a second while the churn runs.
    #[arg(long, default_value_t = 20_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub churn_rate: u64,
    /// Churn comes in a burst every so many milliseconds. The strike comes when half a burst is on its way to the cards: the
    /// longer the burst, the more ops are in doubt then.
    #[arg(long, default_value_t = 10, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub burst_ms: u64,
    /// Microseconds that a card's table takes for each write during the churn. The Linux kernel takes 6 to 10.
    #[arg(long, default_value_t = 10, value_name = "MICROS")]
    pub write_micros: u64,
    /// Milliseconds of churn before the kill, and again after the takeover.
    #[arg(long, default_value_t = 500, value_name = "MS")]
    pub churn_ms: u64,
    /// Cards.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub cards: u16,
    /// Standby control units.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub standbys: u8,
    /// How often to do it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// Seed of the table, the churn, the moment and the choice of the victim.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Who dies.
    #[arg(long, value_enum, default_value_t = Kill::Primary)]
    pub kill: Kill,
    /// How.
    #[arg(long, value_enum, default_value_t = How::Kill)]
    pub how: How,
    /// How acks reach standbys.
    #[arg(long, value_enum, default_value_t = AckPath::Direct)]
    pub ack_path: AckPath,
    /// When cards are sent an op.
    #[arg(long, value_enum, default_value_t = OutputRule::Parallel)]
    pub output_rule: OutputRule,
    /// Who decides which unit is primary.
    #[arg(long, value_enum, default_value_t = Arbiter::Voters)]
    pub arbiter: Arbiter,
    /// Heartbeat interval in milliseconds; five missed in a row are a death.
    #[arg(long, default_value_t = 100, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub heartbeat: u64,
    /// A step that takes longer has failed.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub deadline: u64,
    /// Where the page of the timeline goes.
    #[arg(long, visible_alias = "page", default_value = "hitless-demo.html", value_name = "FILE")]
    pub html: PathBuf,
    /// Keep the directory with configuration, state and logs.
    #[arg(long)]
    pub keep: bool,
    /// A real router instead.
    #[command(flatten)]
    pub router: RouterArgs,
}

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kill {
    /// The primary.
    Primary,
    /// A standby.
    Standby,
    /// A card, with its forwarding table in memory.
    Card,
}

/// How it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// SIGKILL; started again later.
    Kill,
    /// SIGSTOP; thawed later, with the state of the past.
    Freeze,
    /// Its links carry nothing and are not closed; healed later.
    Cut,
}

impl How {
    /// What was done, for people.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Freeze => "frozen",
            Self::Cut => "cut off",
        }
    }
}

/// How acks reach standbys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AckPath {
    /// From the card to every control unit.
    Direct,
    /// Through the primary.
    Relayed,
}

impl AckPath {
    /// Its name in the chassis file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        }
    }
}

/// When cards are sent an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputRule {
    /// At once.
    Parallel,
    /// When every in-sync standby has it.
    Gated,
}

impl OutputRule {
    /// Its name in the chassis file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::Gated => "gated",
        }
    }
}

/// Who decides which unit is primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arbiter {
    /// A majority of the parties.
    Voters,
    /// A locked file.
    Local,
}
