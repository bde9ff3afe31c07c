//! Reads a source on a thread of its own, into batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hitless_admin::{ChangeRow, MAX_SUBMIT};
use hitless_runtime::source::{BadInput, Source, SourceItem};
use tokio::sync::mpsc;

use super::row::row_of;

/// Batches that wait for the feed.
const BATCHES: usize = 4;
/// A batch is handed on at the latest after this, so that a slow source is not held back.
const LINGER: Duration = Duration::from_millis(5);

/// What was read.
#[derive(Debug, Default)]
pub struct Batch {
    /// Changes.
    pub rows: Vec<ChangeRow>,
    /// Places that are not changes.
    pub bad: Vec<BadInput>,
}

/// How fast to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// So many times faster than the source's own times; `None`: as fast as possible.
    pub speed: Option<f64>,
    /// At most so many changes a second; `None`: without limit.
    pub rate: Option<f64>,
}

/// How far a source got, in its own units: done and total (0: unknown).
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Done, and the total where it is known.
    #[must_use]
    pub fn get(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed), (total > 0).then_some(total))
    }
}

/// Starts to read. The thread ends with the source, or when the receiver is dropped.
#[must_use]
pub fn read(source: Box<dyn Source + Send>, pace: Pace) -> (mpsc::Receiver<Batch>, Arc<Progress>) {
    let (batches, receiver) = mpsc::channel(BATCHES);
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    std::thread::spawn(move || {
        let begun = Instant::now();
        let reader = Reader { batches, pace, begun, batch: Batch::default(), since: begun, count: 0 };
        reader.run(source, &shared);
    });
    (receiver, progress)
}

struct Reader {
    batches: mpsc::Sender<Batch>,
    pace: Pace,
    begun: Instant,
    batch: Batch,
    since: Instant,
    count: u64,
}

impl Reader {
    fn run(mut self, mut source: Box<dyn Source + Send>, progress: &Progress) {
        while let Some(item) = source.next() {
            let goes_on = match item {
                Ok(item) => self.item(&item),
                Err(bad) => {
                    self.batch.bad.push(bad);
                    true
                }
            };
            let full = self.batch.rows.len() >= MAX_SUBMIT || self.batch.bad.len() >= MAX_SUBMIT;
            if !goes_on || ((full || self.since.elapsed() >= LINGER) && !self.flush()) {
                return;
            }
            let (done, total) = source.progress();
            progress.done.store(done, Ordering::Relaxed);
            progress.total.store(total.unwrap_or(0), Ordering::Relaxed);
        }
        self.flush();
    }

    fn item(&mut self, item: &SourceItem) -> bool {
        let own = self.pace.speed.and_then(|speed| Some(item.at?.as_secs_f64() / speed));
        let steady = self.pace.rate.map(|rate| self.count as f64 / rate);
        let due = own.unwrap_or(0.0).max(steady.unwrap_or(0.0));
        self.count += 1;
        while self.begun.elapsed().as_secs_f64() < due {
            if !self.flush() {
                return false;
            }
            // In short sleeps, so that the thread ends soon after its receiver.
            let left = Duration::from_secs_f64((due - self.begun.elapsed().as_secs_f64()).max(0.0));
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
        self.batch.rows.push(row_of(item.process, &item.change));
        true
    }

    /// `false`: nobody listens any more.
    fn flush(&mut self) -> bool {
        self.since = Instant::now();
        if self.batch.rows.is_empty() && self.batch.bad.is_empty() {
            return !self.batches.is_closed();
        }
        self.batches.blocking_send(std::mem::take(&mut self.batch)).is_ok()
    }
}
