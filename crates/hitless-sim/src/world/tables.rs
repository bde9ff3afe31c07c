//! What happens to forwarding tables and disks behind the back of who owns them.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId};

use super::World;
use crate::disk::Disk;
use crate::forwarding_table::ForwardingTable;
use crate::process::Machine;

impl World {
    /// The forwarding table of a process on a card, to give it faults.
    pub fn table_mut(&mut self, card: CardId, process: ProcessId) -> Option<&mut ForwardingTable> {
        self.hosts.get_mut(&Party::Card(card))?.tables.get_mut(&process)
    }

    /// The disk of a party, to give it faults.
    pub fn disk_mut(&mut self, party: Party) -> Option<&mut Disk> {
        self.hosts.get_mut(&party).map(|host| &mut host.disk)
    }

    /// A forwarding table refuses the writes of a key.
    pub fn fail_key(&mut self, card: CardId, process: ProcessId, key: &[u8]) {
        self.table_mut(card, process).into_iter().for_each(|table| {
            table.failing.insert(Blob::new(key));
        });
    }

    /// So many of the next writes to a forwarding table have no effect, although it says yes.
    pub fn lose_effects(&mut self, card: CardId, process: ProcessId, writes: u64) {
        self.trace.line(self.clock.now(), || format!("{card} {process}: {writes} writes without effect"));
        self.table_mut(card, process).into_iter().for_each(|table| table.losing = writes);
    }

    /// So many of the next writes to a forwarding table store something else, although it says yes.
    pub fn garble_effects(&mut self, card: CardId, process: ProcessId, writes: u64) {
        self.trace
            .line(self.clock.now(), || format!("{card} {process}: {writes} writes store something else"));
        self.table_mut(card, process).into_iter().for_each(|table| table.garbling = writes);
    }

    /// Somebody else changes a forwarding table; see [`ForwardingTable::edit`].
    pub fn edit_table(&mut self, card: CardId, process: ProcessId, key: &Blob, part: Option<Blob>) {
        self.trace.line(self.clock.now(), || format!("somebody else: {card} {process} {key:?} = {part:?}"));
        self.table_mut(card, process).into_iter().for_each(|table| table.edit(key.clone(), part.clone()));
    }

    /// Whoever watches a forwarding table compares it with what the card holds, key by key, and tells the card of every
    /// difference. Gives how many were told.
    pub fn audit_table(&mut self, card: CardId, process: ProcessId) -> usize {
        if !self.is_up(Party::Card(card)) {
            return 0;
        }
        let (Some(table), Some(machine)) = (self.table(card, process), self.card(card)) else { return 0 };
        let mut differ: Vec<(Blob, Option<Blob>)> = Vec::new();
        for (key, part) in table.entries() {
            let held = machine.entry(process, key);
            if held.is_none_or(|(_, content, failed)| !failed && content.part != *part) {
                differ.push((key.clone(), Some(part.clone())));
            }
        }
        for (key, _, failed) in machine.entries(process) {
            if !failed && !table.entries().contains_key(&key) {
                differ.push((key, None));
            }
        }
        let mut told = 0;
        for (key, part) in &differ {
            self.table_mut(card, process).into_iter().for_each(|table| table.found_astray(key));
            self.trace.line(self.clock.now(), || format!("{card} {process}: found {key:?} = {part:?}"));
            self.tell(Party::Card(card), |machine, _| match machine {
                Machine::Card(card) => told += usize::from(card.handle_found(process, key, part.as_ref())),
                Machine::Unit(_) => {}
            });
        }
        told
    }

    /// Whoever watches a forwarding table tells the card that it may take now what it refused.
    pub fn curable(&mut self, card: CardId, process: ProcessId) {
        self.trace.line(self.clock.now(), || format!("{card} {process}: refusals may be cured"));
        self.tell(Party::Card(card), |machine, _| match machine {
            Machine::Card(card) => card.handle_curable(process),
            Machine::Unit(_) => {}
        });
    }

    pub(super) fn audit_tables(&mut self) {
        for card in self.cards.clone() {
            for process in self.processes.clone() {
                self.audit_table(card, process);
            }
        }
    }

    /// A disk is full, or is freed.
    pub fn fill_disk(&mut self, party: Party, full: bool) {
        self.trace.line(self.clock.now(), || format!("{party}: disk full: {full}"));
        self.disk_mut(party).into_iter().for_each(|disk| disk.full = full);
    }

    /// How often the disk of a party came back empty.
    #[must_use]
    pub fn disk_losses(&self, party: Party) -> u64 {
        self.hosts.get(&party).map_or(0, |host| host.disk.losses())
    }

    /// A card dies, and its disk comes back empty: in its next life it has promised nothing.
    ///
    /// Only for a card that is no voter. Its promise fences old primaries for as long as it lives; the next life has another
    /// boot id, so it is claimed and compared anew, and an old primary that gets hold of it completes nothing, for want of
    /// the others. A voter that forgets could give one epoch to two units: it must not come back under its name (as it
    /// must not in production: the store refuses to open what it cannot read).
    ///
    /// # Errors
    /// It is a voter, or no card.
    pub fn lose_disk(&mut self, party: Party) -> Result<(), &'static str> {
        self.expendable(party)?;
        self.kill(party);
        self.trace.line(self.clock.now(), || format!("{party} loses its disk"));
        self.disk_mut(party).into_iter().for_each(Disk::lose);
        Ok(())
    }
}
