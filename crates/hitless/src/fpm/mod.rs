//! The FPM source of a control unit: FRR's zebra connects, and the unit's `fib` follows it.
//!
//! What it means is in [`hitless_adapters::fpm`]; here are the sockets, the clock, and the unit's handle.

mod connections;
mod driver;
mod names;

use std::net::SocketAddr;

use hitless_adapters::fpm::{FpmStatus, SweepRefusal};
use hitless_runtime::UnitHandle;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::config::FpmUnitSettings;
use crate::failure::{Exit, Failure};

/// Questions that wait for the source: operators ask one at a time.
const ASKS: usize = 16;
/// Connections that were found to be sessions, or were refused, and wait for the source.
const CONNECTIONS: usize = 16;

/// What the source is asked.
enum Ask {
    Status(oneshot::Sender<FpmReport>),
    Sweep { disconnected: bool, reply: oneshot::Sender<Result<u64, SweepRefusal>> },
}

/// How the source stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FpmReport {
    /// What it says of itself.
    pub status: FpmStatus,
    /// The other end of its session.
    pub peer: Option<SocketAddr>,
}

/// Asks and orders a running source. Cheap to clone.
#[derive(Clone)]
pub struct FpmHandle {
    asks: mpsc::Sender<Ask>,
}

impl FpmHandle {
    /// How it stands; `None`: it has stopped.
    pub async fn report(&self) -> Option<FpmReport> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Status(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Deletes what the session did not name; `None`: it has stopped.
    pub async fn sweep(&self, disconnected: bool) -> Option<Result<u64, SweepRefusal>> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Sweep { disconnected, reply }).await.ok()?;
        answer.await.ok()
    }
}

/// Starts the source of a unit. It ends with the unit.
///
/// # Errors
/// Its address cannot be had.
pub async fn start(settings: &FpmUnitSettings, unit: UnitHandle) -> Result<FpmHandle, Failure> {
    let listen = settings.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("fpm cannot listen on {listen}: {error}")).hint(
            "`listen` in `fpm` of this unit's [[unit]] section must be free, and an address of this machine",
        )
    })?;
    let (found, connections) = mpsc::channel(CONNECTIONS);
    let (asks, asked) = mpsc::channel(ASKS);
    tokio::spawn(connections::accept(listener, found));
    let driver = driver::Driver::new(settings.source.clone(), unit, (connections, asked));
    tokio::spawn(driver.run());
    tracing::info!(%listen, "fpm waits for zebra");
    Ok(FpmHandle { asks })
}
