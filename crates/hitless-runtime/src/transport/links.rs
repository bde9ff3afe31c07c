//! All links of one party.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hitless_proto::config::Chassis;
use hitless_proto::ids::{Life, Party, UnitId};
use hitless_proto::limits::{MAX_PROCESSES, WINDOW_BYTES};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::accept::accept_all;
use super::complaints::Complaints;
use super::dial::dial_for_ever;
use super::handshake::{Identity, dials};
use super::inbox::Inbox;
use super::liveness::Liveness;
use super::pair::LinkRules;
use super::peers::Peers;
use super::{LinkEnd, Transport};
use crate::limits::{GOODBYE_TIMEOUT, OUTBOX_BYTES};

/// What links must be told.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Who belongs to the chassis.
    pub chassis: Chassis,
    /// This party.
    pub own: Party,
    /// This life of it.
    pub life: Life,
    /// Where to take connections; a card needs none.
    pub listen: Option<String>,
    /// Where the control units are. Those that this party does not dial are passed over.
    pub units: Vec<(UnitId, String)>,
    /// When a silent peer counts as dead.
    pub liveness: Liveness,
    /// How many processes share a link: its queue is bounded by their windows.
    pub processes: usize,
}

/// Links could not be started.
#[derive(Debug, Error)]
pub enum LinksError {
    /// The address is in use, not of this host, or not an address.
    #[error(
        "cannot listen on {address}: {cause} (is another process using it, and is it an address of this host?)"
    )]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A unit that must be dialled has no address.
    #[error("{0} has no address: add one to its [[unit]] section in the configuration")]
    NoAddress(UnitId),
}

/// What happened on the links since the start, for the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Links that were made.
    pub connected: u64,
    /// Connections that were refused: another chassis, an unknown party, another version.
    pub refused: u64,
    /// Connections that sent something else than the protocol, or nothing.
    pub strangers: u64,
    /// Connections that were closed since too many had not said who they are.
    pub crowded_out: u64,
    /// Links that were closed for missed heartbeats.
    pub missed: u64,
    /// Links that were closed since the peer did not drain its queue.
    pub overflowed: u64,
    /// Links that were closed since the peer sent something else than the protocol, or broke it.
    pub misbehaved: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    connected: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) strangers: AtomicU64,
    pub(super) crowded_out: AtomicU64,
    missed: AtomicU64,
    overflowed: AtomicU64,
    misbehaved: AtomicU64,
}

impl Counters {
    pub(super) fn connected(&self) {
        count(&self.connected);
    }

    pub(super) fn ended(&self, end: &LinkEnd) {
        match end {
            LinkEnd::Missed(_) => count(&self.missed),
            LinkEnd::Overflow => count(&self.overflowed),
            LinkEnd::Garbage(_) | LinkEnd::Misbehaved(_) => count(&self.misbehaved),
            LinkEnd::Closed
            | LinkEnd::Torn
            | LinkEnd::Goodbye(_)
            | LinkEnd::Failed(_)
            | LinkEnd::Replaced
            | LinkEnd::Stopping => {}
        }
    }
}

/// Reads what happened on the links of a party.
#[derive(Clone, Debug)]
pub struct LinkCounter(Arc<Counters>);

impl LinkCounter {
    /// What happened so far.
    #[must_use]
    pub fn read(&self) -> LinkCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounts {
            connected: load(&self.0.connected),
            refused: load(&self.0.refused),
            strangers: load(&self.0.strangers),
            crowded_out: load(&self.0.crowded_out),
            missed: load(&self.0.missed),
            overflowed: load(&self.0.overflowed),
            misbehaved: load(&self.0.misbehaved),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// All links of one party. Dropping it closes them at once, without a goodbye, as the death of the process would.
pub struct Links {
    tasks: JoinSet<()>,
    peers: Arc<Peers>,
    counters: Arc<Counters>,
    address: Option<SocketAddr>,
}

impl Links {
    /// Listens, if this party does, and dials whom it must dial, for ever. What happens is told to `inbox`.
    ///
    /// # Errors
    /// It cannot listen, or a unit that must be dialled has no address.
    pub async fn start(
        config: LinkConfig,
        transport: Arc<dyn Transport>,
        inbox: Inbox,
    ) -> Result<Self, LinksError> {
        let counters = Arc::new(Counters::default());
        let peers = Arc::new(Peers::new(counters.clone()));
        let mut links = Self { tasks: JoinSet::new(), peers, counters, address: None };
        let identity = Arc::new(Identity { chassis: config.chassis, own: config.own, life: config.life });
        let shared = Shared {
            identity: identity.clone(),
            peers: links.peers.clone(),
            counters: links.counters.clone(),
            rules: rules(inbox, config.liveness, config.processes),
            complaints: Arc::default(),
        };
        if let Some(address) = config.listen {
            let failed = |cause| LinksError::Listen { address: address.clone(), cause };
            let listener = transport.listen(&address).await.map_err(failed)?;
            links.address = Some(listener.address().map_err(failed)?);
            links.tasks.spawn(accept_all(listener, shared.clone()));
        }
        for &unit in &identity.chassis.units {
            if Party::Unit(unit) == config.own || !dials(config.own, unit) {
                continue;
            }
            let Some((_, address)) = config.units.iter().find(|(id, _)| *id == unit) else {
                return Err(LinksError::NoAddress(unit));
            };
            links.tasks.spawn(dial_for_ever(unit, address.clone(), transport.clone(), shared.clone()));
        }
        Ok(links)
    }

    /// Where this party listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// To read what happened so far, also later.
    #[must_use]
    pub fn counter(&self) -> LinkCounter {
        LinkCounter(self.counters.clone())
    }

    /// Says goodbye on every link, then closes all. Ends in bounded time even if no peer listens.
    pub async fn shutdown(mut self) {
        let _at_limit = timeout(GOODBYE_TIMEOUT, self.peers.close_all()).await;
        tokio::time::sleep(GOODBYE_TIMEOUT / 4).await;
        self.tasks.shutdown().await;
    }
}

/// What the listener, the dialers and every link share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) identity: Arc<Identity>,
    pub(super) peers: Arc<Peers>,
    pub(super) counters: Arc<Counters>,
    pub(super) rules: LinkRules,
    pub(super) complaints: Arc<Complaints>,
}

fn rules(inbox: Inbox, liveness: Liveness, processes: usize) -> LinkRules {
    let windows =
        2 * processes.min(MAX_PROCESSES) * usize::try_from(WINDOW_BYTES).unwrap_or(usize::MAX / 256);
    LinkRules { inbox, liveness, outbox_bytes: OUTBOX_BYTES + windows }
}
