//! Fuzz targets: one module per target, and what they share. `docs/fuzzing.md` lists what each of them reads.
//!
//! A target is a function of bytes that panics where something is wrong. The binaries in `fuzz_targets` hand it to
//! libFuzzer; they have no code of their own.
#![forbid(unsafe_code)]

pub mod budget;
pub mod chassis;
pub mod choices;
pub mod links;
pub mod targets;
