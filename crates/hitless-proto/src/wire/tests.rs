//! Golden bytes both ways, round trips of arbitrary messages, and bad bytes of every kind.

mod arbitrary;
mod bad_fields;
mod bad_frames;
mod golden;
mod golden_card;
mod golden_unit;
mod round_trip;
