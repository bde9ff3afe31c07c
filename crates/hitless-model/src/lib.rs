//! A model checker of the hitless protocol: breadth-first search through every interleaving of a small chassis.
//!
//! It calls the production state machines of `hitless-proto`, not a copy of them. A party is a function of its state and
//! its input, so every step of a party is computed once and looked up ever after (`local`); a state of the whole chassis
//! is then a handful of numbers (`world`).

pub mod bounds;
mod checks;
mod choice;
mod complete;
mod describe;
mod facts;
mod fingerprint;
mod input;
mod local;
#[cfg(feature = "mutants")]
pub mod mutants;
mod normal;
mod oracle;
mod parts;
mod persistent;
pub mod search;
mod step;
mod tally;
mod violation;
mod world;

pub use violation::Violation;
