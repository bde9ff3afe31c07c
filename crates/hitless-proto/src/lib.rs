//! The hitless protocol, pure: no I/O, no clock, no threads, no unordered iteration.
//!
//! Two state machines, [`ControlUnit`] and [`Card`], with one contract (see [`io`]). `docs/protocol.md` describes the
//! wire, `docs/glossary.md` the words.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arbiter;
mod card;
pub mod config;
mod context;
pub mod digest;
mod durable;
pub mod entry;
pub mod error;
mod failures;
pub mod ids;
pub mod input;
pub mod io;
pub mod kept;
pub mod limits;
mod log;
pub mod message;
pub mod plan;
mod primary;
pub mod process;
pub mod report;
pub mod rules;
mod standby;
pub mod status;
mod table;
mod unit;
pub mod wire;

pub use card::{Card, CardConfig, CardStart};
pub use unit::{ControlUnit, UnitConfig, UnitStart};
