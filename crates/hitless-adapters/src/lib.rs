//! The outside world of hitless: sources of changes, forwarding tables, the durable store, the local arbiter.

pub mod fjall_store;
pub mod fpm;
pub mod linux;
pub mod local_arbiter;
pub mod memory;
pub mod redb_store;
mod route_map;
pub mod schema;
pub mod source;
#[cfg(test)]
mod table_contract;
