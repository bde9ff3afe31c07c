//! What running control units and cards have in common: a core on a thread of its own, and its links.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::thread::Builder;

use hitless_proto::ids::Party;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::limits::MAX_SUBMIT;
use crate::recorder::RecordingError;
use crate::transport::{Links, LinksError};

/// A party could not be started. The environment is to blame.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its links.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// Its durable state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its recording.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Its forwarding table cannot be read, so what it forwards on is not known.
    #[error("the forwarding table \"{table}\" cannot be read: {cause}")]
    Table {
        /// Its name.
        table: String,
        /// What it said.
        cause: io::Error,
    },
    /// No thread could be had.
    #[error("cannot start a thread: {0} (is a limit of processes or memory reached?)")]
    Thread(io::Error),
}

/// A request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HandleError {
    /// The party has stopped, or is stopping.
    #[error("this party has stopped")]
    Stopped,
    /// The caller must cut the batch.
    #[error("a batch of {0} changes: submit at most {MAX_SUBMIT} at once")]
    BatchTooLong(usize),
    /// The forwarding table could not be asked.
    #[error("the forwarding table cannot be read: {0}")]
    Table(String),
}

/// A core's thread, and its links.
pub(crate) struct RunningCore {
    links: Links,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl RunningCore {
    /// Runs `driver` on a thread of its own, with timers of its own: neither links nor other parties of this process can
    /// hold it up, nor can it hold up them.
    pub(crate) fn start(
        own: Party,
        links: Links,
        stop: oneshot::Sender<()>,
        driver: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, StartError> {
        let timers = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let timers = timers.map_err(StartError::Thread)?;
        let (end, ended) = oneshot::channel();
        let run = move || {
            timers.block_on(driver);
            let _nobody_waits = end.send(());
        };
        Builder::new().name(own.to_string()).spawn(run).map_err(StartError::Thread)?;
        Ok(Self { links, stop, ended })
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.links.address()
    }

    pub(crate) async fn stopped(&mut self) {
        let _panicked = (&mut self.ended).await;
    }

    pub(crate) async fn shutdown(self) {
        self.links.shutdown().await;
        let _ended_already = self.stop.send(());
        let _panicked = self.ended.await;
    }
}
