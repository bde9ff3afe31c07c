//! UDP probes: the source sends numbered packets to many destinations, through both cards; the sink, which is all of them,
//! notes which arrive. What that means is in `flow`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::{Domain, Protocol, Socket, Type};

use super::announced::Covering;
use super::namespaces::Namespaces;
use super::plan::{self, CARDS};
use crate::failure::{Exit, Failure};
use ipnet::IpNet;

/// Destinations at most: each is a stream through each card, and gets enough packets a second to see a gap.
const DESTINATIONS: usize = 400;
const PORT: u16 = 4900;
/// What marks a probe, before its number.
const MAGIC: u64 = 0x6869_746c_6573_7321;
/// Bytes of a probe, without the headers: marker and number, and some more.
const SIZE: usize = 64;
/// The source wakes up so often.
const PERIOD: Duration = Duration::from_millis(1);
/// A source that was held up catches up with at most so many periods at once: a burst would overrun queues that no router
/// of ours is in charge of.
const CATCH_UP: u64 = 8;
/// Bytes that may wait at the sink while it is not scheduled: a second of probes, with the kernel's overhead.
const BUFFER: usize = 64 << 20;
/// How often the sink looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);
/// Unit of all times: 10 microseconds, so that 32 bits last for 11 hours.
pub(super) const TICK_US: u64 = 10;
/// A packet that was not sent, or has not arrived.
pub(super) const NEVER: u32 = u32::MAX;

/// When packets were sent and arrived, by their number.
pub(super) struct Traffic {
    begun: Instant,
    destinations: Vec<IpAddr>,
    /// When each was sent, in ticks.
    sent: Mutex<Vec<u32>>,
    arrived: Mutex<Arrived>,
}

/// What the sink saw.
#[derive(Default)]
pub(super) struct Arrived {
    /// When each arrived first, in ticks.
    pub(super) at: Vec<u32>,
    /// Numbers of packets that came again.
    pub(super) again: Vec<u64>,
}

impl Traffic {
    fn new(destinations: Vec<IpAddr>) -> Self {
        Self { begun: Instant::now(), destinations, sent: Mutex::default(), arrived: Mutex::default() }
    }

    fn now(&self) -> u32 {
        u32::try_from(self.begun.elapsed().as_micros() as u64 / TICK_US).unwrap_or(NEVER - 1)
    }

    /// Streams: each destination, through each card.
    pub(super) fn streams(&self) -> u64 {
        (self.destinations.len() * CARDS.len()) as u64
    }

    /// The destination of a stream.
    pub(super) fn destination(&self, stream: u64) -> IpAddr {
        self.destinations[stream as usize / CARDS.len()]
    }

    /// Number of the next packet, and the time.
    pub(super) fn mark(&self) -> (u64, u32) {
        let sent = self.sent();
        (sent.len() as u64, self.now())
    }

    pub(super) fn sent(&self) -> MutexGuard<'_, Vec<u32>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running source and sink. Dropping it ends them.
pub(super) struct Probes {
    pub(super) traffic: Arc<Traffic>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<io::Result<()>>>>,
}

impl Probes {
    /// Starts to send `rate` packets a second to these destinations.
    pub(super) fn start(
        namespaces: &Namespaces,
        destinations: Vec<IpAddr>,
        rate: u64,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::new(Exit::Failed, format!("the probes: {error}"));
        let traffic = Arc::new(Traffic::new(destinations));
        let over = Arc::new(AtomicBool::new(false));
        let mut probes = Self { traffic, over, threads: Vec::new() };
        for v4 in [true, false] {
            let (traffic, over) = (Arc::clone(&probes.traffic), Arc::clone(&probes.over));
            let socket =
                namespaces.inside("sink", move || sink_socket(v4)).map_err(failed)?.map_err(failed)?;
            let work = move || receive(&socket, &traffic, &over);
            probes.threads.push(namespaces.spawn_inside("sink", work).map_err(failed)?);
        }
        let (traffic, over) = (Arc::clone(&probes.traffic), Arc::clone(&probes.over));
        let work = move || send(&traffic, rate, &over);
        probes.threads.push(namespaces.spawn_inside("source", work).map_err(failed)?);
        Ok(probes)
    }

    /// Fails where the source or the sink has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        let Some(index) = self.threads.iter().position(JoinHandle::is_finished) else { return Ok(()) };
        let ended = self.threads.swap_remove(index).join();
        let why = match ended {
            Ok(Ok(Ok(()))) => "without a word".to_owned(),
            Ok(Ok(Err(error)) | Err(error)) => error.to_string(),
            Err(_) => "by a panic".to_owned(),
        };
        Err(Failure::new(Exit::Failed, format!("the probes have ended: {why}")))
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // What it would say was asked for before, or nobody wants it.
            let _ = thread.join();
        }
    }
}

/// Addresses that exactly one of the prefixes covers, spread over the table, with the number of that prefix: a packet to one
/// of them has no other route.
pub(super) fn destinations(prefixes: &[IpNet]) -> Vec<(u32, IpAddr)> {
    let covering = Covering::of(prefixes);
    let step = (prefixes.len() / DESTINATIONS).max(1);
    let mut found = Vec::new();
    let mut next = 0;
    for (number, net) in prefixes.iter().enumerate() {
        let Some(address) = net.hosts().next().filter(|_| number >= next) else { continue };
        if covering.count(address) == 1 && found.len() < DESTINATIONS {
            found.push((number as u32, address));
            next += step;
        }
    }
    found
}

fn sink_socket(v4: bool) -> io::Result<UdpSocket> {
    let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if !v4 {
        socket.set_only_v6(true)?;
    }
    set_socket_recv_buffer_size_force(&socket, BUFFER)?;
    let any = if v4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    socket.bind(&SocketAddr::from((any, PORT)).into())?;
    socket.set_read_timeout(Some(LOOK))?;
    Ok(socket.into())
}

fn receive(socket: &UdpSocket, traffic: &Traffic, over: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; SIZE];
    while !over.load(Ordering::Relaxed) {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(number) = number_of(&buffer[..length]) else { continue };
        // It may come before the source has noted that it was sent.
        let Ok(index) = usize::try_from(number) else { continue };
        let mut arrived = traffic.arrived();
        if arrived.at.len() <= index {
            arrived.at.resize(index + 1, NEVER);
        }
        if arrived.at[index] == NEVER {
            arrived.at[index] = traffic.now();
        } else {
            arrived.again.push(number);
        }
    }
    Ok(())
}

fn number_of(packet: &[u8]) -> Option<u64> {
    let (magic, rest) = packet.split_first_chunk::<8>()?;
    let number = rest.first_chunk::<8>()?;
    (u64::from_be_bytes(*magic) == MAGIC).then(|| u64::from_be_bytes(*number))
}

/// A socket whose packets go through one card.
fn source_socket(card: usize, v4: bool) -> io::Result<UdpSocket> {
    let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind_device(Some(plan::source_link(CARDS[card]).as_bytes()))?;
    Ok(socket.into())
}

fn send(traffic: &Traffic, rate: u64, over: &AtomicBool) -> io::Result<()> {
    let mut sockets = Vec::new();
    for card in 0..CARDS.len() {
        sockets.push([source_socket(card, true)?, source_socket(card, false)?]);
    }
    let streams = traffic.streams();
    let most = (rate * CATCH_UP / 1_000).max(1);
    let begun = Instant::now();
    let (mut number, mut skipped) = (0_u64, 0_u64);
    let mut packet = [0; SIZE];
    packet[..8].copy_from_slice(&MAGIC.to_be_bytes());
    while !over.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        let late = due.saturating_sub(number + skipped);
        skipped += late.saturating_sub(most);
        for _ in 0..late.min(most) {
            let stream = number % streams;
            let to = traffic.destination(stream);
            let socket = &sockets[stream as usize % CARDS.len()][usize::from(to.is_ipv6())];
            packet[8..16].copy_from_slice(&number.to_be_bytes());
            let at = traffic.now();
            let gone = socket.send_to(&packet, (to, PORT));
            traffic.sent().push(if gone.is_ok() { at } else { NEVER });
            number += 1;
        }
        std::thread::sleep(PERIOD);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_have_one_route_each() {
        let nets = ["11.0.0.0/8", "11.1.0.0/16", "11.0.0.0/24", "12.0.0.0/16", "2001:db8::/48"];
        let nets: Vec<IpNet> = nets.iter().map(|text| text.parse().unwrap()).collect();
        let found: Vec<u32> = destinations(&nets).into_iter().map(|(number, _)| number).collect();
        assert_eq!(found, [3, 4], "11.0.0.1 and 11.1.0.1 have two routes");
    }

    #[test]
    fn what_is_no_probe_has_no_number() {
        assert_eq!(number_of(b"short"), None);
        assert_eq!(number_of(&[0; SIZE]), None);
        let mut packet = MAGIC.to_be_bytes().to_vec();
        packet.extend(7_u64.to_be_bytes());
        assert_eq!(number_of(&packet), Some(7));
    }
}
