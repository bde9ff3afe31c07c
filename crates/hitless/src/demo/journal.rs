//! What happened when: the source's side of the demo, for the check and for the page.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hitless_admin::{Bytes, ChangeRow};

use super::model::Model;
use crate::feed::Observer;
use crate::render;

/// Milliseconds of one bucket of the timeline.
pub(super) const BUCKET_MS: u64 = 10;

/// Shared by the feed, which writes it, and the demo, which reads it.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<Pages>>);

/// The content of the journal.
pub(super) struct Pages {
    pub(super) model: Model,
    begun: Instant,
    /// Since the last [`Journal::turn`].
    pub(super) counts: Counts,
    /// Ops per bucket since then: submitted, safe.
    pub(super) buckets: Vec<(u32, u32)>,
    /// What happened in between: milliseconds, words.
    pub(super) marks: Vec<(f64, String)>,
    last_safe: Instant,
    /// The longest time without any op becoming safe, in milliseconds, while some were under way.
    pub(super) longest_gap: f64,
    /// Submitted and not safe.
    under_way: u64,
    /// Of those, what the primary has issued: it is on its way to cards and standbys.
    pub(super) issued: u64,
}

/// Totals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) submitted: u64,
    pub(super) safe: u64,
    pub(super) rejected: u64,
    pub(super) failed: u64,
    pub(super) again: u64,
}

impl Journal {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Pages {
            model: Model::default(),
            begun: now,
            counts: Counts::default(),
            buckets: Vec::new(),
            marks: Vec::new(),
            last_safe: now,
            longest_gap: 0.0,
            under_way: 0,
            issued: 0,
        })))
    }

    /// The content. A thread that died while it wrote has failed the demo in another place.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a new timeline; the model goes on.
    pub(super) fn turn(&self) {
        let mut pages = self.pages();
        let now = Instant::now();
        (pages.begun, pages.last_safe, pages.longest_gap) = (now, now, 0.0);
        pages.counts = Counts::default();
        pages.buckets.clear();
        pages.marks.clear();
    }

    /// Notes that something happened now.
    pub(super) fn mark(&self, what: impl Into<String>) {
        let mut pages = self.pages();
        let at = pages.now();
        pages.marks.push((at, what.into()));
    }
}

impl Pages {
    /// Milliseconds since the timeline began.
    pub(super) fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() * 1_000.0
    }

    fn bucket(&mut self) -> &mut (u32, u32) {
        let index = (self.begun.elapsed().as_millis() as u64 / BUCKET_MS) as usize;
        if self.buckets.len() <= index {
            self.buckets.resize(index + 1, (0, 0));
        }
        &mut self.buckets[index]
    }
}

impl Observer for Journal {
    fn submitted(&mut self, row: &ChangeRow) {
        let mut pages = self.pages();
        pages.model.submitted(row);
        pages.counts.submitted += 1;
        pages.bucket().0 += 1;
        if pages.under_way == 0 {
            pages.last_safe = Instant::now();
        }
        pages.under_way += 1;
    }

    fn accepted(&mut self, count: usize) {
        self.pages().issued += count as u64;
    }

    fn programmed(&mut self, _: usize) {}

    fn safe(&mut self, row: &ChangeRow) {
        let mut pages = self.pages();
        pages.model.safe(row);
        pages.counts.safe += 1;
        pages.bucket().1 += 1;
        pages.under_way = pages.under_way.saturating_sub(1);
        pages.issued = pages.issued.saturating_sub(1);
        let gap = pages.last_safe.elapsed().as_secs_f64() * 1_000.0;
        pages.longest_gap = pages.longest_gap.max(gap);
        pages.last_safe = Instant::now();
    }

    fn rejected(&mut self, row: &ChangeRow, reason: &str) {
        let key = render::key::text(row.0, &row.1.0);
        tracing::warn!(process = render::process(row.0), key, reason, "a change was rejected");
        let mut pages = self.pages();
        pages.model.rejected(row);
        pages.counts.rejected += 1;
        pages.under_way = pages.under_way.saturating_sub(1);
    }

    fn failed(&mut self, process: u16, card: u16, key: &Bytes, reason: &str) {
        let key = render::key::text(process, &key.0);
        tracing::warn!(process = render::process(process), card, key, reason, "a card refused a change");
        self.pages().counts.failed += 1;
    }

    fn connected(&mut self, unit: u8, epoch: u32, again: usize) {
        self.mark(format!("source at unit-{unit}, epoch {epoch}"));
        let mut pages = self.pages();
        pages.counts.again += again as u64;
        pages.issued = 0;
    }
}
