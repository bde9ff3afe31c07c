//! The configuration of a chassis: one TOML file, the same for every party.

mod advice;
mod check;
mod diagnose;
mod file;
mod fpm;
mod linux;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hitless_adapters::fpm::FpmSettings;
use hitless_adapters::linux::LinuxSettings;
use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Party, UnitId};
use thiserror::Error;

/// Every key with its default and what it means; itself a valid configuration.
pub const DEFAULT: &str = include_str!("default.toml");

/// A chassis, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the chassis.
    pub name: String,
    /// Key of the digests.
    pub digest_key: u128,
    /// How acks reach standbys.
    pub ack_path: AckPath,
    /// When cards are sent an op.
    pub output_rule: OutputRule,
    /// Who decides which unit is primary.
    pub arbiter: ArbiterSettings,
    /// Kinds of replicated state.
    pub processes: Vec<ProcessKind>,
    /// Control units, ascending.
    pub units: Vec<UnitSettings>,
    /// Cards, ascending.
    pub cards: Vec<CardSettings>,
    /// Period of heartbeats.
    pub heartbeat: Duration,
    /// So many heartbeats missed: the peer is taken for dead.
    pub missed: u32,
    /// Periods of the protocol.
    pub timing: Timing,
}

/// Who decides which unit is primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArbiterSettings {
    /// A majority of these.
    Voters(Vec<Party>),
    /// A locked file.
    Local(PathBuf),
}

/// A process that comes in the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessKind {
    /// Next hops and routes.
    Fib,
    /// Opaque keys and values.
    Table,
}

impl ProcessKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fib, Self::Table];

    /// Number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::Fib => 1,
            Self::Table => 2,
        }
    }

    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fib => "fib",
            Self::Table => "table",
        }
    }

    /// The process of this name or number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text || kind.number().to_string() == text)
    }
}

/// A control unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSettings {
    /// Its number.
    pub id: UnitId,
    /// Where other parties reach it.
    pub address: SocketAddr,
    /// Where its admin API listens.
    pub admin: SocketAddr,
    /// What it promised.
    pub state: PathBuf,
    /// Whether it keeps its entries there too.
    pub keep_entries: bool,
    /// Where these parties dial instead.
    pub dial: Vec<(Party, SocketAddr)>,
    /// Where FRR's zebra sends its forwarding state.
    pub fpm: Option<FpmUnitSettings>,
}

/// The FPM source of a control unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FpmUnitSettings {
    /// Where zebra connects.
    pub listen: SocketAddr,
    /// What is taken, and when to sweep.
    pub source: FpmSettings,
}

impl UnitSettings {
    /// Where `from` reaches this unit.
    #[must_use]
    pub fn address_for(&self, from: Party) -> SocketAddr {
        self.dial.iter().find(|(party, _)| *party == from).map_or(self.address, |(_, address)| *address)
    }
}

/// The forwarding table of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableSettings {
    /// In the memory of its process: it forwards nothing.
    Memory,
    /// The kernel that it runs on.
    Linux(LinuxSettings),
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSettings {
    /// Its number.
    pub id: CardId,
    /// What forwards.
    pub table: TableSettings,
    /// Where its admin API listens.
    pub admin: SocketAddr,
    /// What it promised.
    pub state: PathBuf,
}

/// What is wrong with a configuration, where, and what to do.
#[derive(Debug, Error)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1, where that is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl ConfigError {
    /// Where and what, without what to do.
    #[must_use]
    pub fn headline(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", self.file.display(), self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

impl Settings {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| diagnose::unreadable(&error, path))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file; relative paths in it are taken from the directory of `path`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = toml::from_str(text).map_err(|error| diagnose::explain(&error, text, path))?;
        check::check(file, text, path)
    }

    /// What the protocol is told.
    #[must_use]
    pub fn chassis(&self) -> Chassis {
        Chassis {
            name: self.name.clone(),
            digest_key: self.digest_key,
            units: self.units.iter().map(|unit| unit.id).collect(),
            cards: self.cards.iter().map(|card| card.id).collect(),
            arbiter: match &self.arbiter {
                ArbiterSettings::Voters(voters) => ArbiterKind::Voters(voters.clone()),
                ArbiterSettings::Local(_) => ArbiterKind::External,
            },
            ack_path: self.ack_path,
            output_rule: self.output_rule,
            timing: self.timing,
        }
    }

    /// The control unit of this number.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&UnitSettings> {
        self.units.iter().find(|unit| unit.id == id)
    }

    /// The card of this number.
    #[must_use]
    pub fn card(&self, id: CardId) -> Option<&CardSettings> {
        self.cards.iter().find(|card| card.id == id)
    }

    /// Admin address of every party, control units first.
    pub fn admin_addresses(&self) -> impl Iterator<Item = (Party, SocketAddr)> + '_ {
        let units = self.units.iter().map(|unit| (Party::Unit(unit.id), unit.admin));
        units.chain(self.cards.iter().map(|card| (Party::Card(card.id), card.admin)))
    }
}

/// Reads `unit-1`, `card-2`.
#[must_use]
pub fn parse_party(text: &str) -> Option<Party> {
    let (kind, number) = text.split_once('-')?;
    match kind {
        "unit" => number.parse().ok().map(|id| Party::Unit(UnitId(id))),
        "card" => number.parse().ok().map(|id| Party::Card(CardId(id))),
        _ => None,
    }
}
