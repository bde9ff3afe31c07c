//! The transport of one party: strangers and peers on its connections, from the first byte to the end of the link.
//!
//! The first byte chooses whether a unit is called or a card calls. Then come connections: how each begins and ends, and
//! what comes over it. Time is virtual, so that nothing is waited for.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Life, Party, UnitId};
use hitless_proto::message::{Hello, Purpose};
use hitless_proto::wire::{Wire, encode_wire_frame};
use hitless_runtime::transport::{
    Delivery, Inbox, LinkConfig, LinkEvent, Links, Listener, Liveness, Pending, Stream, Transport,
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc::Receiver;

use crate::budget::Budget;
use crate::choices::Choices;
use crate::targets::frames::mend_checksums;
use crate::targets::messages;

/// Connections of one input, each with at most 255 bytes of its own.
const MOST_CONNECTIONS: usize = 6;
/// A connection has a buffer of 64 KiB, an inbox room for 4096 deliveries (1 MB); messages unfold as `messages` says.
const BUDGET: Budget = Budget { base: 3 * 1024 * 1024, per_byte: messages::BUDGET.per_byte };
/// How long the party runs: past the time that a handshake, a frame and a silent peer are given.
const RUN: Duration = Duration::from_secs(45);

/// Runs a party with the connections that the input describes.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let mut choices = Choices::new(input);
        let own = if choices.byte() & 1 == 0 { Party::Unit(UnitId(1)) } else { Party::Card(CardId(1)) };
        let mut connections = VecDeque::new();
        while !choices.is_empty() && connections.len() < MOST_CONNECTIONS {
            connections.push_back(connection(&mut choices));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without threads can be made").block_on(live(own, connections));
    });
}

fn connection(choices: &mut Choices<'_>) -> Bytes {
    let flags = choices.byte();
    let mut bytes = Vec::new();
    if flags & 1 != 0 {
        bytes = hello(choices.byte());
    }
    let begin = bytes.len();
    bytes.extend_from_slice(choices.some(255));
    if flags & 2 == 0 {
        mend_checksums(&mut bytes[begin..]);
    }
    Bytes { bytes, at: 0, piece: 1 + usize::from(flags >> 4) * 17, closes: flags & 4 != 0 }
}

/// A hello that may be let in: who, and what for.
fn hello(who: u8) -> Vec<u8> {
    let party = match who & 3 {
        0 => Party::Unit(UnitId(2)),
        1 => Party::Card(CardId(1)),
        2 => Party::Card(CardId(2)),
        _ => Party::Unit(UnitId(1)),
    };
    let purpose = if who & 4 == 0 { Purpose::Liveness } else { Purpose::Protocol };
    let hello = Hello { chassis: "box".to_owned(), party, life: Life((who >> 3 & 1).into()), purpose };
    let mut bytes = Vec::new();
    encode_wire_frame(&Wire::Hello(hello), &mut bytes).expect("a hello fits a frame");
    bytes
}

async fn live(own: Party, connections: VecDeque<Bytes>) {
    let (inbox, deliveries) = Inbox::new();
    let transport = Arc::new(Memory(Arc::new(Mutex::new(connections))));
    let listens = matches!(own, Party::Unit(_));
    let config = LinkConfig {
        chassis: chassis(),
        own,
        life: Life(7),
        listen: listens.then(|| "here".to_owned()),
        units: vec![(UnitId(1), "one".to_owned()), (UnitId(2), "two".to_owned())],
        // So slow that most inputs see few of them.
        liveness: Liveness { interval: Duration::from_secs(10), missed: 2 },
        processes: 2,
    };
    let links = Links::start(config, transport, inbox).await.expect("memory can be listened on");
    let told = tokio::spawn(hear(own, deliveries));
    tokio::time::sleep(RUN).await;
    let counts = links.counter().read();
    assert_eq!((counts.crowded_out, counts.overflowed), (0, 0));
    links.shutdown().await;
    let told = told.await.expect("what is told is in order");
    assert!(told.is_empty(), "nobody was told that the links with {told:?} ended");
}

fn chassis() -> Chassis {
    Chassis {
        name: "box".to_owned(),
        digest_key: 1,
        units: vec![UnitId(1), UnitId(2)],
        cards: vec![CardId(1), CardId(2)],
        arbiter: ArbiterKind::External,
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    }
}

/// What the driver is told: a link with a peer begins, carries messages, and ends, in this order. Gives those that did not
/// end.
async fn hear(own: Party, mut deliveries: Receiver<Delivery>) -> BTreeSet<Party> {
    let mut linked = BTreeSet::new();
    while let Some(delivery) = deliveries.recv().await {
        match delivery.event {
            LinkEvent::Connected { peer, .. } => {
                assert_ne!(peer, own);
                assert!(linked.insert(peer), "{peer} is connected twice");
            }
            LinkEvent::Disconnected { peer, .. } => assert!(linked.remove(&peer), "{peer} was not connected"),
            LinkEvent::Message { from, .. } => assert!(linked.contains(&from), "{from} is not connected"),
        }
    }
    linked
}

/// Connections that are taken or dialled, one after the other.
struct Memory(Arc<Mutex<VecDeque<Bytes>>>);

impl Memory {
    fn next(&self) -> Option<Stream> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        Some(Stream { reader: Box::new(bytes), writer: Box::new(tokio::io::sink()) })
    }
}

impl Transport for Memory {
    fn connect<'a>(&'a self, _address: &'a str) -> Pending<'a, io::Result<Stream>> {
        Box::pin(async { self.next().ok_or_else(|| io::ErrorKind::ConnectionRefused.into()) })
    }

    fn listen<'a>(&'a self, _address: &'a str) -> Pending<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Ok(Box::new(Self(self.0.clone())) as Box<dyn Listener>) })
    }
}

impl Listener for Memory {
    fn accept(&mut self) -> Pending<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async {
            match self.next() {
                Some(stream) => Ok((stream, SocketAddr::from(([127, 0, 0, 1], 4700)))),
                None => std::future::pending().await,
            }
        })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 4700)))
    }
}

/// What comes over one connection, in pieces; then it is closed, or silent for ever.
struct Bytes {
    bytes: Vec<u8>,
    at: usize,
    piece: usize,
    closes: bool,
}

impl AsyncRead for Bytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.bytes[self.at..];
        if left.is_empty() && !self.closes {
            return Poll::Pending;
        }
        let taken = left.len().min(self.piece).min(buffer.remaining());
        buffer.put_slice(&left[..taken]);
        self.at += taken;
        Poll::Ready(Ok(()))
    }
}
