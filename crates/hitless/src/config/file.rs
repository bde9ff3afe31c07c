//! The configuration file as it is written.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChassisFile {
    #[serde(default)]
    pub(super) chassis: ChassisTable,
    #[serde(default)]
    pub(super) unit: Vec<UnitTable>,
    #[serde(default)]
    pub(super) card: Vec<CardTable>,
    #[serde(default)]
    pub(super) liveness: LivenessTable,
    #[serde(default)]
    pub(super) timing: TimingTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ChassisTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) ack_path: AckPathName,
    pub(super) output_rule: OutputRuleName,
    pub(super) arbiter: ArbiterName,
    pub(super) voters: Option<Vec<Spanned<String>>>,
    pub(super) arbiter_file: Option<PathBuf>,
    pub(super) processes: Vec<Spanned<String>>,
    pub(super) digest_key: Option<Spanned<String>>,
}

impl Default for ChassisTable {
    fn default() -> Self {
        let processes = ["fib", "table"].map(|name| Spanned::new(0..0, name.to_owned())).to_vec();
        Self {
            name: None,
            ack_path: AckPathName::Direct,
            output_rule: OutputRuleName::Parallel,
            arbiter: ArbiterName::Voters,
            voters: None,
            arbiter_file: None,
            processes,
            digest_key: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AckPathName {
    Direct,
    Relayed,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutputRuleName {
    Parallel,
    Gated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ArbiterName {
    Voters,
    Local,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitTable {
    pub(super) id: Spanned<i64>,
    pub(super) address: Spanned<String>,
    pub(super) admin: Spanned<String>,
    pub(super) state: PathBuf,
    #[serde(default = "yes")]
    pub(super) keep_entries: bool,
    #[serde(default)]
    pub(super) dial: Vec<DialTable>,
    pub(super) fpm: Option<FpmTable>,
}

/// Where zebra's sessions come in, and what is taken from them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FpmTable {
    pub(super) listen: Spanned<String>,
    pub(super) sentinel: Option<Spanned<String>>,
    #[serde(default = "one_second")]
    pub(super) sentinel_quiet_ms: u64,
    #[serde(default)]
    pub(super) sweep_after_s: u64,
    #[serde(default)]
    pub(super) connected: bool,
    #[serde(default)]
    pub(super) kernel: bool,
    #[serde(default = "yes")]
    pub(super) devices: bool,
    #[serde(default = "yes")]
    pub(super) answers: bool,
}

fn one_second() -> u64 {
    1_000
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialTable {
    pub(super) from: Spanned<String>,
    pub(super) address: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardTable {
    pub(super) id: Spanned<i64>,
    pub(super) admin: Spanned<String>,
    pub(super) state: PathBuf,
    #[serde(default)]
    pub(super) table: TableName,
    pub(super) linux: Option<Spanned<LinuxSection>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinuxSection {
    pub(super) table: Option<Spanned<i64>>,
    pub(super) protocol: Option<Spanned<i64>>,
    pub(super) take_over: Option<bool>,
    pub(super) repair: Option<bool>,
    pub(super) audit_s: Option<Spanned<i64>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TableName {
    #[default]
    Memory,
    Linux,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LivenessTable {
    pub(super) interval_ms: Spanned<u64>,
    pub(super) missed: Spanned<u32>,
}

impl Default for LivenessTable {
    fn default() -> Self {
        Self { interval_ms: Spanned::new(0..0, 100), missed: Spanned::new(0..0, 5) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimingTable {
    pub(super) campaign_ms: u64,
    pub(super) ack_overdue_ms: u64,
    pub(super) retry_ms: u64,
    pub(super) evict_ms: u64,
    pub(super) audit_ms: u64,
    pub(super) switchover_ms: u64,
}

impl Default for TimingTable {
    fn default() -> Self {
        Self {
            campaign_ms: 150,
            ack_overdue_ms: 5_000,
            retry_ms: 500,
            evict_ms: 10_000,
            audit_ms: 60_000,
            switchover_ms: 10_000,
        }
    }
}
