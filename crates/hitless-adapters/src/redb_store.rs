//! Durable promises in an embedded database: one file, `hitless.redb`, in the party's state directory.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hitless_proto::ids::Party;
use hitless_proto::io::Durable;
use hitless_proto::wire::{decode_durable, encode_durable};
use hitless_runtime::{Store, StoreError};
use redb::{Builder, Database, ReadableDatabase, TableDefinition};

/// Name of the file in the state directory.
pub const FILE: &str = "hitless.redb";

const FACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("facts");
/// Whose state this is, as text.
const OWNER: &str = "owner";
/// The durable state, as `hitless_proto::wire` encodes it.
const DURABLE: &str = "durable";
/// The state is some hundred bytes; redb's own default is a gigabyte.
const CACHE_BYTES: usize = 1 << 20;

/// The store of one party. Holds its file locked for as long as it lives.
pub struct RedbStore {
    place: PathBuf,
    owner: String,
    /// `None` after an I/O error, from which redb recovers by opening anew.
    database: Option<Database>,
}

impl RedbStore {
    /// Opens the state of `party` of `chassis` in this directory, or begins one; creates the directory.
    ///
    /// # Errors
    /// The directory cannot be used, another process has the file open, it is damaged, or it is another party's.
    pub fn open(directory: &Path, chassis: &str, party: Party) -> Result<Self, StoreError> {
        let place = directory.join(FILE);
        fs::create_dir_all(directory).map_err(|error| io("create", directory, &error))?;
        let owner = format!("{party} of chassis \"{chassis}\"");
        let mut store = Self { place, owner, database: None };
        if !store.place.exists() {
            store.begin(directory)?;
        }
        store.database()?;
        Ok(store)
    }

    /// Makes the file aside, so that one which is there is whole, whenever this process or the machine is stopped.
    fn begin(&self, directory: &Path) -> Result<(), StoreError> {
        let aside = self.place.with_extension("new");
        let created = match builder().create(&aside).map_err(|error| self.failed("create", error.into())) {
            Err(StoreError::Damaged { .. }) => {
                // A leftover: nothing was promised in it yet.
                fs::remove_file(&aside).map_err(|error| io("remove", &aside, &error))?;
                builder().create(&aside).map_err(|error| self.failed("create", error.into()))
            }
            created => created,
        };
        let failed = |error| self.failed("create", error);
        let database = created?;
        write(&database, OWNER, self.owner.as_bytes()).map_err(failed)?;
        database.close().map_err(|error| failed(error.into()))?;
        fs::rename(&aside, &self.place).map_err(|error| io("create", &self.place, &error))?;
        File::open(directory).and_then(|file| file.sync_all()).map_err(|error| io("sync", directory, &error))
    }

    fn database(&mut self) -> Result<&Database, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => self.reopen()?,
        };
        Ok(self.database.insert(database))
    }

    fn reopen(&self) -> Result<Database, StoreError> {
        let failed = |error| self.failed("open", error);
        let database = builder().open(&self.place).map_err(|error| failed(error.into()))?;
        let found = read(&database, OWNER).map_err(failed)?.unwrap_or_default();
        if found != self.owner.as_bytes() {
            return Err(StoreError::Foreign {
                place: self.place.display().to_string(),
                found: String::from_utf8_lossy(&found).into_owned(),
                expected: self.owner.clone(),
            });
        }
        Ok(database)
    }

    fn failed(&self, action: &'static str, error: redb::Error) -> StoreError {
        let place = self.place.display().to_string();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                StoreError::InUse { place }
            }
            redb::Error::Io(cause) if !is_damage(cause.kind()) => io(action, &self.place, &cause),
            redb::Error::PreviousIo => StoreError::Io { action, place, cause: error.to_string() },
            // redb's list of errors is open: all others say that the file is not what this version wrote.
            error => StoreError::Damaged { place, cause: error.to_string() },
        }
    }
}

impl Store for RedbStore {
    fn load(&mut self) -> Result<Option<Durable>, StoreError> {
        let bytes = match read(self.database()?, DURABLE) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.database = None;
                return Err(self.failed("read", error));
            }
        };
        let damaged = |error: hitless_proto::wire::WireError| StoreError::Damaged {
            place: self.place.display().to_string(),
            cause: error.to_string(),
        };
        bytes.map(|bytes| decode_durable(&bytes).map_err(damaged)).transpose()
    }

    fn save(&mut self, durable: &Durable) -> Result<(), StoreError> {
        let bytes = encode_durable(durable);
        write(self.database()?, DURABLE, &bytes).map_err(|error| {
            self.database = None;
            self.failed("write", error)
        })
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// Said of a file that is not a database at all, or that ends too early.
fn is_damage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

fn read(database: &Database, name: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    let transaction = database.begin_read()?;
    let facts = match transaction.open_table(FACTS) {
        Ok(facts) => facts,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(facts.get(name)?.map(|value| value.value().to_vec()))
}

/// Durable on return: redb syncs the file at each commit unless it is told otherwise.
fn write(database: &Database, name: &str, value: &[u8]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(FACTS)?.insert(name, value)?;
    transaction.commit()?;
    Ok(())
}

fn io(action: &'static str, place: &Path, cause: &std::io::Error) -> StoreError {
    StoreError::Io { action, place: place.display().to_string(), cause: cause.to_string() }
}
