//! The arbiter outside the protocol: one register, changed by compare-and-swap only.

use hitless_proto::arbiter::Record;
use hitless_proto::ids::{Epoch, Life, UnitId};
use hitless_proto::io::{ArbiterRequest, Verdict};

/// The register.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arbiter {
    pub(crate) record: Record,
    /// Cannot be reached.
    pub(crate) down: bool,
}

impl Arbiter {
    pub(crate) fn decide(&mut self, request: ArbiterRequest) -> Verdict {
        if self.down {
            return Verdict::Unavailable("the arbiter is down".into());
        }
        match request {
            ArbiterRequest::Claim { unit, life, recovering } => self.claim((unit, life), recovering),
            ArbiterRequest::Write(record) => {
                let same = (record.epoch, record.owner) == (self.record.epoch, self.record.owner);
                if !same || record.version < self.record.version {
                    return Verdict::Superseded(self.record.clone());
                }
                self.record = record.clone();
                Verdict::Written(record)
            }
        }
    }

    fn claim(&mut self, (unit, life): (UnitId, Life), recovering: Option<Record>) -> Verdict {
        let record = &self.record;
        let never_opened = record.in_sync.is_empty() && !record.opened;
        let admitted = record.admits(unit, life) || never_opened || recovering.as_ref() == Some(record);
        if !admitted {
            return Verdict::Denied(record.clone());
        }
        self.record = record.claimed_by(unit, Epoch(record.epoch.0 + 1));
        Verdict::Granted(self.record.clone())
    }
}
