//! Which link each peer has: one at a time, the newest wins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hitless_proto::ids::{Life, Party};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, Notify, oneshot};
use tokio::time::timeout;

use super::connection::Connection;
use super::link::LinkEnd;
use super::links::Counters;
use super::pair::{Current, LinkRules, Pair, Running};
use crate::limits::HANDSHAKE_TIMEOUT;

/// All peers of this party. Bounded by the chassis: only parties it names get a slot.
pub(super) struct Peers {
    slots: Mutex<BTreeMap<Party, Arc<Slot>>>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Slot {
    /// The link that the driver knows. Held while one link takes the place of another.
    turn: Turn<Option<Current>>,
    /// A connection for heartbeats that waits for its protocol connection.
    parked: Mutex<Option<Parked>>,
    arrived: Notify,
}

struct Parked {
    life: Life,
    connection: Connection,
    /// Dropped when the connection is taken, or another one is parked in its place.
    _left: oneshot::Sender<()>,
}

impl Peers {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { slots: Mutex::default(), counters }
    }

    fn slot(&self, peer: Party) -> Arc<Slot> {
        lock(&self.slots).entry(peer).or_default().clone()
    }

    /// Keeps a connection for heartbeats until its protocol connection comes, or for as long as a handshake may take.
    pub(super) async fn park(&self, connection: Connection) {
        let slot = self.slot(connection.hello.party);
        let life = connection.hello.life;
        let (left, mut until_left) = oneshot::channel();
        *lock(&slot.parked) = Some(Parked { life, connection, _left: left });
        slot.arrived.notify_waiters();
        if timeout(HANDSHAKE_TIMEOUT, &mut until_left).await.is_err() {
            let mut parked = lock(&slot.parked);
            if matches!(until_left.try_recv(), Err(TryRecvError::Empty)) {
                *parked = None;
            }
        }
    }

    /// The parked connection of this peer in this life; waits for it. `None`: it did not come.
    pub(super) async fn unpark(&self, peer: Party, life: Life) -> Option<Connection> {
        let slot = self.slot(peer);
        let wait = async {
            loop {
                let arrived = slot.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if let Some(connection) = take_parked(&slot, life) {
                    return connection;
                }
                arrived.await;
            }
        };
        timeout(HANDSHAKE_TIMEOUT, wait).await.ok()
    }

    /// Makes `pair` the peer's link: a former one is closed, and the driver told, before the driver is told of this one.
    /// `None`: the driver is gone.
    pub(super) async fn install(&self, pair: Pair, rules: &LinkRules) -> Option<Running> {
        let slot = self.slot(pair.peer);
        let mut current = slot.turn.lock().await;
        if let Some(former) = current.take() {
            former.closer.close(LinkEnd::Replaced);
            let _ended_already = former.ended.await;
        }
        let (running, now) = pair.start(rules).await?;
        self.counters.connected();
        *current = Some(now);
        Some(running)
    }

    /// Closes every link, and waits until the driver was told.
    pub(super) async fn close_all(&self) {
        let slots: Vec<Arc<Slot>> = lock(&self.slots).values().cloned().collect();
        for slot in &slots {
            if let Some(current) = slot.turn.lock().await.as_ref() {
                current.closer.close(LinkEnd::Stopping);
            }
        }
    }
}

fn take_parked(slot: &Slot, life: Life) -> Option<Connection> {
    let mut parked = lock(&slot.parked);
    match parked.take() {
        Some(found) if found.life == life => Some(found.connection),
        other => {
            *parked = other;
            None
        }
    }
}

/// A panic elsewhere cannot leave these maps half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
