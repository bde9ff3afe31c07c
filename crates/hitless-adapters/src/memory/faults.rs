//! Faults on demand, for tests of everything that stands above a forwarding table.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use hitless_proto::entry::Blob;
use hitless_proto::io::Outcome;

/// How a table misbehaves; by default it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Microseconds that each write takes on top.
    pub slow_micros: u64,
    /// Writes of these keys are refused, in any process.
    pub failing: BTreeSet<Blob>,
    /// Every so many-th write is refused.
    pub fail_every: Option<NonZeroU64>,
    /// New keys are refused while the table holds this many entries or more, over all processes.
    pub capacity: Option<usize>,
}

impl Faults {
    /// Refuses the `count`-th write, of `key`, if it is to fail.
    pub(super) fn refuse(&self, key: &Blob, count: u64) -> Outcome {
        if self.failing.contains(key) {
            return Err("fault on demand: this key fails".into());
        }
        match self.fail_every {
            Some(every) if count.is_multiple_of(every.get()) => {
                Err(format!("fault on demand: one write in {every} fails"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Sets the faults of a table from anywhere, at any time. Clones set the same table.
#[derive(Clone, Debug, Default)]
pub struct FaultHandle(Arc<Mutex<Arc<Faults>>>);

impl FaultHandle {
    /// Replaces all faults. What is being applied right now may still see the former ones.
    pub fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// The faults as they are set now.
    #[must_use]
    pub fn current(&self) -> Arc<Faults> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
