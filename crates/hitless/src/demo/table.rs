//! The demo's table and churn.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use hitless_adapters::source::{
    self, Churn as GeneratedChurn, ChurnTable, GeneratedTable, Generator, SyntheticNextHops,
};
use hitless_admin::ChangeRow;
use hitless_proto::process::fib::{self, FibKey};
use hitless_runtime::source::Source;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::args::DemoArgs;
use super::journal::Journal;
use crate::failure::{Exit, Failure};
use crate::feed::Feed;
use crate::feed::reader::{Batch, Pace, read};
use crate::feed::row::row_of;
use crate::render;

/// What was loaded, and what to churn over.
pub(super) struct Loaded {
    pub(super) changes: u64,
    pub(super) invalid: u64,
    pub(super) seconds: f64,
    churn: ChurnTable,
    /// The next hops that generated churn uses and a loaded table may lack.
    next_hops: Vec<ChangeRow>,
}

/// Fails where a file of the table or the churn cannot be read.
pub(super) fn check(args: &DemoArgs) -> Result<(), Failure> {
    args.table.iter().chain(&args.churn).try_for_each(|path| open(path).map(drop))
}

/// Loads the table and waits until all of it is safe.
pub(super) async fn load(args: &DemoArgs, feed: &Feed<Journal>) -> Result<Loaded, Failure> {
    let begun = Instant::now();
    let generated = GeneratedTable::new(args.seed, args.entries);
    let mut loaded = Loaded {
        changes: 0,
        invalid: 0,
        seconds: 0.0,
        churn: ChurnTable::Generated(generated.clone()),
        next_hops: Vec::new(),
    };
    if args.table.is_empty() {
        pour(Box::new(Generator::new(generated)), feed, &mut loaded, |_| {}).await?;
    } else {
        let mut prefixes = Vec::new();
        for path in &args.table {
            let take = |row: &ChangeRow| {
                if let (1, true, Ok(FibKey::Route { net, .. })) =
                    (row.0, row.2.is_some(), FibKey::decode(&row.1.0))
                {
                    prefixes.push(net);
                }
            };
            pour(open(path)?, feed, &mut loaded, take).await?;
        }
        if args.churn.is_none() {
            let families = [
                prefixes.iter().find(|net| net.addr().is_ipv4()),
                prefixes.iter().find(|net| net.addr().is_ipv6()),
            ];
            let puts = families.into_iter().flatten().flat_map(SyntheticNextHops::puts);
            loaded.next_hops = puts.map(|change| row_of(fib::ID, &change)).collect();
            loaded.churn = ChurnTable::Listed(prefixes.into());
        }
    }
    let within = Duration::from_secs(args.deadline.max(60 + loaded.changes / 10_000));
    tokio::time::timeout(within, feed.drained()).await.map_err(|_| {
        Failure::new(
            Exit::Failed,
            format!("the table was not safe on all cards after {} s", within.as_secs()),
        )
    })?;
    loaded.seconds = begun.elapsed().as_secs_f64();
    Ok(loaded)
}

fn open(path: &Path) -> Result<Box<dyn Source + Send>, Failure> {
    source::open(path)
        .map_err(|bad| Failure::new(Exit::Usage, bad.to_string()).hint("name a file that can be read"))
}

async fn pour(
    source: Box<dyn Source + Send>,
    feed: &Feed<Journal>,
    loaded: &mut Loaded,
    mut take: impl FnMut(&ChangeRow),
) -> Result<(), Failure> {
    // Draws to standard error, and only where that is a terminal.
    let bar = crate::commands::load::bar(source.describe());
    let (mut batches, progress) = read(source, Pace::default());
    while let Some(batch) = batches.recv().await {
        for bad in &batch.bad {
            if loaded.invalid < 5 {
                eprintln!("invalid: {bad}");
            }
            loaded.invalid += 1;
        }
        batch.rows.iter().for_each(&mut take);
        loaded.changes += batch.rows.len() as u64;
        if !batch.rows.is_empty() && !feed.send(batch.rows).await {
            return Err(Failure::new(Exit::Failed, "the source's task has ended"));
        }
        let (done, total) = progress.get();
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
        bar.set_message(format!("{} changes", render::count(loaded.changes)));
    }
    bar.finish_and_clear();
    Ok(())
}

/// Changes for as long as they are wanted.
pub(super) struct Churn {
    batches: mpsc::Receiver<Batch>,
    rows: VecDeque<ChangeRow>,
    rate: u64,
    burst: Duration,
}

impl Churn {
    pub(super) fn open(args: &DemoArgs, loaded: &Loaded) -> Result<Self, Failure> {
        let source = match &args.churn {
            Some(path) => open(path)?,
            None => Box::new(GeneratedChurn::new(loaded.churn.clone(), args.seed, None)),
        };
        let (batches, _) = read(source, Pace::default());
        Ok(Self {
            batches,
            rows: loaded.next_hops.clone().into(),
            rate: args.churn_rate,
            burst: Duration::from_millis(args.burst_ms),
        })
    }

    /// Feeds at the rate until told to stop, or the churn ends. Returns whether it has ended.
    pub(super) async fn run(&mut self, feed: &Feed<Journal>, mut stop: watch::Receiver<bool>) -> bool {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(self.burst);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut given = 0;
        while !*stop.borrow_and_update() {
            let due = rows_due(begun, self.rate).saturating_sub(given);
            let Some(rows) = self.take(due.min(hitless_admin::MAX_SUBMIT as u64)).await else {
                return true;
            };
            given += rows.len() as u64;
            // While the primary is away the feed fills up and holds the source back: the rate does not catch up later.
            if !rows.is_empty() {
                tokio::select! {
                    sent = feed.send(rows.clone()) => if !sent { return true },
                    _ = stop.wait_for(|stop| *stop) => {
                        self.rows = rows.into_iter().chain(std::mem::take(&mut self.rows)).collect();
                        return false;
                    }
                }
            }
            if (rows_due(begun, self.rate)) <= given {
                ticks.tick().await;
            }
        }
        false
    }

    async fn take(&mut self, count: u64) -> Option<Vec<ChangeRow>> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        while self.rows.len() < count {
            match self.batches.recv().await {
                Some(batch) => self.rows.extend(batch.rows),
                None if self.rows.is_empty() => return None,
                None => break,
            }
        }
        let count = count.min(self.rows.len());
        Some(self.rows.drain(..count).collect())
    }
}

/// Changes that are due since `begun`.
fn rows_due(begun: Instant, rate: u64) -> u64 {
    (begun.elapsed().as_secs_f64() * rate as f64) as u64
}
