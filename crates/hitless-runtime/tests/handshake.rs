//! Who is let in, who is not, and what strangers on the port can do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // How a test fails.

mod raw_peer;

use std::time::{Duration, Instant};

use hitless_proto::ids::{Life, UnitId};
use hitless_proto::message::{Hello, Purpose};
use hitless_proto::wire::{Wire, crc32c, encode_hello};
use hitless_runtime::transport::{Inbox, LinkEvent, Links, LinksError, Tcp};
use raw_peer::{RawPeer, card, chassis, config, hello, listening_unit, next, start, unit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

async fn refusal(hello: Hello) -> String {
    let (links, _deliveries, address) = listening_unit().await;
    let mut peer = RawPeer::greet(address, hello).await;
    let reason = peer.hear_the_end().await.expect("a goodbye with a reason");
    sleep(Duration::from_millis(400)).await;
    assert_eq!(links.counter().read().refused, 1, "counted");
    reason
}

#[tokio::test]
async fn another_chassis_is_refused_by_name() {
    let stranger = Hello { chassis: "other".to_owned(), ..hello(card(1), 1, Purpose::Protocol) };
    let reason = refusal(stranger).await;
    assert!(reason.contains("\"other\"") && reason.contains("\"box\""), "{reason}");
}

#[tokio::test]
async fn a_party_that_the_configuration_does_not_name_is_refused() {
    let reason = refusal(hello(card(3), 1, Purpose::Protocol)).await;
    assert!(reason.contains("card-3 is not in this chassis"), "{reason}");
}

#[tokio::test]
async fn a_second_party_with_our_own_id_is_refused() {
    let reason = refusal(hello(unit(1), 1, Purpose::Liveness)).await;
    assert!(reason.contains("same identity"), "{reason}");
}

#[tokio::test]
async fn a_unit_that_must_be_dialled_may_not_dial() {
    let (_links, _deliveries) = {
        let addresses = vec![(UnitId(1), "127.0.0.1:1".to_owned())];
        let (links, deliveries) = start(config(unit(2), Some("127.0.0.1:0"), addresses)).await;
        let address = links.address().unwrap();
        let mut peer = RawPeer::greet(address, hello(unit(1), 1, Purpose::Protocol)).await;
        let reason = peer.hear_the_end().await.expect("a goodbye with a reason");
        assert!(reason.contains("must not dial"), "{reason}");
        (links, deliveries)
    };
}

#[tokio::test]
async fn another_wire_version_is_refused_by_name() {
    let (links, _deliveries, address) = listening_unit().await;
    let mut body = encode_hello(&hello(card(1), 1, Purpose::Protocol));
    // Kind, magic, then the newest and the oldest version.
    body[5..9].copy_from_slice(&[99, 0, 99, 0]);
    let mut peer = RawPeer::dial(address).await;
    peer.stream.write_all(&(body.len() as u32).to_le_bytes()).await.unwrap();
    peer.stream.write_all(&crc32c(&body).to_le_bytes()).await.unwrap();
    peer.stream.write_all(&body).await.unwrap();
    let reason = peer.hear_the_end().await.expect("a goodbye with a reason");
    assert!(reason.contains("version 99"), "{reason}");
    sleep(Duration::from_millis(400)).await;
    assert_eq!(links.counter().read().strangers, 1);
}

#[tokio::test]
async fn a_protocol_connection_without_one_for_heartbeats_is_refused() {
    let reason = refusal(hello(card(1), 1, Purpose::Protocol)).await;
    assert!(reason.contains("heartbeats"), "{reason}");
}

#[tokio::test]
async fn garbage_on_the_port_is_closed_and_counted_and_others_get_in() {
    let (links, mut deliveries, address) = listening_unit().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 64], &[0xff; 64], &[1, 0, 0, 0, 0, 0, 0, 0, 9]] {
        let mut stranger = RawPeer::dial(address).await;
        stranger.stream.write_all(garbage).await.unwrap();
        stranger.hear_the_end().await;
    }
    let _peer = RawPeer::link(address, card(1), 5).await;
    assert!(matches!(next(&mut deliveries).await, LinkEvent::Connected { life: Life(5), .. }));
    sleep(Duration::from_millis(400)).await;
    assert_eq!(links.counter().read().strangers, 4);
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let (links, mut deliveries, address) = listening_unit().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let begin = Instant::now();
    let _peer = RawPeer::link(address, card(2), 5).await;
    assert!(matches!(next(&mut deliveries).await, LinkEvent::Connected { .. }));
    assert!(begin.elapsed() < Duration::from_secs(3), "not after their timeout");
    let counts = links.counter().read();
    assert!(counts.crowded_out >= 200 - 64, "{counts:?}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_in_time() {
    let (links, _deliveries, address) = listening_unit().await;
    let begin = Instant::now();
    let mut silent = RawPeer::dial(address).await;
    assert_eq!(silent.hear().await, None);
    let waited = begin.elapsed();
    assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(8), "{waited:?}");
    assert_eq!(links.counter().read().strangers, 1);
}

#[tokio::test]
async fn a_message_before_the_hello_is_refused() {
    let (_links, _deliveries, address) = listening_unit().await;
    let mut peer = RawPeer::dial(address).await;
    peer.say(&Wire::Heartbeat { counter: 1 }).await;
    let reason = peer.hear_the_end().await.expect("a goodbye with a reason");
    assert!(reason.contains("before the hello"), "{reason}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (_links, _deliveries, address) = listening_unit().await;
    let (inbox, _rest) = Inbox::new();
    let second = config(unit(1), Some(&address.to_string()), vec![]);
    let error = Links::start(second, std::sync::Arc::new(Tcp), inbox).await.err().expect("it is in use");
    assert!(matches!(&error, LinksError::Listen { .. }) && error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn a_unit_without_an_address_is_named() {
    let (inbox, _rest) = Inbox::new();
    let error =
        Links::start(config(card(1), None, vec![]), std::sync::Arc::new(Tcp), inbox).await.err().unwrap();
    assert!(error.to_string().contains("unit-1 has no address"), "{error}");
    assert_eq!(chassis().units.len(), 2);
}
