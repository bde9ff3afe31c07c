//! Strangers at the door are told of a few times, then now and then: their number is not ours to choose.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hitless_proto::ids::Party;

use crate::limits::{COMPLAINT_PAUSE, COMPLAINTS_AT_ONCE};
use crate::observe;

/// Says which connections were turned away, not more often than is of use.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    /// In a row, without a quiet pause.
    count: u32,
    last: Option<Instant>,
    /// Turned away since, and not told of.
    unsaid: u64,
}

impl Complaints {
    pub(super) fn turned_away(&self, own: Party, from: SocketAddr, why: &dyn std::fmt::Display) {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
        if let Some(unsaid) = said {
            observe::turned_away(own, from, why, unsaid);
        }
    }
}

impl Said {
    /// Whether to say it, and how many were not told of before.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let quiet = self.last.is_none_or(|last| now.duration_since(last) >= COMPLAINT_PAUSE);
        if quiet && self.unsaid == 0 {
            self.count = 0;
        }
        if !quiet && self.count >= COMPLAINTS_AT_ONCE {
            self.unsaid += 1;
            return None;
        }
        self.count += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_told_of_a_few_times_and_then_counted() {
        let mut said = Said::default();
        let begun = Instant::now();
        let told = (0..1_000).filter(|_| said.admit(begun).is_some()).count();
        assert_eq!(told, COMPLAINTS_AT_ONCE as usize);
        let later = begun + COMPLAINT_PAUSE;
        assert_eq!(said.admit(later), Some(1_000 - u64::from(COMPLAINTS_AT_ONCE)));
        assert_eq!(said.admit(later + Duration::from_secs(1)), None);
    }

    #[test]
    fn after_a_quiet_time_the_next_few_are_told_of_at_once() {
        let mut said = Said::default();
        let begun = Instant::now();
        assert_eq!(said.admit(begun), Some(0));
        let later = begun + COMPLAINT_PAUSE;
        let told = (0..100).filter(|_| said.admit(later).is_some()).count();
        assert_eq!(told, COMPLAINTS_AT_ONCE as usize);
    }
}
