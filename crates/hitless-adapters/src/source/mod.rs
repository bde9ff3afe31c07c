//! Sources of changes: files of prefixes, MRT dumps and updates, JSON lines, and a seeded generator.
//!
//! All of them read with bounded memory, never panic on any input, and go on behind a bad place: it is named by file
//! and line (or record and byte offset), counted by the caller, and not applied.

mod churn;
mod generator;
mod input;
mod json;
mod mrt;
mod mrt_rib;
mod mrt_updates;
mod next_hops;
mod random;
mod text;

use std::io::{self, BufReader};
use std::path::Path;

use hitless_proto::entry::Change;
use hitless_proto::ids::ProcessId;
use hitless_proto::process::fib;
use hitless_runtime::source::{BadInput, Source, SourceItem};

pub use self::churn::{Churn, ChurnTable};
pub use self::generator::{GeneratedTable, Generator};
pub use self::input::Input;
pub use self::json::JsonLines;
pub use self::mrt_rib::MrtRib;
pub use self::mrt_updates::MrtUpdates;
pub use self::next_hops::{AssignedNextHops, SYNTHETIC, SYNTHETIC_NOTE, SyntheticNextHops};
pub use self::random::Random;
pub use self::text::TextFile;

/// What a file holds, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prefixes, one a line.
    Text,
    /// JSON, one object a line.
    Json,
    /// An MRT dump of a table.
    MrtRib,
    /// MRT updates with their times.
    MrtUpdates,
}

impl Format {
    fn of(start: &[u8]) -> Self {
        match (mrt::kind_of(start), start.trim_ascii_start().first()) {
            (Some(mrt::Kind::TableDump | mrt::Kind::TableDumpV2), _) => Self::MrtRib,
            (Some(mrt::Kind::Bgp4Mp | mrt::Kind::Bgp4MpEt), _) => Self::MrtUpdates,
            (None, Some(b'{')) => Self::Json,
            (None, Some(_) | None) => Self::Text,
        }
    }
}

/// Opens a file of any [`Format`], packed or not.
///
/// # Errors
/// The file cannot be opened or read. (What is wrong *in* it is told by the source.)
pub fn open(path: &Path) -> Result<Box<dyn Source + Send>, BadInput> {
    let name = name_of(path);
    let fatal = |error: io::Error| failed(path.display().to_string(), &error);
    let input = Input::open(path).map_err(fatal)?;
    read(name, input).map_err(fatal)
}

/// The source of what `input` turns out to hold; `name` names it in errors.
///
/// # Errors
/// Its first bytes cannot be read.
pub fn read(name: String, mut input: Input) -> io::Result<Box<dyn Source + Send>> {
    Ok(match Format::of(input.peek()?) {
        Format::Text => Box::new(TextFile::new(name, input)),
        Format::Json => Box::new(JsonLines::new(name, input)),
        Format::MrtRib => Box::new(MrtRib::new(name, input)),
        Format::MrtUpdates => Box::new(MrtUpdates::new(name, input)),
    })
}

/// JSON lines on standard input.
#[must_use]
pub fn standard_input() -> Box<dyn Source + Send> {
    Box::new(JsonLines::new("standard input".into(), BufReader::new(io::stdin())))
}

/// The file's own name: what a person calls it in a progress bar or an error.
fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Something that is not a change; the source goes on behind it.
fn bad(place: String, reason: impl Into<String>) -> BadInput {
    BadInput { place, reason: shown(&reason.into()), fatal: false }
}

/// A reason that may quote input: a line may be long, and must not command the terminal that it is shown on.
fn shown(reason: &str) -> String {
    const SHOWN: usize = 400;
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut shown: String = reason.chars().take(SHOWN).map(printable).collect();
    if reason.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The source ends here: its file cannot be read.
fn failed(place: String, error: &io::Error) -> BadInput {
    BadInput { place, reason: format!("cannot be read: {error}"), fatal: true }
}

/// A change that is due at once.
fn at_once(process: ProcessId, change: Change) -> SourceItem {
    SourceItem { at: None, process, change }
}

/// A change of the fib that is due at once.
fn fib_change(change: Change) -> SourceItem {
    at_once(fib::ID, change)
}

/// The rest of a reason that quotes input: bounded, since a line may be long.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("{shown:?}")
}
