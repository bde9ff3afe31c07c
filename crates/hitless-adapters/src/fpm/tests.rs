//! Frames of a real zebra, and the state machine with a core and a forwarding table behind it.

mod answers;
mod bad_input;
mod bench;
mod golden;
mod random;
mod views;
