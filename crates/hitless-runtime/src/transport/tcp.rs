//! Plain TCP.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use super::{Listener, Pending, Stream, Transport};

/// Plain TCP, for a chassis whose backplane is trusted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Transport for Tcp {
    fn connect<'a>(&'a self, address: &'a str) -> Pending<'a, io::Result<Stream>> {
        Box::pin(async move { stream(TcpStream::connect(address).await?) })
    }

    fn listen<'a>(&'a self, address: &'a str) -> Pending<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener: Box<dyn Listener> = Box::new(TcpListener::bind(address).await?);
            Ok(listener)
        })
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> Pending<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            let (socket, from) = TcpListener::accept(self).await?;
            Ok((stream(socket)?, from))
        })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

/// Batches are formed above: nothing may wait in the system for more to send.
fn stream(socket: TcpStream) -> io::Result<Stream> {
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.into_split();
    Ok(Stream { reader: Box::new(reader), writer: Box::new(writer) })
}
