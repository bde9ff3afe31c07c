//! The chassis file.

use std::path::Path;

use hitless::config::Settings;
use hitless_proto::config::ArbiterKind;
use hitless_proto::limits::{MAX_CARDS, MAX_UNITS, MAX_VOTERS};

use crate::budget::Budget;

/// The reader of TOML keeps an event of 24 bytes or more for each byte that is one (a bracket, a comma), grows it by
/// doubling, and makes values of 100 bytes and more of them; names in errors are held several times.
const BUDGET: Budget = Budget { base: 128 * 1024, per_byte: 2048 };

/// The input is the file.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match Settings::parse(text, Path::new("etc/chassis.toml")) {
            Ok(settings) => check(&settings),
            Err(error) => {
                assert!(error.line.is_none_or(|line| (1..=text.matches('\n').count() + 1).contains(&line)));
                assert!(!error.message.is_empty() && error.headline().starts_with("etc/chassis.toml"));
                assert!(!error.to_string().is_empty());
            }
        }
    });
}

/// What the rest of the program takes for granted.
fn check(settings: &Settings) {
    let chassis = settings.chassis();
    assert!((1..=MAX_UNITS).contains(&chassis.units.len()) && chassis.units.is_sorted());
    assert!((1..=MAX_CARDS).contains(&chassis.cards.len()) && chassis.cards.is_sorted());
    assert!(chassis.units.iter().all(|unit| settings.unit(*unit).is_some()));
    assert!(chassis.cards.iter().all(|card| settings.card(*card).is_some()));
    if let ArbiterKind::Voters(voters) = &chassis.arbiter {
        assert!((1..=MAX_VOTERS).contains(&voters.len()));
    }
    assert!(settings.missed > 0 && !settings.heartbeat.is_zero() && !settings.processes.is_empty());
    assert!(chassis.timing.campaign > 0 && chassis.timing.retry > 0);
}
