//! The commands, one file each.

pub mod completion;
pub mod config;
pub mod load;
pub mod party;
pub mod recover;
pub mod report;
pub mod show;
pub mod status;
pub mod sweep;
pub mod switchover;
pub mod target;
