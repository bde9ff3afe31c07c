//! Stands between two parties so that a cable can be cut: nothing passes, nothing is closed, and what was under way
//! arrives when the cable is mended, as TCP does it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hitless_proto::ids::{Party, UnitId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

const BUFFER: usize = 64 * 1024;

/// All cables of a chassis.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    cables: BTreeMap<(Party, UnitId), Cable>,
    // Ends the proxies when dropped.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Proxies {
    /// Lays a cable for each pair.
    pub(super) async fn lay(
        pairs: &[(Party, UnitId)],
        targets: &BTreeMap<UnitId, SocketAddr>,
    ) -> std::io::Result<Self> {
        let mut proxies = Self::default();
        for (from, to) in pairs {
            let Some(target) = targets.get(to).copied() else { continue };
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let address = listener.local_addr()?;
            let (whole, state) = watch::channel(true);
            proxies._tasks.spawn(accept(listener, target, state));
            proxies.cables.insert((*from, *to), Cable { address, whole });
        }
        Ok(proxies)
    }

    /// Where each pair's dialer must dial.
    pub(super) fn addresses(&self) -> BTreeMap<(Party, UnitId), SocketAddr> {
        self.cables.iter().map(|(pair, cable)| (*pair, cable.address)).collect()
    }

    /// Cuts or mends all cables of a party.
    pub(super) fn set(&self, party: Party, whole: bool) {
        for ((from, to), cable) in &self.cables {
            if *from == party || Party::Unit(*to) == party {
                cable.whole.send_replace(whole);
            }
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, whole: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connect(stream, target, whole.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(near: TcpStream, target: SocketAddr, mut whole: watch::Receiver<bool>) {
    if !passable(&mut whole).await {
        return;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    // Without it the delay of small messages would be the proxy's. It only fails on a dead socket.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::join!(pump(near_read, far_write, whole.clone()), pump(far_read, near_write, whole));
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut whole: watch::Receiver<bool>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await;
        if !passable(&mut whole).await {
            return;
        }
        match read {
            Ok(count) if count > 0 => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
            // The end passes the cable too, as a byte does. Nobody is left to hear that it failed.
            Ok(_) | Err(_) => {
                let _ = to.shutdown().await;
                return;
            }
        }
    }
}

/// Waits until the cable is whole; `false`: the demo is over.
async fn passable(whole: &mut watch::Receiver<bool>) -> bool {
    whole.wait_for(|whole| *whole).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_cut_cable_passes_nothing_and_delivers_when_mended() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let targets = BTreeMap::from([(UnitId(1), server.local_addr().unwrap())]);
        let card = Party::Card(hitless_proto::ids::CardId(1));
        let proxies = Proxies::lay(&[(card, UnitId(1))], &targets).await.unwrap();
        let mut near = TcpStream::connect(proxies.addresses()[&(card, UnitId(1))]).await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        let mut byte = [0];
        near.write_all(b"a").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        proxies.set(card, false);
        near.write_all(b"b").await.unwrap();
        assert!(timeout(Duration::from_millis(100), far.read_exact(&mut byte)).await.is_err());
        proxies.set(card, true);
        timeout(Duration::from_secs(5), far.read_exact(&mut byte)).await.unwrap().unwrap();
        assert_eq!(&byte, b"b");
    }
}
