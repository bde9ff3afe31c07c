//! A way between two parties that counts the bytes it carries, and can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that are carried at once.
const BUFFER: usize = 64 * 1024;

/// A running proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    open: watch::Sender<bool>,
    /// Towards who was dialled, and back.
    bytes: Arc<[AtomicU64; 2]>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (open, opened) = watch::channel(true);
        let bytes: Arc<[AtomicU64; 2]> = Arc::default();
        let counts = Arc::clone(&bytes);
        let task = tokio::spawn(async move {
            // Who cannot be accepted or reached will dial again.
            while let Ok((from, _)) = listener.accept().await {
                let (mut opened, counts) = (opened.clone(), Arc::clone(&counts));
                if !*opened.borrow_and_update() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(to) = TcpStream::connect(to).await else { return };
                    tokio::select! {
                        () = carry(from, to, &counts) => {}
                        _ = opened.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Ok(Self { address, open, bytes, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections and refuses new ones; or takes them again.
    pub(crate) fn set(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Bytes so far, both ways.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.open.send_replace(false);
        self.task.abort();
    }
}

async fn carry(from: TcpStream, to: TcpStream, counts: &[AtomicU64; 2]) {
    // Only fails on a socket that is dead already.
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    tokio::select! {
        () = one_way(from_read, to_write, &counts[0]) => {}
        () = one_way(to_read, from_write, &counts[1]) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: &AtomicU64) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
