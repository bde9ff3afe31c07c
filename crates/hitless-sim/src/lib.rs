//! A whole hitless chassis in one thread, from one seed: the production state machines, in a world that does to them
//! what the worst day would.
//!
//! [`World`] is for scripted tests; [`run::run`] makes up a world, its faults and its load from a seed.

mod arbiter;
pub mod case;
pub mod checkers;
mod clock;
pub mod coverage;
pub mod disk;
pub mod faults;
pub mod forwarding_table;
#[cfg(feature = "mutants")]
pub mod hunt;
mod keeping;
pub mod moments;
pub mod mutants;
mod network;
pub mod oracle;
mod process;
pub mod random;
pub mod replay;
pub mod run;
pub mod scenes;
pub mod schedule;
pub mod shrink;
mod survivors;
pub mod sweep;
pub mod trace;
pub mod workload;
mod world;

pub use case::Case;
pub use checkers::Violation;
pub use trace::Tracing;
pub use world::{Builder, Sent, Speeds, World};
