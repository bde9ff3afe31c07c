//! The source's end: submits changes to whichever unit is primary, and submits again what was not told to be safe when
//! the primary changes.

mod connection;
mod find;
pub mod ledger;
pub mod reader;
pub mod row;

use std::time::Duration;

use hitless_admin::ChangeRow;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use find::{Found, find_primary};

use connection::Connection;
use find::await_successor;
use ledger::Ledger;

/// Changes that are submitted and not yet safe. The primary has a bound of its own (65,536 per process); this one bounds
/// what the source must keep to submit again.
const WINDOW: usize = 131_072;
/// Batches that wait to be submitted.
const QUEUE: usize = 4;
/// Without progress for so long, the source asks whether another unit is primary now: a unit that is cut off or frozen
/// cannot say so itself.
const STALL: Duration = Duration::from_millis(50);

/// Who hears what becomes of the changes. Called from the feed's task: must be quick.
pub trait Observer: Send + 'static {
    /// `row` is submitted for the first time.
    fn submitted(&mut self, row: &ChangeRow);
    /// The primary has issued `count` more changes.
    fn accepted(&mut self, count: usize);
    /// `count` more changes are in the forwarding tables of all their cards.
    fn programmed(&mut self, count: usize);
    /// `row` survives the primary from now on. In the order of submission within a process.
    fn safe(&mut self, row: &ChangeRow);
    /// `row` can never be applied.
    fn rejected(&mut self, row: &ChangeRow, reason: &str);
    /// A card's forwarding table refused a change.
    fn failed(&mut self, process: u16, card: u16, key: &hitless_admin::Bytes, reason: &str);
    /// Connected with the primary `unit`; `again` changes are submitted again.
    fn connected(&mut self, unit: u8, epoch: u32, again: usize);
}

/// When a change counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// In the forwarding tables of all its cards.
    Programmed,
    /// And sure to survive the primary.
    Safe,
}

enum Command {
    Rows(Vec<ChangeRow>),
    Drain(oneshot::Sender<()>),
}

/// A running feed. Dropping it abandons what is under way.
pub struct Feed<O> {
    commands: mpsc::Sender<Command>,
    task: JoinHandle<O>,
}

impl<O: Observer> Feed<O> {
    /// Starts to look for the primary among `addresses` (admin addresses of the control units).
    #[must_use]
    pub fn start(addresses: Vec<String>, wait: Wait, observer: O) -> Self {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let worker = Worker {
            addresses,
            ledger: Ledger::new(wait),
            observer,
            inbox,
            drains: Vec::new(),
            ended: false,
        };
        Self { commands, task: tokio::spawn(worker.run()) }
    }

    /// Hands changes over, at most [`hitless_admin::MAX_SUBMIT`] at once; waits while too many are not safe yet.
    /// `false`: the feed has stopped.
    pub async fn send(&self, rows: Vec<ChangeRow>) -> bool {
        self.commands.send(Command::Rows(rows)).await.is_ok()
    }

    /// Waits until everything handed over so far is done.
    pub async fn drained(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Drain(done)).await.is_ok() {
            // An error is a feed that has stopped: nothing is under way then either.
            let _ = wait.await;
        }
    }

    /// Waits until everything is done and returns the observer; `None` if the feed's task failed.
    pub async fn finish(self) -> Option<O> {
        drop(self.commands);
        self.task.await.ok()
    }

    /// Stops at once and abandons what is under way.
    pub fn abandon(self) {
        self.task.abort();
    }
}

struct Worker<O> {
    addresses: Vec<String>,
    ledger: Ledger,
    observer: O,
    inbox: mpsc::Receiver<Command>,
    drains: Vec<oneshot::Sender<()>>,
    ended: bool,
}

impl<O: Observer> Worker<O> {
    async fn run(mut self) -> O {
        let mut successor = None;
        while !self.finished() {
            let found = match successor.take() {
                Some(found) => Some(found),
                None => find_primary(&self.addresses).await,
            };
            let Some(found) = found else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let Ok(connection) = Connection::open(&found.address).await else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let again = self.ledger.begin_again();
            self.observer.connected(found.unit, found.epoch, again);
            successor = self.serve(connection, found.epoch).await;
        }
        self.observer
    }

    fn finished(&mut self) -> bool {
        if self.ledger.done() {
            for drain in self.drains.drain(..) {
                // Who asked may have given up.
                let _ = drain.send(());
            }
            return self.ended;
        }
        false
    }

    /// Submits over one connection until it is of no use any more. Returns the next primary, where it is known.
    async fn serve(&mut self, mut connection: Connection, epoch: u32) -> Option<Found> {
        let mut tick = tokio::time::interval(STALL);
        let mut completed = self.ledger.completed();
        let mut watch = Watch::default();
        while !self.finished() {
            let room = self.ledger.under_way() < WINDOW;
            let reserve = connection.reserve();
            tokio::select! {
                line = connection.receive() => {
                    if !self.ledger.take(line?, epoch, &mut self.observer) {
                        return None;
                    }
                }
                permit = reserve, if self.ledger.has_unsent() => {
                    permit?.send(self.ledger.next_submit());
                }
                command = self.inbox.recv(), if !self.ended && room && !self.ledger.has_unsent() => {
                    self.command(command);
                }
                found = watch.found() => return Some(found),
                _ = tick.tick() => {
                    if self.ledger.completed() == completed && !self.ledger.idle() {
                        watch.begin(&self.addresses, epoch);
                    } else {
                        watch.end();
                    }
                    completed = self.ledger.completed();
                }
            }
        }
        None
    }

    fn command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Rows(rows)) => {
                for row in &rows {
                    self.observer.submitted(row);
                }
                self.ledger.push(rows);
            }
            Some(Command::Drain(done)) => self.drains.push(done),
            None => self.ended = true,
        }
    }
}

/// Looks for the next primary while nothing becomes safe.
#[derive(Default)]
struct Watch(Option<JoinHandle<Option<Found>>>);

impl Watch {
    fn begin(&mut self, addresses: &[String], above: u32) {
        let addresses = addresses.to_vec();
        self.0.get_or_insert_with(|| tokio::spawn(await_successor(addresses, above)));
    }

    fn end(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }

    /// Never returns while nobody is found. Cancel-safe.
    async fn found(&mut self) -> Found {
        if let Some(task) = &mut self.0
            && let Ok(Some(found)) = task.await
        {
            self.0 = None;
            return found;
        }
        self.0 = None;
        std::future::pending().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}
