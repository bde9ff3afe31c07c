//! A control unit's state in an embedded log-structured store: the directory `entries` in its state directory.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use hitless_proto::entry::Blob;
use hitless_proto::ids::{Party, ProcessId};
use hitless_proto::kept::{KeepBatch, KeptAt, KeptEntry};
use hitless_proto::limits::BATCH_OPS;
use hitless_proto::wire::{decode_kept, decode_kept_at, encode_kept, encode_kept_at};
use hitless_runtime::{Keep, StoreError, TakeKept};

/// Name of the directory in the state directory.
pub const DIRECTORY: &str = "entries";

/// Whose state this is, and in which layout. Another layout is another owner: its state is put aside.
const OWNER: &str = "owner";
const LAYOUT: u32 = 1;
/// It is written and read from end to end; what is written again soon is still in memory.
const CACHE_BYTES: u64 = 8 << 20;
/// What is in memory only must be read from the journal again at the next start: a quarter of a second's worth.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The least that the library takes.
const JOURNAL_BYTES: u64 = 64 << 20;

/// The kept state of one control unit.
pub struct FjallStore {
    place: PathBuf,
    owner: String,
    /// `None` after an error, until it is begun again.
    open: Option<Open>,
}

struct Open {
    database: Database,
    /// By process, leaf and key.
    rows: Keyspace,
    /// The owner, and as of where each process is whole.
    facts: Keyspace,
}

impl FjallStore {
    /// The state that `party` of `chassis` keeps in this state directory, which exists. Nothing is read yet.
    #[must_use]
    pub fn new(directory: &Path, chassis: &str, party: Party) -> Self {
        let owner = format!("{party} of chassis \"{chassis}\", layout {LAYOUT}");
        Self { place: directory.join(DIRECTORY), owner, open: None }
    }

    /// Opens what is there, or begins.
    fn open(&self) -> Result<Open, StoreError> {
        // Damage is told, not a reason to stop: the unit can do without.
        let opened = catch_unwind(AssertUnwindSafe(|| Open::at(&self.place)));
        let open = opened.unwrap_or_else(|_panic| Err(fjall::Error::Unrecoverable));
        let open = open.map_err(|error| self.failed("open", error))?;
        match open.facts.get(OWNER).map_err(|error| self.failed("read", error))? {
            Some(found) if *found == *self.owner.as_bytes() => Ok(open),
            Some(found) => Err(StoreError::Foreign {
                place: self.place(),
                found: String::from_utf8_lossy(&found).into_owned(),
                expected: self.owner.clone(),
            }),
            None => {
                open.facts.insert(OWNER, &self.owner).map_err(|error| self.failed("write", error))?;
                Ok(open)
            }
        }
    }

    fn opened(&mut self) -> Result<&Open, StoreError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        Ok(self.open.insert(open))
    }

    /// Closes it after an error.
    fn close(&mut self, action: &'static str, error: fjall::Error) -> StoreError {
        self.open = None;
        self.failed(action, error)
    }

    fn failed(&self, action: &'static str, error: fjall::Error) -> StoreError {
        let place = self.place();
        match error {
            fjall::Error::Locked => StoreError::InUse { place },
            fjall::Error::Io(cause) => StoreError::Io { action, place, cause: cause.to_string() },
            fjall::Error::Poisoned => {
                StoreError::Io { action, place, cause: "a write before this one failed".to_owned() }
            }
            // The list of errors is open: all others say that the files are not what this version wrote.
            error => StoreError::Damaged { place, cause: error.to_string() },
        }
    }

    fn damaged(&self, cause: &dyn std::fmt::Display) -> StoreError {
        StoreError::Damaged { place: self.place(), cause: cause.to_string() }
    }

    fn read(&self, open: &Open, take: &mut TakeKept<'_>) -> Result<(), StoreError> {
        let failed = |error| self.failed("read", error);
        let mut positions: BTreeMap<ProcessId, KeptAt> = BTreeMap::new();
        for fact in open.facts.prefix(AT) {
            let (name, value) = fact.into_inner().map_err(failed)?;
            let process =
                name.get(AT.len()..).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes);
            let process = process.map(ProcessId).ok_or_else(|| self.damaged(&"a position of no process"))?;
            let at = decode_kept_at(&value).map_err(|error| self.damaged(&error))?;
            take(process, at.clone(), Vec::new());
            positions.insert(process, at);
        }
        let mut some: (ProcessId, Vec<KeptEntry>) = Default::default();
        let mut give = |(process, entries): (ProcessId, Vec<KeptEntry>)| {
            let at = positions.get(&process).cloned().unwrap_or_default();
            take(process, at, entries);
        };
        for row in open.rows.iter() {
            let (name, value) = row.into_inner().map_err(failed)?;
            let Some((head, key)) = name.split_at_checked(HEAD) else {
                return Err(self.damaged(&"a row without a key"));
            };
            let process = ProcessId(u16::from_be_bytes([head[0], head[1]]));
            let (version, content) = decode_kept(&value).map_err(|error| self.damaged(&error))?;
            if some.0 != process || some.1.len() >= BATCH_OPS {
                give(std::mem::replace(&mut some, (process, Vec::new())));
            }
            some.1.push((Blob::new(key), version, content));
        }
        give(some);
        Ok(())
    }
}

impl Open {
    fn at(place: &Path) -> Result<Self, fjall::Error> {
        let builder = Database::builder(place).cache_size(CACHE_BYTES).worker_threads(1);
        let database = builder.max_journaling_size(JOURNAL_BYTES).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let (rows, facts) = (database.keyspace("rows", options)?, database.keyspace("facts", options)?);
        Ok(Self { database, rows, facts })
    }

    fn write(&self, batch: KeepBatch) -> Result<(), fjall::Error> {
        let process = batch.process;
        let mut written: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for leaf in batch.cleared {
            for row in self.rows.prefix(row_name(process, leaf, &[])) {
                written.insert(row.key()?.to_vec(), None);
            }
        }
        for row in batch.rows {
            let value = row.entry.map(|(version, content)| encode_kept(version, &content));
            written.insert(row_name(process, row.leaf, &row.key), value);
        }
        let mut all = self.database.batch();
        for (name, value) in written {
            match value {
                Some(value) => all.insert(&self.rows, name, value),
                None => all.remove(&self.rows, name),
            }
        }
        if let Some(at) = &batch.at {
            all.insert(&self.facts, [AT, &process.0.to_be_bytes()].concat(), encode_kept_at(at));
        }
        all.commit()
    }
}

/// Before the number of a process: as of where it is whole.
const AT: &[u8] = b"at ";
/// Process and leaf, before the key.
const HEAD: usize = 4;

fn row_name(process: ProcessId, leaf: u32, key: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(HEAD + key.len());
    name.extend_from_slice(&process.0.to_be_bytes());
    // A leaf is one of 65,536.
    name.extend_from_slice(&(leaf as u16).to_be_bytes());
    name.extend_from_slice(key);
    name
}

impl Keep for FjallStore {
    fn place(&self) -> String {
        self.place.display().to_string()
    }

    fn load(&mut self, take: &mut TakeKept<'_>) -> Result<(), StoreError> {
        self.opened()?;
        let Some(open) = &self.open else { return Ok(()) };
        let read = catch_unwind(AssertUnwindSafe(|| self.read(open, take)));
        let read = read.unwrap_or_else(|_panic| Err(self.damaged(&"its reader stopped")));
        if read.is_err() {
            self.open = None;
        }
        read
    }

    fn write(&mut self, batch: KeepBatch) -> Result<(), StoreError> {
        let written = self.opened()?.write(batch);
        written.map_err(|error| self.close("write", error))
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        let synced = self.opened()?.database.persist(PersistMode::SyncData);
        synced.map_err(|error| self.close("sync", error))
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.open = None;
        match self.opened() {
            Err(StoreError::Damaged { .. } | StoreError::Foreign { .. }) => {
                // Put aside, for whoever wants to know; what was put aside before goes.
                let aside = self.place.with_extension("damaged");
                let failed = |action, error: std::io::Error| StoreError::Io {
                    action,
                    place: aside.display().to_string(),
                    cause: error.to_string(),
                };
                if aside.exists() {
                    fs::remove_dir_all(&aside).map_err(|error| failed("remove", error))?;
                }
                fs::rename(&self.place, &aside).map_err(|error| failed("rename to", error))?;
                self.opened().map(|_open| ())
            }
            opened => opened.map(|_open| ()),
        }
    }
}
