//! Random numbers that a party draws when it starts. The cores draw none of their own.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use hitless_proto::ids::Life;

/// A number that nobody can guess: the standard library keys each hasher from the system's random source.
pub(crate) fn draw() -> u64 {
    RandomState::new().hash_one((SystemTime::now(), std::process::id()))
}

/// Two of them.
pub(crate) fn draw_wide() -> u128 {
    u128::from(draw()) << 64 | u128::from(draw())
}

/// A name for this life of a party; never 0.
pub(crate) fn draw_life() -> Life {
    Life(draw().max(1))
}

#[cfg(test)]
mod tests {
    use super::draw_wide;

    #[test]
    fn no_two_draws_are_the_same() {
        let drawn: std::collections::BTreeSet<u128> = (0..1000).map(|_| draw_wide()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
