//! Links over loopback: order, death, heartbeats, replacement, redial, peers that do not drain.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // How a test fails.

mod raw_peer;

use std::time::{Duration, Instant};

use hitless_proto::entry::{Blob, CardContent, CardOp, Cookie};
use hitless_proto::ids::{Epoch, Life, ProcessId, Seq, UnitId, Version};
use hitless_proto::message::{CardOps, FromCard, Message, Refused, ToCard};
use hitless_proto::wire::{Wire, encode_wire_frame};
use hitless_runtime::transport::{Delivery, Link, LinkEnd, LinkEvent, Liveness};
use raw_peer::{RawPeer, card, config, listening_unit, next, start, unit};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

fn numbered(number: u32) -> Message {
    Message::FromCard(FromCard::Refused(Refused { promised: Epoch(number), owner: UnitId(1) }))
}

fn bulky(seq: u64) -> Message {
    let content = Some(CardContent { part: Blob::new(&[seq as u8; 60_000]), for_all: true });
    let op = CardOp { version: Version::new(1, seq), key: "k".into(), content, cookie: Cookie::Key };
    let ops = CardOps {
        epoch: Epoch(1),
        process: ProcessId(1),
        session: 1,
        stable: Seq(0),
        prev: Seq(seq - 1),
        ops: vec![op],
    };
    Message::ToCard(ToCard::Ops(ops))
}

async fn connected(deliveries: &mut Receiver<Delivery>) -> (Life, Link) {
    match next(deliveries).await {
        LinkEvent::Connected { life, link, .. } => (life, link),
        other => panic!("not connected: {other:?}"),
    }
}

async fn end(deliveries: &mut Receiver<Delivery>) -> LinkEnd {
    match next(deliveries).await {
        LinkEvent::Disconnected { end, .. } => end,
        other => panic!("not disconnected: {other:?}"),
    }
}

/// Keeps a peer's heartbeats going.
fn beat(mut liveness: RawPeer) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        encode_wire_frame(&Wire::Heartbeat { counter: 1 }, &mut bytes).unwrap();
        while liveness.stream.write_all(&bytes).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
}

#[tokio::test]
async fn messages_arrive_in_order_both_ways() {
    let (_unit, mut at_unit, address) = listening_unit().await;
    let addresses = vec![(UnitId(1), address.to_string()), (UnitId(2), "127.0.0.1:1".to_owned())];
    let (_card, mut at_card) = start(config(card(1), None, addresses)).await;
    let (_, to_card) = connected(&mut at_unit).await;
    let (_, to_unit) = connected(&mut at_card).await;
    for number in 0..10_000 {
        to_card.send(numbered(number));
        to_unit.send(numbered(number));
    }
    for deliveries in [&mut at_unit, &mut at_card] {
        for number in 0..10_000 {
            match next(deliveries).await {
                LinkEvent::Message { message, .. } => assert_eq!(message, numbered(number)),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_peer_that_closes_is_told_once_and_dialled_again() {
    let (first, mut at_unit, address) = listening_unit().await;
    let addresses = vec![(UnitId(1), address.to_string()), (UnitId(2), "127.0.0.1:1".to_owned())];
    let (_card, mut at_card) = start(config(card(1), None, addresses)).await;
    connected(&mut at_unit).await;
    connected(&mut at_card).await;

    let died = Instant::now();
    drop(first);
    assert!(matches!(end(&mut at_card).await, LinkEnd::Closed | LinkEnd::Torn));
    assert!(died.elapsed() < Duration::from_secs(1), "death is seen at once, not by heartbeats");

    let second = config(unit(1), Some(&address.to_string()), vec![]);
    let (_second, mut at_second) = start(second).await;
    connected(&mut at_second).await;
    connected(&mut at_card).await;
}

#[tokio::test]
async fn a_shutdown_tells_why() {
    let (first, mut at_unit, address) = listening_unit().await;
    let addresses = vec![(UnitId(1), address.to_string()), (UnitId(2), "127.0.0.1:1".to_owned())];
    let (_card, mut at_card) = start(config(card(1), None, addresses)).await;
    connected(&mut at_unit).await;
    connected(&mut at_card).await;
    first.shutdown().await;
    match end(&mut at_card).await {
        LinkEnd::Goodbye(reason) => assert!(reason.contains("stopping"), "{reason}"),
        // The connection for heartbeats may be seen to close first.
        other => assert_eq!(other, LinkEnd::Closed),
    }
}

#[tokio::test]
async fn a_peer_that_closes_in_the_middle_of_a_frame_is_named() {
    let (_links, mut deliveries, address) = listening_unit().await;
    let (mut protocol, liveness) = RawPeer::link(address, card(1), 5).await;
    let _beating = beat(liveness);
    connected(&mut deliveries).await;
    let mut bytes = Vec::new();
    encode_wire_frame(&Wire::Message(numbered(1)), &mut bytes).unwrap();
    encode_wire_frame(&Wire::Message(numbered(2)), &mut bytes).unwrap();
    protocol.stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    assert!(
        matches!(next(&mut deliveries).await, LinkEvent::Message { message, .. } if message == numbered(1))
    );
    drop(protocol);
    assert_eq!(end(&mut deliveries).await, LinkEnd::Torn);
}

#[tokio::test]
async fn a_damaged_frame_closes_its_link_only() {
    let (links, mut deliveries, address) = listening_unit().await;
    let (_healthy, healthy_liveness) = RawPeer::link(address, card(2), 5).await;
    let _beating = beat(healthy_liveness);
    connected(&mut deliveries).await;

    let (mut protocol, liveness) = RawPeer::link(address, card(1), 5).await;
    let _also_beating = beat(liveness);
    connected(&mut deliveries).await;
    let mut bytes = Vec::new();
    encode_wire_frame(&Wire::Message(numbered(1)), &mut bytes).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    protocol.stream.write_all(&bytes).await.unwrap();
    match next(&mut deliveries).await {
        LinkEvent::Disconnected { peer, end: LinkEnd::Garbage(why) } => {
            assert_eq!(peer, card(1));
            assert!(why.contains("checksum"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let reason = protocol.hear_the_end().await.expect("a goodbye with a reason");
    assert!(reason.contains("checksum"), "{reason}");
    sleep(Duration::from_millis(300)).await;
    assert!(deliveries.try_recv().is_err(), "the other link goes on");
    assert_eq!(links.counter().read().misbehaved, 1);
}

#[tokio::test]
async fn a_peer_that_stops_answering_is_given_up() {
    let quick = Liveness { interval: Duration::from_millis(20), missed: 10 };
    let listening = config(unit(1), Some("127.0.0.1:0"), vec![]);
    let (links, mut deliveries) =
        start(hitless_runtime::transport::LinkConfig { liveness: quick, ..listening }).await;
    let (mut protocol, mut liveness) = RawPeer::link(links.address().unwrap(), card(1), 5).await;
    connected(&mut deliveries).await;
    liveness.say(&Wire::Heartbeat { counter: 1 }).await;
    let silent_since = Instant::now();
    assert_eq!(end(&mut deliveries).await, LinkEnd::Missed(200));
    let waited = silent_since.elapsed();
    assert!(waited > Duration::from_millis(150) && waited < Duration::from_secs(2), "{waited:?}");
    // Both connections are closed.
    protocol.hear_the_end().await;
    liveness.hear_the_end().await;
    assert_eq!(links.counter().read().missed, 1);
}

#[tokio::test]
async fn closing_the_connection_for_heartbeats_closes_the_link() {
    let (_links, mut deliveries, address) = listening_unit().await;
    let (mut protocol, liveness) = RawPeer::link(address, card(1), 5).await;
    connected(&mut deliveries).await;
    drop(liveness);
    assert_eq!(end(&mut deliveries).await, LinkEnd::Closed);
    protocol.hear_the_end().await;
}

#[tokio::test]
async fn of_two_sessions_of_one_peer_the_newest_wins() {
    let (_links, mut deliveries, address) = listening_unit().await;
    let (mut old, old_liveness) = RawPeer::link(address, card(1), 5).await;
    let _beating = beat(old_liveness);
    let (life, _link) = connected(&mut deliveries).await;
    assert_eq!(life, Life(5));
    let (mut new, new_liveness) = RawPeer::link(address, card(1), 6).await;
    let _also_beating = beat(new_liveness);
    assert_eq!(end(&mut deliveries).await, LinkEnd::Replaced);
    let (life, link) = connected(&mut deliveries).await;
    assert_eq!(life, Life(6));
    let reason = old.hear_the_end().await.expect("a goodbye with a reason");
    assert!(reason.contains("connected again"), "{reason}");
    link.send(numbered(3));
    assert_eq!(new.hear().await, Some(Wire::Message(numbered(3))));
}

#[tokio::test]
async fn a_reader_that_never_drains_is_closed_and_never_blocks_the_sender() {
    let (links, mut deliveries, address) = listening_unit().await;
    let (_never_reads, liveness) = RawPeer::link(address, card(1), 5).await;
    let _beating = beat(liveness);
    let (_, link) = connected(&mut deliveries).await;
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    // 120 MB: more than the queue and the system's buffers hold.
    for seq in 1..=2000 {
        let message = bulky(seq);
        let sent = Instant::now();
        link.send(message);
        longest = longest.max(sent.elapsed());
    }
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    assert_eq!(end(&mut deliveries).await, LinkEnd::Overflow);
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(links.counter().read().overflowed, 1);
}

#[tokio::test]
async fn a_slow_driver_holds_readers_back_and_loses_nothing() {
    let (_links, mut deliveries, address) = listening_unit().await;
    let (mut protocol, liveness) = RawPeer::link(address, card(1), 5).await;
    let _beating = beat(liveness);
    connected(&mut deliveries).await;
    let flood = tokio::spawn(async move {
        for seq in 1..=3000 {
            protocol.say(&Wire::Message(bulky(seq))).await;
        }
        protocol
    });
    sleep(Duration::from_millis(700)).await;
    assert!(!flood.is_finished(), "180 MB are not taken in while nobody applies them");
    for seq in 1..=3000 {
        match next(&mut deliveries).await {
            LinkEvent::Message { message, .. } => assert!(message == bulky(seq), "out of order at {seq}"),
            other => panic!("{other:?}"),
        }
    }
    flood.await.unwrap();
}
