//! Dials one unit, for ever.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hitless_proto::ids::{Party, UnitId};
use hitless_proto::message::Purpose;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout};

use super::Transport;
use super::accept::serve_pair;
use super::connection::Connection;
use super::handshake::{HandshakeError, Refusal, refuse};
use super::links::Shared;
use super::pair::Pair;
use crate::limits::{CONNECT_TIMEOUT, REDIAL_MAX, REDIAL_MIN};
use crate::observe;

/// Why a unit could not be linked.
#[derive(Debug, Error)]
pub(super) enum DialError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("cannot connect within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    #[error("{0}")]
    Handshake(HandshakeError),
}

/// Pauses that double, so that a unit that is away is neither hammered nor found late.
struct Backoff(Duration);

impl Backoff {
    async fn pause(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(REDIAL_MAX);
    }
}

/// Keeps a link with `unit` until it is dropped.
pub(super) async fn dial_for_ever(
    unit: UnitId,
    address: String,
    transport: Arc<dyn Transport>,
    shared: Shared,
) {
    let mut backoff = Backoff(REDIAL_MIN);
    let mut last_error = String::new();
    loop {
        match dial(unit, &address, transport.as_ref(), &shared).await {
            Ok(pair) => {
                last_error.clear();
                let since = Instant::now();
                let Some(end) = serve_pair(pair, &shared).await else { return };
                shared.counters.ended(&end);
                // A link that dies young says that something is wrong: do not hurry.
                if since.elapsed() > REDIAL_MAX {
                    backoff = Backoff(REDIAL_MIN);
                }
            }
            Err(error) => {
                let error = error.to_string();
                if error != last_error {
                    observe::not_reached(shared.identity.own, unit, &address, &error);
                    last_error = error;
                }
            }
        }
        backoff.pause().await;
    }
}

async fn dial(
    unit: UnitId,
    address: &str,
    transport: &dyn Transport,
    shared: &Shared,
) -> Result<Pair, DialError> {
    let peer = Party::Unit(unit);
    let liveness = call(peer, address, Purpose::Liveness, transport, shared).await?;
    let protocol = call(peer, address, Purpose::Protocol, transport, shared).await?;
    let life = protocol.hello.life;
    if liveness.hello.life != life {
        return Err(DialError::Handshake(refuse(protocol, Refusal::Restarted).await));
    }
    Ok(Pair { peer, life, protocol, liveness })
}

async fn call(
    peer: Party,
    address: &str,
    purpose: Purpose,
    transport: &dyn Transport,
    shared: &Shared,
) -> Result<Connection, DialError> {
    let connecting = timeout(CONNECT_TIMEOUT, transport.connect(address)).await;
    let stream = connecting.map_err(|_elapsed| DialError::TimedOut)?.map_err(DialError::Connect)?;
    shared.identity.call(stream, peer, purpose).await.map_err(DialError::Handshake)
}
