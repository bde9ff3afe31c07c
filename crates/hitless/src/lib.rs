//! The binary `hitless`, as a library so that its parts can be tested.
//!
//! [`commands`] is what an operator types, [`admin_server`] what answers it, [`feed`] the source's end, [`fpm`] a routing
//! daemon as source, [`demo`] a whole chassis on one machine that is killed and checked from outside.

pub mod admin_server;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
pub mod failure;
pub mod feed;
pub mod fpm;
pub mod render;
