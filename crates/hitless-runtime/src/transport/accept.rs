//! Takes connections, and finds out who they are. Silent ones and strangers cost little and keep nobody out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hitless_proto::message::Purpose;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::connection::Connection;
use super::handshake::{HandshakeError, Refusal, refuse};
use super::links::{Shared, count};
use super::pair::Pair;
use super::{LinkEnd, Listener, Stream};
use crate::limits::{ACCEPT_PAUSE, MAX_UNAUTHENTICATED};
use crate::observe;

/// Takes connections until it is dropped; with it all it took are closed.
pub(super) async fn accept_all(mut listener: Box<dyn Listener>, shared: Shared) {
    let mut served = JoinSet::new();
    let mut crowd = Crowd::default();
    loop {
        tokio::select! {
            taken = listener.accept() => match taken {
                Ok((stream, from)) => {
                    let known = Arc::new(AtomicBool::new(false));
                    let handle = served.spawn(serve(stream, from, shared.clone(), known.clone()));
                    if crowd.admit(known, handle) {
                        count(&shared.counters.crowded_out);
                        observe::crowded_out(shared.identity.own);
                    }
                }
                Err(error) => {
                    observe::accept_failed(shared.identity.own, &error);
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_ended) = served.join_next() => {}
        }
    }
}

/// Connections that have not said who they are yet, oldest first.
#[derive(Default)]
struct Crowd(VecDeque<(Arc<AtomicBool>, AbortHandle)>);

impl Crowd {
    /// Takes one in. True: the oldest had to go.
    fn admit(&mut self, known: Arc<AtomicBool>, handle: AbortHandle) -> bool {
        if self.0.len() >= MAX_UNAUTHENTICATED {
            self.0.retain(|(known, handle)| !known.load(Ordering::Acquire) && !handle.is_finished());
        }
        let full = self.0.len() >= MAX_UNAUTHENTICATED;
        if full && let Some((_, oldest)) = self.0.pop_front() {
            oldest.abort();
        }
        self.0.push_back((known, handle));
        full
    }
}

async fn serve(stream: Stream, from: SocketAddr, shared: Shared, known: Arc<AtomicBool>) {
    let served = match shared.identity.answer(stream).await {
        Ok(connection) => match connection.hello.purpose {
            Purpose::Liveness => park(connection, &shared, &known).await,
            Purpose::Protocol => link(connection, &shared, &known).await,
        },
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        match &error {
            HandshakeError::Refused(_) => count(&shared.counters.refused),
            HandshakeError::TimedOut | HandshakeError::Ended(_) | HandshakeError::RefusedByPeer(_) => {
                count(&shared.counters.strangers);
            }
        }
        shared.complaints.turned_away(shared.identity.own, from, &error);
    }
}

async fn park(mut connection: Connection, shared: &Shared, known: &AtomicBool) -> Result<(), HandshakeError> {
    shared.identity.welcome(&mut connection).await?;
    known.store(true, Ordering::Release);
    shared.peers.park(connection).await;
    Ok(())
}

async fn link(mut protocol: Connection, shared: &Shared, known: &AtomicBool) -> Result<(), HandshakeError> {
    let (peer, life) = (protocol.hello.party, protocol.hello.life);
    let Some(liveness) = shared.peers.unpark(peer, life).await else {
        return Err(refuse(protocol, Refusal::NoLiveness).await);
    };
    shared.identity.welcome(&mut protocol).await?;
    known.store(true, Ordering::Release);
    let Some(end) = serve_pair(Pair { peer, life, protocol, liveness }, shared).await else { return Ok(()) };
    shared.counters.ended(&end);
    Ok(())
}

/// Makes the pair the peer's link, and serves it until it ends. `None`: the driver is gone.
pub(super) async fn serve_pair(pair: Pair, shared: &Shared) -> Option<LinkEnd> {
    let running = shared.peers.install(pair, &shared.rules).await?;
    Some(running.run(&shared.rules.inbox).await)
}
