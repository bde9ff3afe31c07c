//! A netlink socket: opened, asked, read with a deadline. Only the kernel is listened to.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{RecvFlags, SendFlags, recvfrom, send, sockopt};
use socket2::{SockFilter, SockRef};

use super::codes::{RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE};
use crate::linux::limits::DATAGRAM;

/// A socket of the kernel's routing interface.
pub(in crate::linux) struct Socket {
    socket: netlink_sys::Socket,
    port: u32,
    number: u32,
    buffer: Vec<u8>,
}

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::linux) enum Received<'a> {
    /// A datagram.
    Datagram(&'a [u8]),
    /// Nothing came in time.
    Nothing,
    /// The kernel had more to say than fitted, and dropped it.
    Overrun,
}

impl Socket {
    /// Opens a socket for which the kernel may queue so many bytes.
    ///
    /// # Errors
    /// The system has no netlink, or no more descriptors.
    pub(in crate::linux) fn open(receive_buffer: usize) -> io::Result<Self> {
        let mut socket = netlink_sys::Socket::new(NETLINK_ROUTE)?;
        let port = socket.bind_auto()?.port_number();
        socket.connect(&SocketAddr::new(0, 0))?;
        // Older kernels lack some of these: then their words are missing, or dumps are longer.
        let _optional =
            [socket.set_ext_ack(true), socket.set_cap_ack(true), socket.set_netlink_get_strict_chk(true)];
        // Beyond the system's limit with CAP_NET_ADMIN only; what is granted otherwise must do.
        if sockopt::set_socket_recv_buffer_size_force(&socket, receive_buffer).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, receive_buffer)?;
        }
        Ok(Self { socket, port, number: 0, buffer: vec![0; DATAGRAM] })
    }

    /// Its port: what it sends leads to notifications that name it.
    pub(in crate::linux) fn port(&self) -> u32 {
        self.port
    }

    /// The first of so many numbers in a row for requests. Never 0, which notifications of the kernel itself carry.
    pub(in crate::linux) fn numbers(&mut self, count: usize) -> u32 {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let last = self.number.checked_add(count);
        let first = if last.is_some() { self.number + 1 } else { 1 };
        self.number = last.unwrap_or(count);
        first
    }

    /// Hears of changes of this kind.
    ///
    /// # Errors
    /// The kernel does not know the group.
    pub(in crate::linux) fn join(&mut self, group: u32) -> io::Result<()> {
        self.socket.add_membership(group)
    }

    /// Does not hear of changes to routes and next hops that this port makes.
    ///
    /// # Errors
    /// The kernel takes no filters.
    pub(in crate::linux) fn ignore_writes_of(&self, port: u32) -> io::Result<()> {
        SockRef::from(&self.socket).attach_filter(&echo_filter(port))
    }

    /// Sends messages in one go.
    ///
    /// # Errors
    /// None of them was taken.
    pub(in crate::linux) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        loop {
            match send(&self.socket, bytes, SendFlags::empty()) {
                Ok(sent) if sent == bytes.len() => return Ok(()),
                Ok(_) => return Err(io::Error::other("netlink took a part of a datagram")),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a datagram of the kernel; those of other processes are left out.
    ///
    /// # Errors
    /// The socket is of no use any more.
    pub(in crate::linux) fn receive(&mut self, patience: Duration) -> io::Result<Received<'_>> {
        let deadline = Instant::now() + patience;
        loop {
            let length =
                match recvfrom(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                    Ok((_, length, from)) => {
                        let from = from.and_then(|address| SocketAddrNetlink::try_from(address).ok());
                        if from.is_none_or(|from| from.pid() != 0) {
                            continue;
                        }
                        if length > self.buffer.len() {
                            return Err(io::Error::other(format!("a netlink datagram of {length} bytes")));
                        }
                        length
                    }
                    Err(Errno::INTR) => continue,
                    Err(Errno::NOBUFS) => return Ok(Received::Overrun),
                    Err(Errno::AGAIN) => {
                        let left = deadline.saturating_duration_since(Instant::now());
                        if left.is_zero() || !readable(&self.socket, left)? {
                            return Ok(Received::Nothing);
                        }
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
            return Ok(Received::Datagram(&self.buffer[..length]));
        }
    }

    /// Leaves hardly any room for what the kernel says.
    #[cfg(test)]
    pub(in crate::linux) fn starve(&self) {
        sockopt::set_socket_recv_buffer_size(&self.socket, 1).expect("the least there is");
    }

    /// Another handle of the socket, to wait with on another thread.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(in crate::linux) fn waiter(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }
}

/// Whether there is something to read within the time; an interrupted wait counts as none.
///
/// # Errors
/// The descriptor cannot be waited for.
pub(in crate::linux) fn readable(socket: impl AsFd, patience: Duration) -> io::Result<bool> {
    let mut waiting = [PollFd::new(&socket, PollFlags::IN)];
    let timeout = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut waiting, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// A program of the kernel's packet filter: nothing is kept of messages about routes and next hops from this port. Loads are in
/// network byte order, the header in that of the machine.
fn echo_filter(port: u32) -> Vec<SockFilter> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const TYPE_AT: u32 = 4;
    const PORT_AT: u32 = 12;
    let own = [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP];
    let mut program = vec![SockFilter::new(LOAD_HALF, 0, 0, TYPE_AT)];
    for (left, kind) in (0_u8..4).rev().zip(own) {
        // To the load of the port, behind the remaining comparisons and the return.
        program.push(SockFilter::new(JUMP_IF_EQUAL, left + 1, 0, u32::from(kind.to_be())));
    }
    program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    program.push(SockFilter::new(LOAD_WORD, 0, 0, PORT_AT));
    program.push(SockFilter::new(JUMP_IF_EQUAL, 0, 1, port.to_be()));
    program.push(SockFilter::new(RETURN, 0, 0, 0));
    program.push(SockFilter::new(RETURN, 0, 0, u32::MAX));
    program
}
