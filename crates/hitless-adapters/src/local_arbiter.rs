//! The `local` arbiter (protocol.md section 3): the epoch record in a locked file, for a chassis whose control units run
//! on one machine.

mod record_file;
#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hitless_proto::arbiter::{EXHAUSTED, Record};
use hitless_proto::ids::{Life, UnitId};
use hitless_proto::io::{ArbiterRequest, Verdict};
use hitless_runtime::Arbiter;

use self::record_file::RecordFile;

/// Longest wait for the lock. Its holder needs milliseconds, unless it is frozen or its disk hangs.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Pause between two tries for the lock.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// The record in the text of such a file; `path` names it in errors.
///
/// # Errors
/// The text is no record, or not this chassis's; in words for the operator.
pub fn parse_record(text: &str, path: PathBuf, chassis: &str) -> Result<Record, String> {
    RecordFile::new(path, chassis).parse(text)
}

/// Reads, checks and replaces the record under a lock that all control units of the machine share.
///
/// Beside the record `PATH` there are `PATH.lock`, which stays, and for moments `PATH.new`.
#[derive(Debug)]
pub struct LocalArbiter {
    file: RecordFile,
    lock: PathBuf,
    wait: Duration,
}

impl LocalArbiter {
    /// The record of `chassis` in the file `path`, which need not exist yet; its directory must.
    #[must_use]
    pub fn new(path: PathBuf, chassis: &str) -> Self {
        let mut lock = path.clone().into_os_string();
        lock.push(".lock");
        Self { file: RecordFile::new(path, chassis), lock: lock.into(), wait: LOCK_WAIT }
    }

    /// The lock, for as long as the file is open.
    fn acquire(&self) -> Result<File, String> {
        let place = self.lock.display();
        let failed =
            |error| format!("cannot lock {place}: {error} (check that its directory exists and is writable)");
        let file = File::options().create(true).append(true).open(&self.lock).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if began.elapsed() >= self.wait => {
                    return Err(format!(
                        "{place} is held by another process for {:?}: is a control unit frozen, or its disk?",
                        self.wait
                    ));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_RETRY),
            }
        }
    }

    fn locked(&self, request: ArbiterRequest) -> Result<Verdict, String> {
        let _lock = self.acquire()?;
        let stands = self.file.read()?;
        match request {
            ArbiterRequest::Claim { unit, life, recovering } => {
                if !may_claim(&stands, unit, life, recovering.as_ref()) {
                    return Ok(Verdict::Denied(stands));
                }
                let epoch = stands.epoch.next().ok_or(EXHAUSTED)?;
                let claimed = stands.claimed_by(unit, epoch);
                self.file.write(&claimed)?;
                Ok(Verdict::Granted(claimed))
            }
            ArbiterRequest::Write(mut record) => {
                if (record.epoch, record.owner) != (stands.epoch, stands.owner) || record.epoch.0 == 0 {
                    return Ok(Verdict::Superseded(stands));
                }
                if record != stands && record.version <= stands.version {
                    // An earlier write was stored although its verdict was `Unavailable`.
                    record.version = stands.version.saturating_add(1);
                }
                self.file.write(&record)?;
                Ok(Verdict::Written(record))
            }
        }
    }
}

impl Arbiter for LocalArbiter {
    fn decide(&mut self, request: ArbiterRequest) -> Verdict {
        self.locked(request).unwrap_or_else(Verdict::Unavailable)
    }
}

/// In the in-sync set, or recovering from exactly this record, or no epoch was ever opened.
fn may_claim(stands: &Record, unit: UnitId, life: Life, recovering: Option<&Record>) -> bool {
    let never_opened = stands.in_sync.is_empty() && !stands.opened;
    let judged = |seen: &Record| seen.order() == stands.order() && seen.in_sync == stands.in_sync;
    stands.admits(unit, life) || never_opened || recovering.is_some_and(judged)
}
