//! Takes connections, and tells zebra's from others by the first bytes: a stray client must not end a session.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use hitless_adapters::fpm::FrameReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// Connections that have said nothing yet; the oldest of more is closed. Zebra with nothing to announce is one of them, and
/// connects again when it was closed.
const MAX_SILENT: usize = 8;
/// A head that was begun must be whole by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a head that has not come as a whole is looked at again.
const HEAD_PAUSE: Duration = Duration::from_millis(10);
/// Pause after the system refused to accept a connection, so that it is not asked in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a frame's head.
const HEAD: usize = 4;

/// What became of a connection.
pub(super) enum Connection {
    /// It began with a head that is right.
    Session(TcpStream, SocketAddr),
    /// It did not, and was closed.
    Refused(SocketAddr, String),
}

/// Accepts for ever.
pub(super) async fn accept(listener: TcpListener, found: mpsc::Sender<Connection>) {
    let mut silent: VecDeque<AbortHandle> = VecDeque::new();
    while !found.is_closed() {
        match listener.accept().await {
            Ok((stream, peer)) => {
                silent.retain(|task| !task.is_finished());
                if silent.len() >= MAX_SILENT
                    && let Some(oldest) = silent.pop_front()
                {
                    oldest.abort();
                }
                let found = found.clone();
                let judge = async move {
                    if let Some(connection) = judge(stream, peer).await {
                        // The source is gone: so is the connection.
                        let _ = found.send(connection).await;
                    }
                };
                silent.push_back(tokio::spawn(judge).abort_handle());
            }
            Err(error) => {
                tracing::warn!(%error, "an fpm connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits for its first bytes, which stay to be read. `None`: it was closed without any.
async fn judge(stream: TcpStream, peer: SocketAddr) -> Option<Connection> {
    let mut head = [0; HEAD];
    if stream.peek(&mut head).await.ok()? == 0 {
        return None;
    }
    let whole = async {
        loop {
            let have = stream.peek(&mut head).await.unwrap_or(0);
            let mut reader = FrameReader::default();
            reader.push(&head[..have]);
            match reader.next_frame() {
                Err(error) => return Err(error.to_string()),
                Ok(_) if have == HEAD => return Ok(()),
                Ok(_) => tokio::time::sleep(HEAD_PAUSE).await,
            }
        }
    };
    let judged = tokio::time::timeout(HEAD_TIMEOUT, whole).await;
    Some(match judged.unwrap_or_else(|_| Err("the head of its first frame did not come".to_owned())) {
        Ok(()) => Connection::Session(stream, peer),
        Err(why) => Connection::Refused(peer, why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn listening() -> (SocketAddr, mpsc::Receiver<Connection>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (found, connections) = mpsc::channel(8);
        tokio::spawn(accept(listener, found));
        (address, connections)
    }

    #[tokio::test]
    async fn a_stray_client_is_refused_and_a_silent_one_is_nobody() {
        let (address, mut connections) = listening().await;
        let _silent = TcpStream::connect(address).await.unwrap();
        let mut stray = TcpStream::connect(address).await.unwrap();
        stray.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let Some(Connection::Refused(_, why)) = connections.recv().await else { panic!("not refused") };
        assert!(why.contains("a frame of version 71"), "{why}");
        let mut zebra = TcpStream::connect(address).await.unwrap();
        zebra.write_all(&[1, 1]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        zebra.write_all(&[0, 4]).await.unwrap();
        let Some(Connection::Session(_, peer)) = connections.recv().await else { panic!("no session") };
        assert_eq!(peer, zebra.local_addr().unwrap());
    }

    #[tokio::test]
    async fn of_too_many_silent_ones_the_oldest_is_closed() {
        use tokio::io::AsyncReadExt;
        let (address, mut connections) = listening().await;
        let mut silent = Vec::new();
        for _ in 0..=MAX_SILENT {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        assert_eq!(silent[0].read(&mut [0; 1]).await.unwrap_or(0), 0, "closed");
        silent[MAX_SILENT].write_all(&[1, 1, 0, 4]).await.unwrap();
        assert!(matches!(connections.recv().await, Some(Connection::Session(..))));
    }
}
