//! The arbiter outside the protocol: one register, changed by compare-and-swap only, behind a network of its own.

use hitless_proto::arbiter::{EXHAUSTED, Record};
use hitless_proto::ids::{Life, UnitId};
use hitless_proto::io::{ArbiterRequest, Verdict};

use crate::random::Random;

/// After so long without an answer a unit's driver tells its core that the arbiter is unavailable, in microseconds. What
/// was asked cannot be taken back: it may have taken place.
pub(crate) const PATIENCE: u64 = 2_000_000;

/// The register.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arbiter {
    pub(crate) record: Record,
    /// Cannot be reached.
    pub(crate) down: bool,
    /// Times slower than usual.
    pub(crate) slow: u64,
    /// One request in so many is lost, or its answer is; 0: none.
    pub(crate) lossy: u64,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is answered.
    Answered(Verdict),
    /// No answer ever comes; what was decided, where it was heard of at all.
    Lost(Option<Verdict>),
}

impl Arbiter {
    /// Takes a request, unless it is lost on the way.
    pub(crate) fn take(&mut self, request: ArbiterRequest, random: &mut Random) -> Fate {
        if self.lossy == 0 || !random.one_in(self.lossy) {
            return Fate::Answered(self.decide(request));
        }
        Fate::Lost(random.one_in(2).then(|| self.decide(request)))
    }

    fn decide(&mut self, request: ArbiterRequest) -> Verdict {
        if self.down {
            return Verdict::Unavailable("the arbiter is down".into());
        }
        match request {
            ArbiterRequest::Claim { unit, life, recovering } => self.claim((unit, life), recovering),
            ArbiterRequest::Write(record) => self.write(record),
        }
    }

    fn claim(&mut self, (unit, life): (UnitId, Life), recovering: Option<Record>) -> Verdict {
        let record = &self.record;
        let never_opened = record.in_sync.is_empty() && !record.opened;
        let admitted = record.admits(unit, life) || never_opened || recovering.as_ref() == Some(record);
        if !admitted {
            return Verdict::Denied(record.clone());
        }
        let Some(epoch) = record.epoch.next() else {
            return Verdict::Unavailable(EXHAUSTED.into());
        };
        self.record = record.claimed_by(unit, epoch);
        Verdict::Granted(self.record.clone())
    }

    fn write(&mut self, mut record: Record) -> Verdict {
        let stands = &self.record;
        if (record.epoch, record.owner) != (stands.epoch, stands.owner) {
            return Verdict::Superseded(stands.clone());
        }
        if record != *stands && record.version <= stands.version {
            // An earlier write took place although its answer was lost.
            record.version = stands.version.saturating_add(1);
        }
        self.record = record.clone();
        Verdict::Written(record)
    }

    pub(crate) fn heal(&mut self) {
        (self.down, self.slow, self.lossy) = (false, 1, 0);
    }
}
