//! A peer by hand: what it sends, and when, is up to the test.
#![allow(missing_docs, unreachable_pub, dead_code)] // Shared by tests, none of which needs all of it.

use std::net::SocketAddr;
use std::time::Duration;

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Life, Party, UnitId};
use hitless_proto::message::{Hello, Purpose};
use hitless_proto::wire::{FrameReader, Wire, decode_wire, encode_wire_frame};
use hitless_runtime::transport::{Delivery, Inbox, LinkConfig, LinkEvent, Links, Liveness, Tcp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

pub const LIMIT: Duration = Duration::from_secs(20);

pub fn unit(id: u8) -> Party {
    Party::Unit(UnitId(id))
}

pub fn card(id: u16) -> Party {
    Party::Card(CardId(id))
}

pub fn chassis() -> Chassis {
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

/// Heartbeats that a busy machine does not miss.
pub fn patient() -> Liveness {
    Liveness { interval: Duration::from_millis(100), missed: 50 }
}

pub fn config(own: Party, listen: Option<&str>, units: Vec<(UnitId, String)>) -> LinkConfig {
    LinkConfig {
        chassis: chassis(),
        own,
        life: Life(7),
        listen: listen.map(str::to_owned),
        units,
        liveness: patient(),
        processes: 1,
    }
}

pub async fn start(config: LinkConfig) -> (Links, Receiver<Delivery>) {
    let (inbox, deliveries) = Inbox::new();
    let links = Links::start(config, std::sync::Arc::new(Tcp), inbox).await.expect("it can start");
    (links, deliveries)
}

/// Unit 1, which dials nobody.
pub async fn listening_unit() -> (Links, Receiver<Delivery>, SocketAddr) {
    let (links, deliveries) = start(config(unit(1), Some("127.0.0.1:0"), vec![])).await;
    let address = links.address().expect("it listens");
    (links, deliveries, address)
}

pub async fn next(deliveries: &mut Receiver<Delivery>) -> LinkEvent {
    timeout(LIMIT, deliveries.recv()).await.expect("an event in time").expect("links run").event
}

pub fn hello(party: Party, life: u64, purpose: Purpose) -> Hello {
    Hello { chassis: "box".to_owned(), party, life: Life(life), purpose }
}

pub struct RawPeer {
    pub stream: TcpStream,
    reader: FrameReader,
}

impl RawPeer {
    pub async fn dial(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("it listens"))
    }

    pub fn over(stream: TcpStream) -> Self {
        let mut reader = FrameReader::new();
        reader.greeted();
        Self { stream, reader }
    }

    pub async fn say(&mut self, wire: &Wire) {
        let mut bytes = Vec::new();
        encode_wire_frame(wire, &mut bytes).expect("it fits");
        self.stream.write_all(&bytes).await.expect("the other end reads");
    }

    /// The next frame; `None` when the connection is closed.
    pub async fn hear(&mut self) -> Option<Wire> {
        let hear = async {
            let mut buffer = [0; 4096];
            loop {
                if let Some(body) = self.reader.next_body().expect("whole frames") {
                    return Some(decode_wire(body).expect("known frames"));
                }
                match self.stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(count) => self.reader.push(&buffer[..count]),
                }
            }
        };
        timeout(LIMIT, hear).await.expect("the other end speaks or closes")
    }

    /// Until the connection is closed; the reason of a goodbye, if there was one.
    pub async fn hear_the_end(&mut self) -> Option<String> {
        let mut reason = None;
        while let Some(wire) = self.hear().await {
            if let Wire::Goodbye { reason: text } = wire {
                reason = Some(text);
            }
        }
        reason
    }

    pub async fn greet(address: SocketAddr, hello: Hello) -> Self {
        let mut peer = Self::dial(address).await;
        peer.say(&Wire::Hello(hello)).await;
        peer
    }

    /// Both connections of a link, let in by the other end: for the protocol, and for heartbeats.
    pub async fn link(address: SocketAddr, party: Party, life: u64) -> (Self, Self) {
        let mut liveness = Self::greet(address, hello(party, life, Purpose::Liveness)).await;
        assert!(matches!(liveness.hear().await, Some(Wire::Hello(_))));
        let mut protocol = Self::greet(address, hello(party, life, Purpose::Protocol)).await;
        assert!(matches!(protocol.hear().await, Some(Wire::Hello(_))));
        (protocol, liveness)
    }
}
