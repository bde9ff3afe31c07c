//! What units keep of their state, where the world says that they do.

use hitless_proto::ids::{Life, Party, ProcessId, UnitId, Version};

use super::{Happening, World};
use crate::process::Machine;

impl World {
    /// The store of a unit takes what it lacks.
    pub(super) fn keep(&mut self, party: Party) {
        let Some(host) = self.hosts.get_mut(&party).filter(|host| host.keeping.is_on()) else { return };
        let (life, refused) = (host.life, host.disk.failing || host.disk.full);
        let Some(Machine::Unit(unit)) = &mut host.machine else { return };
        if host.keeping.failed && !refused {
            host.keeping.failed = false;
            unit.keep_anew();
        }
        let slow = host.disk.slow.max(1);
        while let Some(batch) = host.keeping.room().and_then(|rows| unit.take_unkept(rows)) {
            host.keeping.queue(batch);
            let delay = self.random.between(self.speeds.disk.0, self.speeds.disk.1) * slow;
            self.clock.plan(self.clock.now().after(delay), Happening::Kept { party, life });
        }
    }

    /// A batch is stored, or refused.
    pub(super) fn kept(&mut self, party: Party, life: Life) {
        if !self.lives(party, life) {
            return;
        }
        let now = self.now();
        if let Some(host) = self.hosts.get_mut(&party) {
            host.keeping.finish(host.disk.failing || host.disk.full, now);
        }
        self.keep(party);
    }

    /// What a unit kept is gone, or damaged so that it is not used: noticed when it starts again.
    pub fn lose_kept(&mut self, unit: UnitId) {
        if let Some(host) = self.hosts.get_mut(&Party::Unit(unit)) {
            host.keeping.lose();
            self.trace.line(self.clock.now(), || format!("{unit}: what it kept is lost"));
        }
    }

    /// As of where the state was that this life of a unit began with.
    #[must_use]
    pub fn kept_at(&self, unit: UnitId, process: ProcessId) -> Version {
        let host = self.hosts.get(&Party::Unit(unit));
        let base = host.and_then(|host| host.keeping.base.get(&process));
        base.map(|base| base.version).unwrap_or_default()
    }
}
