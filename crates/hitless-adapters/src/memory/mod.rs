//! A forwarding table in memory: a real fib with longest-prefix match, a plain map for every other process, and faults
//! on demand. It dies with its process, as the table of a card that loses power does.

mod faults;
mod fib;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::{ID as FIB, TableId};
use hitless_runtime::ForwardingTable;

pub use self::faults::{FaultHandle, Faults};
pub use self::fib::Forwarding;

/// Longest sleep of a slow table: how soon it hears that it is to be fast again.
const SLICE: Duration = Duration::from_millis(10);

/// The table.
#[derive(Debug, Default)]
pub struct MemoryTable {
    fib: fib::FibTable,
    maps: HashMap<ProcessId, HashMap<Blob, Blob>>,
    faults: FaultHandle,
    /// Writes so far, for faults that hit every so many.
    writes: u64,
}

impl MemoryTable {
    /// An empty table that misbehaves as `faults` says, which may change at any time.
    #[must_use]
    pub fn new(faults: FaultHandle) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Where a packet to `destination` goes by the main table: the longest prefix that covers it.
    #[must_use]
    pub fn lookup(&self, destination: IpAddr) -> Option<Forwarding> {
        self.lookup_in(TableId::MAIN, destination)
    }

    /// Where a packet to `destination` goes that is looked up in this table. Other tables are not asked.
    #[must_use]
    pub fn lookup_in(&self, table: TableId, destination: IpAddr) -> Option<Forwarding> {
        self.fib.lookup(table, destination)
    }

    /// Entries of all processes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fib.len() + self.maps.values().map(HashMap::len).sum::<usize>()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn write(&mut self, process: ProcessId, write: &Write, faults: &Faults) -> Outcome {
        self.writes += 1;
        faults.refuse(&write.key, self.writes)?;
        if let Some(capacity) = faults.capacity
            && write.part.is_some()
            && self.len() >= capacity
            && !self.holds(process, &write.key)
        {
            return Err(format!("table full: {capacity} entries"));
        }
        if process == FIB {
            return self.fib.write(write);
        }
        let map = self.maps.entry(process).or_default();
        match &write.part {
            Some(part) => map.insert(write.key.clone(), part.clone()),
            None => map.remove(&write.key),
        };
        Ok(())
    }

    fn holds(&self, process: ProcessId, key: &Blob) -> bool {
        if process == FIB {
            self.fib.holds(key)
        } else {
            self.maps.get(&process).is_some_and(|map| map.contains_key(key))
        }
    }

    /// Takes as long as so many writes take now; a change of speed counts at once.
    fn dawdle(&self, writes: usize) {
        let began = Instant::now();
        loop {
            let micros = self.faults.current().slow_micros.saturating_mul(writes as u64);
            let left = Duration::from_micros(micros).saturating_sub(began.elapsed());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(SLICE));
        }
    }
}

impl ForwardingTable for MemoryTable {
    fn name(&self) -> &str {
        "memory"
    }

    fn apply(&mut self, process: ProcessId, writes: &[Write]) -> Vec<Outcome> {
        self.dawdle(writes.len());
        let faults = self.faults.current();
        writes.iter().map(|write| self.write(process, write, &faults)).collect()
    }

    fn dump(&mut self, process: ProcessId) -> io::Result<Vec<(Blob, Blob)>> {
        if process == FIB {
            return Ok(self.fib.dump());
        }
        let entries = self.maps.get(&process).into_iter().flatten();
        Ok(entries.map(|(key, part)| (key.clone(), part.clone())).collect())
    }
}
