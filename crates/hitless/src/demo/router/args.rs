//! Arguments of `hitless demo --router`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

/// Arguments of the other demo that mean nothing here.
const NOT_FOR_ROUTERS: [&str; 13] = [
    "entries",
    "table",
    "churn",
    "churn_rate",
    "burst_ms",
    "write_micros",
    "churn_ms",
    "cards",
    "standbys",
    "rounds",
    "kill",
    "how",
    "arbiter",
];
/// What is done when nothing else is asked for: everything.
const ALL: [Event; 9] = [
    Event::Kill,
    Event::Freeze,
    Event::Cut,
    Event::Switchover,
    Event::Zebra,
    Event::Card,
    Event::Link,
    Event::Both,
    Event::Flush,
];

/// Arguments of `hitless demo --router`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "A router (with --router)")]
pub struct RouterArgs {
    /// A real router instead: FRR as source, the kernel's tables at the cards, and packets through them. Needs root, FRR and
    /// iproute2; works in network namespaces of its own.
    #[arg(long, conflicts_with_all = NOT_FOR_ROUTERS)]
    pub router: bool,
    /// Install FRR and iproute2 from Debian's packages, where they are missing.
    #[arg(long, requires = "router")]
    pub install: bool,
    /// Routes that BGP announces.
    #[arg(long, requires = "router", default_value_t = 50_000, value_name = "N", value_parser = clap::value_parser!(u64).range(2_000..=2_000_000))]
    pub routes: u64,
    /// Announce the prefixes of this MRT dump (or list of prefixes) instead of generated ones.
    #[arg(long, requires = "router", value_name = "FILE")]
    pub mrt: Option<PathBuf>,
    /// What happens, in this order; part by commas.
    #[arg(long, requires = "router", value_enum, value_delimiter = ',', value_name = "EVENT", default_values_t = ALL)]
    pub events: Vec<Event>,
    /// UDP packets a second through the cards.
    #[arg(long, requires = "router", default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=200_000))]
    pub probes: u64,
    /// Changes a second that BGP announces meanwhile.
    #[arg(long, requires = "router", default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=20_000))]
    pub bgp_churn: u64,
}

/// What happens to the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The primary is killed with SIGKILL, and started again.
    Kill,
    /// The primary is frozen with SIGSTOP, and thawed.
    Freeze,
    /// The link of the primary goes down, and comes up.
    Cut,
    /// The primary hands over, as planned.
    Switchover,
    /// FRR's zebra at the primary is killed, and FRR is started again.
    Zebra,
    /// A card's process is killed, and started again; the kernel's table stays.
    Card,
    /// The link of a next hop goes down at a card, and comes up.
    Link,
    /// Both control units are killed, then both are started.
    Both,
    /// A card's table is flushed on purpose: packets must be lost, or the probes see nothing.
    Flush,
}

impl Event {
    /// Its name on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
