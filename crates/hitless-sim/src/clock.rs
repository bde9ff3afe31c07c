//! Simulated time: what is to happen, in order. Of two things at one time the one that was planned first comes first.
//! And the clock of each party, which shows something else.

use std::collections::BTreeMap;

use hitless_proto::ids::Time;

/// A calendar of things to come.
#[derive(Debug)]
pub(crate) struct Clock<T> {
    now: Time,
    planned: u64,
    calendar: BTreeMap<(Time, u64), T>,
}

impl<T> Clock<T> {
    pub(crate) fn new() -> Self {
        Self { now: Time(0), planned: 0, calendar: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Plans `what`, now at the earliest.
    pub(crate) fn plan(&mut self, at: Time, what: T) {
        self.planned += 1;
        self.calendar.insert((at.max(self.now), self.planned), what);
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.calendar.first_key_value().map(|((at, _), _)| *at)
    }

    /// Goes on to `at`, which is not in the past.
    pub(crate) fn advance(&mut self, at: Time) {
        self.now = self.now.max(at);
    }

    /// Takes what is due now, if anything is.
    pub(crate) fn take_due(&mut self) -> Option<T> {
        let entry = self.calendar.first_entry()?;
        (entry.key().0 <= self.now).then(|| entry.remove())
    }
}

/// The clock of one party. It goes as fast as simulated time, began at any reading, and may jump forward.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PartyClock {
    ahead: u64,
}

impl PartyClock {
    /// Shows `ahead` microseconds more than simulated time.
    pub(crate) fn new(ahead: u64) -> Self {
        Self { ahead }
    }

    /// What it shows at `now`.
    pub(crate) fn read(self, now: Time) -> Time {
        now.after(self.ahead)
    }

    /// When it shows `reading`.
    pub(crate) fn when(self, reading: Time) -> Time {
        Time(reading.0.saturating_sub(self.ahead))
    }

    pub(crate) fn jump(&mut self, micros: u64) {
        self.ahead = self.ahead.saturating_add(micros);
    }
}
