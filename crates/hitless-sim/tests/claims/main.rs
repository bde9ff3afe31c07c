//! One test or more for every claim of the patent that the protocol is built on (protocol.md section 9), and for what
//! it adds to them. They look at messages, forwarding tables, plans and reports; `docs/claims.md` lists them by claim.
#![allow(clippy::unwrap_used, clippy::panic)] // How a test fails.

mod acks;
mod catching_up;
mod channels;
mod cookies;
mod coverage;
mod fences;
mod identifiers;
mod orphans;
mod replay;
mod roles;
mod scene;
mod shapes;
mod wires;
