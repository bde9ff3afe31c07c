//! What sources, operators and scripts ask for; the arbiter's faults; and how time goes on.

use hitless_proto::entry::Change;
use hitless_proto::error::{SubmitError, SwitchoverError};
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId, Version};

use super::World;
use crate::checkers::Seen;
use crate::checkers::Violation;
use crate::forwarding_table::ForwardingTable;
use crate::process::Machine;

impl World {
    /// The external arbiter can be reached, or not.
    pub fn set_arbiter_down(&mut self, down: bool) {
        self.trace.line(self.clock.now(), || format!("arbiter down: {down}"));
        self.arbiter.down = down;
    }

    /// The external arbiter takes so many times longer than usual, each way.
    pub fn set_arbiter_slow(&mut self, times: u64) {
        self.trace.line(self.clock.now(), || format!("arbiter {times} times slower"));
        self.arbiter.slow = times;
    }

    /// Of so many requests to the external arbiter one is lost, or takes place and its answer is lost; 0: none. The unit hears
    /// only that there was no answer.
    pub fn set_arbiter_lossy(&mut self, one_in: u64) {
        self.trace.line(self.clock.now(), || format!("arbiter loses one in {one_in}"));
        self.arbiter.lossy = one_in;
    }

    /// A source submits a change to the primary.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit(&mut self, process: ProcessId, change: Change) -> Result<Version, SubmitError> {
        let primary = self.primary().ok_or(SubmitError::NotPrimary(None))?;
        self.submit_to(primary, process, change)
    }

    /// A source submits a change to one unit.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit_to(
        &mut self,
        unit: UnitId,
        process: ProcessId,
        change: Change,
    ) -> Result<Version, SubmitError> {
        let mut result = Err(SubmitError::NotPrimary(None));
        let asked = change.clone();
        let frozen = self.hosts.get(&Party::Unit(unit)).is_some_and(|host| host.frozen.is_some());
        if !frozen {
            self.tell(Party::Unit(unit), |machine, now| match machine {
                Machine::Unit(unit) => result = unit.submit(process, asked, now),
                Machine::Card(_) => {}
            });
        }
        let version = result?;
        self.trace.line(self.clock.now(), || format!("{unit} takes {process} {version}: {change:?}"));
        self.oracle.submitted(process, unit, version, change);
        Ok(version)
    }

    /// The operator wants the role handed over.
    ///
    /// # Errors
    /// See [`SwitchoverError`].
    pub fn switchover(&mut self, to: Option<UnitId>) -> Result<UnitId, SwitchoverError> {
        let mut result = Err(SwitchoverError::NotPrimary(None));
        let Some(primary) = self.primary() else { return result };
        self.trace.line(self.clock.now(), || format!("operator: switchover from {primary} to {to:?}"));
        self.tell(Party::Unit(primary), |machine, now| match machine {
            Machine::Unit(unit) => result = unit.begin_switchover(to, now),
            Machine::Card(_) => {}
        });
        result
    }

    /// The operator gives up a card that a recovery waits for.
    pub fn forgo(&mut self, card: CardId) {
        self.trace.line(self.clock.now(), || format!("operator: without {card}"));
        for unit in self.chassis.units.clone() {
            self.tell(Party::Unit(unit), |machine, now| match machine {
                Machine::Unit(unit) => unit.forgo(Party::Card(card), now),
                Machine::Card(_) => {}
            });
        }
    }

    /// Goes on for so many microseconds.
    ///
    /// # Errors
    /// The property that is broken.
    pub fn run_for(&mut self, micros: u64) -> Result<(), Violation> {
        let until = self.now().after(micros);
        while self.next_at().is_some_and(|at| at <= until) {
            self.step()?;
        }
        self.clock.advance(until);
        self.verdict()
    }

    /// Goes on until something is so, for 60 simulated seconds at most.
    ///
    /// # Errors
    /// The property that is broken, or `progress` where it does not come to be so.
    pub fn run_until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        self.run_until_within(60_000_000, is_so)
    }

    /// Goes on until something is so, for so many simulated microseconds at most.
    ///
    /// # Errors
    /// The property that is broken, or `progress` where it does not come to be so.
    pub fn run_until_within(&mut self, micros: u64, is_so: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        let until = self.now().after(micros);
        while !is_so(self) {
            let what = format!("what was waited for did not come within {micros} us");
            if self.next_at().is_none_or(|at| at > until) {
                return Err(Violation { property: "progress", what, at: self.now() });
            }
            self.step()?;
        }
        Ok(())
    }

    /// Removes every fault, starts what is dead, except what is gone for good, and has every card compare its forwarding
    /// tables with what it should hold.
    pub fn heal(&mut self) {
        self.trace.line(self.clock.now(), || "heal".into());
        self.arbiter.heal();
        for (card, unit) in self.network.deaf.keys().copied().collect::<Vec<_>>() {
            self.pass_acks_anew(card, unit);
        }
        for (from, to) in self.network.cuts() {
            self.network.mend(from, to);
        }
        for (from, to) in self.network.holds() {
            self.network.release(from, to);
        }
        for party in self.hosts.keys().copied().collect::<Vec<_>>() {
            self.thaw(party);
            self.relieve(party);
            let gone = self.is_retired(party);
            if let Some(host) = self.hosts.get_mut(&party) {
                host.dies_in = None;
                host.disk.heal();
                host.tables.values_mut().for_each(ForwardingTable::heal);
                if !host.alive() && !gone {
                    self.restart(party);
                }
            }
        }
        self.resume();
        self.audit_tables();
        self.see(&Seen::Healed);
    }
}
