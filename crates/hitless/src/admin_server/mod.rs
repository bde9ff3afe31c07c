//! The admin API's server: one task per connection, over the driver of a control unit or a card.

mod card;
mod connection;
mod convert;
mod notices;
mod unit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hitless_admin::{Answer, AnswerLine, Code, ErrorBody, PartyIs};
use hitless_proto::ids::Party;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use card::CardBackend;
pub use unit::UnitBackend;

use crate::failure::{Exit, Failure};

/// Connections at a time: sources, operators, monitors. Each may hold a line of 8 MiB.
const MAX_CONNECTIONS: usize = 128;

/// The party behind the server.
pub enum Backend {
    /// A control unit.
    Unit(UnitBackend),
    /// A card.
    Card(CardBackend),
}

/// Who the party is, as it answers to `hello`.
#[must_use]
pub fn introduce(chassis: &str, party: Party) -> PartyIs {
    PartyIs {
        chassis: chassis.to_owned(),
        party: party.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    }
}

/// Takes the address.
///
/// # Errors
/// It is in use, or not of this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let exit = Exit::Failed;
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process has it: is this party running already? Or change `admin`"
            }
            _ => "`admin` must be an address of this machine",
        };
        Failure::new(exit, format!("the admin API cannot listen on {address}: {error}")).hint(hint)
    })
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, party: PartyIs, backend: Backend) {
    let (party, backend) = (Arc::new(party), Arc::new(backend));
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => match Arc::clone(&free).try_acquire_owned() {
                    Ok(permit) => {
                        let (party, backend) = (Arc::clone(&party), Arc::clone(&backend));
                        connections.spawn(async move {
                            connection::run(stream, &party, &backend).await;
                            drop(permit);
                        });
                    }
                    Err(_) => turn_away(stream).await,
                },
                // No descriptors left: some connection will end.
                Err(error) => {
                    tracing::warn!(%error, "an admin connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn turn_away(mut stream: TcpStream) {
    let message = format!("{MAX_CONNECTIONS} admin connections are open");
    let error = ErrorBody::new(Code::Unavailable, message).hint("close some, then try again");
    if let Ok(mut line) = serde_json::to_vec(&AnswerLine::error(0, error)) {
        line.push(b'\n');
        // Whether it hears why is its own affair.
        let _ = stream.write_all(&line).await;
    }
}

/// The refusal of what only the other kind of party does.
fn wrong_party(what: &str, who: &str) -> ErrorBody {
    ErrorBody::new(Code::WrongParty, format!("{what} is for {who}"))
        .hint("ask another party: `hitless status` lists them")
}

/// The refusal when the driver has stopped.
fn stopped() -> ErrorBody {
    ErrorBody::new(Code::Unavailable, "this party is stopping")
}

type Answered = Result<Answer, ErrorBody>;
