//! Links between parties: who dials whom, handshake, frames, heartbeats, queues.
//!
//! A link is a pair of connections with the same peer in the same life: one carries the protocol, one carries heartbeats, so
//! that bulk data cannot delay them. Both live and die together. Cards dial every control unit; of two units, the one with
//! the larger id dials the other.

mod accept;
mod complaints;
mod connection;
mod dial;
mod handshake;
mod inbox;
mod link;
mod links;
mod liveness;
mod outbox;
mod pair;
mod peers;
mod tcp;
mod weight;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub use inbox::{Delivery, Inbox, LinkEvent};
pub use link::{Link, LinkEnd};
pub use links::{LinkConfig, LinkCounter, LinkCounts, Links, LinksError};
pub use liveness::Liveness;
pub use tcp::Tcp;

/// A future behind a pointer, so that a transport can be chosen when the program runs.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What carries bytes between parties. TCP is one; one that encrypts fits behind the same trait.
pub trait Transport: Send + Sync {
    /// Opens a connection to `address`. What the transport itself must exchange is done here.
    fn connect<'a>(&'a self, address: &'a str) -> Pending<'a, io::Result<Stream>>;

    /// Takes connections on `address`.
    fn listen<'a>(&'a self, address: &'a str) -> Pending<'a, io::Result<Box<dyn Listener>>>;
}

/// Takes connections.
pub trait Listener: Send {
    /// The next connection, and where it comes from. It does not wait for the peer to say anything: what the transport
    /// itself must exchange is done by the first read or write. Cancel-safe.
    fn accept(&mut self) -> Pending<'_, io::Result<(Stream, SocketAddr)>>;

    /// Where it listens: the port is known even if 0 was asked for.
    ///
    /// # Errors
    /// The system did not say.
    fn address(&self) -> io::Result<SocketAddr>;
}

/// A connection: bytes in order, both ways. Dropping both halves closes it.
pub struct Stream {
    /// From the peer. Reads are cancel-safe.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// To the peer.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
}
