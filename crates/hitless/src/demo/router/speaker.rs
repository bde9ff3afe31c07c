//! The BGP speaker: a session with each unit's bgpd, which is told the table, its end, the sentinel, and then all changes.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hitless_proto::ids::{Party, UnitId};
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::JoinSet;

use super::announced::Announced;
use super::bgp::{self, HEADER, MAX_MESSAGE};
use super::plan;

/// Prefixes that are looked at together, so that those with the same next hop share messages.
const TOGETHER: usize = 16_384;
/// Pause before a session is tried again.
const AGAIN: Duration = Duration::from_millis(200);
/// Between two signs of life, a fraction of the hold time.
const ALIVE: Duration = Duration::from_secs(bgp::HOLD as u64 / 6);
/// A place in the log that no session has reached: it has not been told the table yet.
const NOWHERE: u64 = u64::MAX;

/// The sessions. Dropping it ends them.
pub(super) struct Speaker {
    /// How far in the log each session is.
    places: BTreeMap<UnitId, Arc<AtomicU64>>,
    _tasks: JoinSet<()>,
}

impl Speaker {
    /// Starts a session with each unit, and again whenever it ends.
    pub(super) fn start(announced: &Arc<Announced>) -> Self {
        let mut tasks = JoinSet::new();
        let places = plan::UNITS.into_iter().map(|unit| {
            let place = Arc::new(AtomicU64::new(NOWHERE));
            tasks.spawn(keep_up(unit, Arc::clone(announced), Arc::clone(&place)));
            (unit, place)
        });
        Self { places: places.collect(), _tasks: tasks }
    }

    /// All sessions have been told all changes up to this place of the log.
    pub(super) fn told(&self, place: usize) -> bool {
        self.places.values().all(|told| {
            let told = told.load(Ordering::Relaxed);
            told != NOWHERE && told >= place as u64
        })
    }
}

async fn keep_up(unit: UnitId, announced: Arc<Announced>, place: Arc<AtomicU64>) {
    loop {
        if let Err(error) = session(unit, &announced, &place).await {
            tracing::debug!(%unit, %error, "the BGP session has ended");
        }
        place.store(NOWHERE, Ordering::Relaxed);
        tokio::time::sleep(AGAIN).await;
    }
}

async fn session(unit: UnitId, announced: &Announced, place: &AtomicU64) -> io::Result<()> {
    let stream = TcpStream::connect(plan::bgp(unit)).await?;
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let mut out = Vec::new();
    let id: Ipv4Addr = plan::hub_on(Party::Unit(unit));
    bgp::open(id, &mut out).map_err(io::Error::other)?;
    write.write_all(&out).await?;
    expect(&mut read, bgp::OPEN).await?;
    out.clear();
    bgp::keepalive(&mut out).map_err(io::Error::other)?;
    write.write_all(&out).await?;
    expect(&mut read, bgp::KEEPALIVE).await?;
    let tell = async {
        let mut changes = announced.watch();
        let mut at = announced.changes();
        let mut from = 0;
        while from < announced.len() {
            let rows = announced.slice(from, TOGETHER);
            from += rows.len();
            // What is withdrawn was never announced here.
            write.write_all(&encode(rows.into_iter().filter(|(_, hop)| hop.is_some()))?).await?;
        }
        write.write_all(&the_end()?).await?;
        loop {
            place.store(at as u64, Ordering::Relaxed);
            let (rows, next) = announced.since(at, TOGETHER);
            if rows.is_empty() {
                match tokio::time::timeout(ALIVE, changes.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Ok(()),
                    Err(_) => write.write_all(&out).await?,
                }
                continue;
            }
            write.write_all(&encode(rows.into_iter())?).await?;
            at = next;
        }
    };
    let listen = async {
        loop {
            receive(&mut read).await?;
        }
    };
    tokio::select! {
        told = tell => told,
        heard = listen => heard,
    }
}

/// Updates for these prefixes, those with the same next hop together.
fn encode(rows: impl Iterator<Item = (IpNet, Option<u8>)>) -> io::Result<Vec<u8>> {
    let mut kinds: BTreeMap<(bool, Option<u8>), Vec<IpNet>> = BTreeMap::new();
    for (net, hop) in rows {
        kinds.entry((net.addr().is_ipv4(), hop)).or_default().push(net);
    }
    let mut out = Vec::new();
    for ((v4, hop), prefixes) in kinds {
        match hop {
            Some(hop) => bgp::announce(plan::bgp_next_hop(v4, hop), &prefixes, &mut out),
            None => bgp::withdraw(v4, &prefixes, &mut out),
        }
        .map_err(io::Error::other)?;
    }
    Ok(out)
}

/// The end of both families, and the sentinel.
fn the_end() -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let sentinel: IpNet = plan::SENTINEL.parse().map_err(io::Error::other)?;
    bgp::withdraw(true, &[], &mut out)
        .and_then(|()| bgp::withdraw(false, &[], &mut out))
        .and_then(|()| bgp::announce(plan::bgp_next_hop(false, *plan::HOPS.start()), &[sentinel], &mut out))
        .map_err(io::Error::other)?;
    Ok(out)
}

async fn expect(read: &mut OwnedReadHalf, wanted: u8) -> io::Result<()> {
    let kind = receive(read).await?;
    if kind == wanted {
        Ok(())
    } else {
        Err(io::Error::other(format!("a message of type {kind} instead of {wanted}")))
    }
}

/// The type of the next message; that it is a notification is an error.
async fn receive(read: &mut OwnedReadHalf) -> io::Result<u8> {
    let mut header = [0; HEADER];
    read.read_exact(&mut header).await?;
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if !(HEADER..=MAX_MESSAGE).contains(&length) {
        return Err(io::Error::other(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length - HEADER];
    read.read_exact(&mut body).await?;
    if header[18] == bgp::NOTIFICATION {
        return Err(io::Error::other(format!("bgpd ends the session: {:?}", &body[..body.len().min(2)])));
    }
    Ok(header[18])
}
