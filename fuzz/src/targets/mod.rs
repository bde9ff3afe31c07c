//! One module per target that reads bytes; [`crate::chassis`] and [`crate::links`] are larger.

pub mod admin;
pub mod arguments;
pub mod batches;
pub mod config;
pub mod durable;
pub mod fib;
pub mod fpm;
pub mod frames;
pub mod json_lines;
pub mod ledger;
pub mod messages;
pub mod mrt;
pub mod netlink;
pub mod packed;
pub mod record_file;
pub mod recordings;
mod sources;
pub mod text;
