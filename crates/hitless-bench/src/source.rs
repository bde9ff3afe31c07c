//! The source: rows go to whichever unit is primary, through the same feed as those of `hitless load`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use hitless::feed::{Feed, Observer, Wait};
use hitless_admin::{Bytes, ChangeRow, MAX_SUBMIT};

use crate::chassis::PATIENCE;

/// What became of what was submitted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    safe: AtomicU64,
    /// Rejected by the primary's process, or refused by a card.
    refused: AtomicU64,
}

impl Heard {
    pub(crate) fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn safe(&self) -> u64 {
        self.0.safe.load(Ordering::Relaxed)
    }
}

impl Observer for Heard {
    fn submitted(&mut self, _: &ChangeRow) {}

    fn accepted(&mut self, count: usize) {
        self.0.accepted.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn programmed(&mut self, _: usize) {}

    fn safe(&mut self, _: &ChangeRow) {
        self.0.safe.fetch_add(1, Ordering::Relaxed);
    }

    fn rejected(&mut self, _: &ChangeRow, _: &str) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn failed(&mut self, _: u16, _: u16, _: &Bytes, _: &str) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn connected(&mut self, _: u8, _: u32, _: usize) {}
}

/// A running feed, and what it was told.
pub(crate) struct Source {
    feed: Feed<Heard>,
    pub(crate) heard: Heard,
}

impl Source {
    pub(crate) fn start(units: Vec<String>) -> Self {
        let heard = Heard::default();
        Self { feed: Feed::start(units, Wait::Safe, heard.clone()), heard }
    }

    /// Hands rows over; waits while too many are not safe.
    pub(crate) async fn send(&self, rows: Vec<ChangeRow>) -> Result<()> {
        let mut rows = rows.into_iter();
        loop {
            let part: Vec<ChangeRow> = rows.by_ref().take(MAX_SUBMIT).collect();
            if part.is_empty() {
                return Ok(());
            }
            ensure!(self.feed.send(part).await, "the feed has stopped");
        }
    }

    /// Waits until all of it is safe; fails where something was refused.
    pub(crate) async fn drained(&self) -> Result<()> {
        let mut before = self.heard.safe();
        // As long as it goes on, it may take its time.
        while tokio::time::timeout(PATIENCE, self.feed.drained()).await.is_err() {
            let safe = self.heard.safe();
            ensure!(safe > before, "nothing became safe for {} s", Duration::as_secs(&PATIENCE));
            before = safe;
        }
        let refused = self.heard.0.refused.load(Ordering::Relaxed);
        ensure!(refused == 0, "{refused} changes were refused");
        Ok(())
    }

    /// Both.
    pub(crate) async fn put(&self, rows: Vec<ChangeRow>) -> Result<()> {
        self.send(rows).await?;
        self.drained().await
    }

    pub(crate) fn stop(self) {
        self.feed.abandon();
    }
}
