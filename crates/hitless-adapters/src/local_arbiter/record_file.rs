//! The record as JSON: replaced whole, so that a reader sees the former one or the new one.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use hitless_proto::arbiter::Record;
use hitless_proto::ids::{Epoch, Life, UnitId};
use hitless_proto::limits::MAX_UNITS;
use serde::{Deserialize, Serialize};

/// Layout of the file.
const FORMAT: u32 = 1;
/// Bytes of the file that are read at most; a record of `MAX_UNITS` has some hundred.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    chassis: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    chassis: String,
    epoch: u32,
    version: u32,
    owner: u8,
    opened: bool,
    in_sync: Vec<Member>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    unit: u8,
    /// In hexadecimal: JSON numbers lose digits of 64 bits in many readers.
    life: String,
}

impl RecordFile {
    pub(super) fn new(path: PathBuf, chassis: &str) -> Self {
        Self { path, chassis: chassis.into() }
    }

    /// The record; that of a new chassis where there is no file. Errors are texts for the operator.
    pub(super) fn read(&self) -> Result<Record, String> {
        let mut text = String::new();
        let opened = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Record::default()),
            opened => opened,
        };
        match opened.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)) {
            Err(error) if error.kind() == ErrorKind::InvalidData => Err(self.damaged("it is not text")),
            Err(error) => Err(self.failed("read", &error)),
            Ok(_) => self.parse(&text),
        }
    }

    /// Replaces the record; it is on stable storage on return.
    pub(super) fn write(&self, record: &Record) -> Result<(), String> {
        let in_sync = record.in_sync.iter();
        let stored = Stored {
            format: FORMAT,
            chassis: self.chassis.clone(),
            epoch: record.epoch.0,
            version: record.version,
            owner: record.owner.0,
            opened: record.opened,
            in_sync: in_sync
                .map(|(unit, life)| Member { unit: unit.0, life: format!("{:016x}", life.0) })
                .collect(),
        };
        let mut text =
            serde_json::to_string_pretty(&stored).map_err(|error| self.damaged(&error.to_string()))?;
        text.push('\n');
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".new");
        self.replace(Path::new(&fresh), text.as_bytes()).map_err(|error| self.failed("write", &error))
    }

    fn replace(&self, fresh: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = File::create(fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(fresh, &self.path)?;
        // The new name must survive a power cut as well.
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    pub(super) fn parse(&self, text: &str) -> Result<Record, String> {
        let stored: Stored = serde_json::from_str(text).map_err(|error| self.damaged(&error.to_string()))?;
        if stored.format != FORMAT {
            return Err(
                self.damaged(&format!("it has format {}, and this version knows {FORMAT}", stored.format))
            );
        }
        if stored.chassis != self.chassis {
            return Err(format!(
                "{} belongs to chassis \"{}\", and this is chassis \"{}\": give each chassis an arbiter file of its own",
                self.path.display(),
                stored.chassis,
                self.chassis
            ));
        }
        if stored.in_sync.len() > MAX_UNITS {
            return Err(self.damaged(&format!("more than {MAX_UNITS} units are in sync")));
        }
        let mut in_sync = Vec::with_capacity(stored.in_sync.len());
        for member in &stored.in_sync {
            let life = u64::from_str_radix(&member.life, 16)
                .map_err(|_| self.damaged(&format!("\"{}\" is not a life", member.life)))?;
            in_sync.push((UnitId(member.unit), Life(life)));
        }
        Ok(Record {
            epoch: Epoch(stored.epoch),
            version: stored.version,
            owner: UnitId(stored.owner),
            opened: stored.opened,
            in_sync,
        })
    }

    fn damaged(&self, cause: &str) -> String {
        format!(
            "{} cannot be understood: {cause} (restore it from a copy; remove it only while every control unit is down)",
            self.path.display()
        )
    }

    fn failed(&self, action: &str, error: &std::io::Error) -> String {
        format!(
            "cannot {action} {}: {error} (check that it is accessible and the disk has room)",
            self.path.display()
        )
    }
}
