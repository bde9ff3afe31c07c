//! Threads for what blocks: the store, the external arbiter, the forwarding table. Each has a bounded queue; the core's
//! driver never waits for one.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use hitless_proto::entry::Blob;
use hitless_proto::ids::{Party, ProcessId};
use hitless_proto::io::{ArbiterRequest, Durable, Outcome, Verdict, Write};
use hitless_proto::kept::{KeepBatch, KeptAt};
use tokio::sync::{mpsc, oneshot};

use crate::limits::{FINDINGS, KEEP_QUEUE, KEEP_SYNC, PERSISTS, TABLE_QUEUE};
use crate::{Arbiter, Findings, ForwardingTable, Keep, Store, observe};

/// What a thread answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The state with this token, or a later one, is durable.
    Persisted { token: u64 },
    /// It could not be stored.
    PersistFailed { token: u64 },
    /// What the arbiter said.
    Verdict(Verdict),
    /// What the forwarding table did.
    Applied { process: ProcessId, batch: u64, outcomes: Vec<Outcome> },
    /// What the forwarding table found by itself.
    Found(Findings),
    /// A batch is kept, and with it perhaps the whole state of a process; or it is not, and why.
    Kept(Result<(ProcessId, Option<KeptAt>), String>),
}

pub(crate) type Answers = mpsc::Sender<Answer>;

/// A thread and its queue. When the queue is dropped, the thread ends after what is under way.
pub(crate) struct Worker<J> {
    queue: SyncSender<J>,
    thread: JoinHandle<()>,
}

impl<J: Send + 'static> Worker<J> {
    fn start(
        name: String,
        bound: usize,
        serve: impl FnOnce(Receiver<J>) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(bound);
        let thread = Builder::new().name(name).spawn(move || serve(jobs))?;
        Ok(Self { queue, thread })
    }

    /// Closes the queue, and waits until the thread has ended.
    pub(crate) fn join(self) {
        drop(self.queue);
        // A panic of an adapter was reported by the thread itself.
        let _panicked = self.thread.join();
    }
}

pub(crate) type StoreThread = Worker<(u64, Durable)>;

/// Starts the thread of the store.
pub(crate) fn start_store(
    own: Party,
    mut store: Box<dyn Store>,
    answers: Answers,
) -> io::Result<StoreThread> {
    Worker::start(format!("{own} store"), PERSISTS, move |jobs| {
        while let Ok((token, durable)) = jobs.recv() {
            // Later states replace earlier ones: only the last one at hand is written, for all of them.
            let (mut tokens, mut newest) = (vec![token], durable);
            while let Ok((token, durable)) = jobs.try_recv() {
                tokens.push(token);
                newest = durable;
            }
            let saved = store.save(&newest);
            if let Err(error) = &saved {
                observe::not_saved(own, error);
            }
            for token in tokens {
                let answer = match saved {
                    Ok(()) => Answer::Persisted { token },
                    Err(_) => Answer::PersistFailed { token },
                };
                if answers.blocking_send(answer).is_err() {
                    return;
                }
            }
        }
    })
}

impl StoreThread {
    /// Queues a state. An answer: it was not queued.
    pub(crate) fn save(&self, token: u64, durable: Durable) -> Option<Answer> {
        let queued = self.queue.try_send((token, durable));
        queued.is_err().then_some(Answer::PersistFailed { token })
    }
}

/// A batch to be kept; the first after an error begins anew.
pub(crate) struct KeepJob {
    pub(crate) batch: KeepBatch,
    pub(crate) anew: bool,
}

pub(crate) type KeepThread = Worker<KeepJob>;

/// Starts the thread of the kept state. Each job is answered once.
pub(crate) fn start_keep(own: Party, mut keep: Box<dyn Keep>, answers: Answers) -> io::Result<KeepThread> {
    Worker::start(format!("{own} state"), KEEP_QUEUE, move |jobs| {
        let (mut broken, mut unsynced) = (None, None);
        loop {
            let wait =
                unsynced.map_or(Duration::MAX, |since: Instant| KEEP_SYNC.saturating_sub(since.elapsed()));
            let ends = match jobs.recv_timeout(wait) {
                Ok(KeepJob { batch, anew }) => {
                    let kept = (batch.process, batch.at.clone());
                    if anew {
                        broken = keep.begin().err().map(|error| error.to_string());
                    }
                    if broken.is_none() {
                        broken = keep.write(batch).err().map(|error| error.to_string());
                        unsynced = unsynced.or(Some(Instant::now()));
                    }
                    // Where nobody waits for the answer, the unit stops: what it gave last is kept all the same.
                    let _stopping = answers.blocking_send(Answer::Kept(broken.clone().map_or(Ok(kept), Err)));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if unsynced.is_some_and(|since| ends || since.elapsed() >= KEEP_SYNC) {
                unsynced = None;
                // Told with the next job: until then nothing depends on it.
                broken = broken.or_else(|| keep.sync().err().map(|error| error.to_string()));
            }
            if ends {
                return;
            }
        }
    })
}

impl KeepThread {
    /// Queues a batch. `false`: the thread has ended.
    pub(crate) fn keep(&self, job: KeepJob) -> bool {
        self.queue.send(job).is_ok()
    }
}

pub(crate) type ArbiterThread = Worker<ArbiterRequest>;

/// Starts the thread of the arbiter.
pub(crate) fn start_arbiter(
    own: Party,
    mut arbiter: Box<dyn Arbiter>,
    answers: Answers,
) -> io::Result<ArbiterThread> {
    Worker::start(format!("{own} arbiter"), 1, move |jobs| {
        while let Ok(request) = jobs.recv() {
            if answers.blocking_send(Answer::Verdict(arbiter.decide(request))).is_err() {
                return;
            }
        }
    })
}

impl ArbiterThread {
    /// Queues a request. An answer: it was not queued.
    pub(crate) fn ask(&self, request: ArbiterRequest) -> Option<Answer> {
        let reason = match self.queue.try_send(request) {
            Ok(()) => return None,
            Err(TrySendError::Full(_)) => "the arbiter has not answered the last request yet",
            Err(TrySendError::Disconnected(_)) => {
                "the arbiter's thread has ended: see the log, and restart this unit"
            }
        };
        Some(Answer::Verdict(Verdict::Unavailable(reason.to_owned())))
    }
}

/// What the table's thread is asked.
pub(crate) enum TableJob {
    Apply {
        process: ProcessId,
        batch: u64,
        writes: Vec<Write>,
    },
    Dump {
        process: ProcessId,
        answer: oneshot::Sender<io::Result<Vec<(Blob, Blob)>>>,
    },
    /// What has it found by itself?
    Look,
    /// The card stops, while handles may still hold the queue.
    Stop,
}

pub(crate) type TableThread = Worker<TableJob>;

/// Starts the thread of the forwarding table.
pub(crate) fn start_table(
    own: Party,
    mut table: Box<dyn ForwardingTable>,
    answers: Answers,
) -> io::Result<TableThread> {
    Worker::start(format!("{own} table"), TABLE_QUEUE, move |jobs| {
        while let Ok(job) = jobs.recv() {
            match job {
                TableJob::Apply { process, batch, writes } => {
                    let outcomes = apply(own, table.as_mut(), process, &writes);
                    if answers.blocking_send(Answer::Applied { process, batch, outcomes }).is_err() {
                        return;
                    }
                }
                TableJob::Dump { process, answer } => {
                    let _nobody_waits = answer.send(table.dump(process));
                }
                TableJob::Look => {
                    if answers.blocking_send(Answer::Found(table.findings(FINDINGS))).is_err() {
                        return;
                    }
                }
                TableJob::Stop => return,
            }
        }
    })
}

/// One outcome per write, whatever the table answers: what it did not answer did not happen, as far as we know.
fn apply(own: Party, table: &mut dyn ForwardingTable, process: ProcessId, writes: &[Write]) -> Vec<Outcome> {
    let mut outcomes = table.apply(process, writes);
    if outcomes.len() != writes.len() {
        observe::table_broke_contract(own, table.name(), writes.len(), outcomes.len());
        outcomes.resize_with(writes.len(), || Err("the forwarding table did not answer".to_owned()));
    }
    outcomes
}

impl TableThread {
    /// Queues a batch. An answer: it was not queued.
    pub(crate) fn apply(&self, process: ProcessId, batch: u64, writes: Vec<Write>) -> Option<Answer> {
        let count = writes.len();
        let reason = match self.queue.try_send(TableJob::Apply { process, batch, writes }) {
            Ok(()) => return None,
            Err(TrySendError::Full(_)) => "the forwarding table's queue is full",
            Err(TrySendError::Disconnected(_)) => "the forwarding table's thread has ended: restart the card",
        };
        let outcomes = (0..count).map(|_| Err(reason.to_owned())).collect();
        Some(Answer::Applied { process, batch, outcomes })
    }

    /// Asks for findings. Says whether that was queued.
    pub(crate) fn look(&self) -> bool {
        self.queue.try_send(TableJob::Look).is_ok()
    }

    /// Ends the thread after what is queued, and waits for it.
    pub(crate) fn stop(self) {
        let _ended_already = self.queue.send(TableJob::Stop);
        self.join();
    }

    /// To ask for dumps from elsewhere.
    pub(crate) fn queue(&self) -> SyncSender<TableJob> {
        self.queue.clone()
    }
}
