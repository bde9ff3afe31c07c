//! Where and of what a measurement was made.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Printed with every figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_gb: u64,
    pub(crate) kernel: String,
    /// Of the source, with a mark where files differ from it.
    pub(crate) commit: String,
    /// Runnable threads per minute before the measurement began: what else went on.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn look() -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gb: memory_gb().unwrap_or_default(),
            kernel: line("/proc/sys/kernel/osrelease"),
            commit: commit(),
            load: line("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

fn line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The first `name : value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let found = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(found.1.trim().to_owned())
}

fn memory_gb() -> Option<u64> {
    let text = field("/proc/meminfo", "MemTotal")?;
    let kilobytes: u64 = text.split(' ').next()?.parse().ok()?;
    Some(kilobytes / (1024 * 1024))
}

/// What is measured, as git knows it; what a run writes itself does not count as a change.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output =
            Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short=12", "HEAD"]);
    let changed = git(&["status", "--porcelain", "--", ":/", ":(top,exclude)docs/performance*"]);
    match (head, changed) {
        (Some(head), Some(changed)) if changed.is_empty() => head,
        (Some(head), _) => head + "-dirty",
        (None, _) => "unknown".to_owned(),
    }
}
