//! How fast routes go into the kernel, against messages that were encoded beforehand. Ignored: it takes a while, and is a
//! measurement.
//!
//! ```text
//! ROUTES=1000000 cargo test --release -p hitless-adapters --lib rate -- --ignored --nocapture
//! ```

use std::time::{Duration, Instant};

use hitless_proto::io::Write;
use hitless_proto::limits::BATCH_OPS;
use ipnet::{IpNet, Ipv4Net};

use super::super::limits::ANSWER_BUFFER;
use super::super::mirror::{HeldRoute, RouteKey, RouteKind};
use super::super::netlink::codes::{NLM_F_CREATE, NLM_F_EXCL, RTM_NEWROUTE};
use super::super::netlink::{Encoder, Received, Socket};
use super::super::route;
use super::namespace::{fresh, in_namespace, ip};
use super::*;

/// Prefixes as in the Internet's table: mostly /24, all different, in no order.
fn prefixes(count: u32) -> Vec<Ipv4Net> {
    let shuffled = (0..count).map(|n| n.wrapping_mul(7_368_787) % (1 << 22));
    shuffled.map(|n| Ipv4Net::new((0x0b00_0000 + (n << 8)).into(), 24).expect("a length")).collect()
}

fn raw(prefixes: &[Ipv4Net], batch: usize) -> Duration {
    let mut socket = Socket::open(ANSWER_BUFFER).expect("a socket");
    let mut encoders = Vec::new();
    for chunk in prefixes.chunks(batch) {
        let (mut encoder, mut number) = (Encoder::default(), socket.numbers(chunk.len()));
        for net in chunk {
            let key = RouteKey { table: 254, net: IpNet::V4(*net) };
            let held = HeldRoute { kind: RouteKind::NextHop, next_hop: 1, metric: 0, given: false, round: 0 };
            route::encode_put(
                &mut encoder,
                (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL),
                number,
                (&key, &held),
                201,
            );
            number += 1;
        }
        encoder.acknowledge_last();
        encoders.push(encoder);
    }
    let began = Instant::now();
    for encoder in &encoders {
        socket.send(encoder.bytes()).expect("sent");
        let Ok(Received::Datagram(answer)) = socket.receive(Duration::from_secs(5)) else {
            panic!("no answer")
        };
        assert_eq!(answer[16..20], [0; 4], "done");
    }
    began.elapsed()
}

#[test]
#[ignore = "a measurement"]
fn rate_of_writes_is_that_of_raw_netlink() {
    in_namespace(|| {
        let count: u32 = std::env::var("ROUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
        let prefixes = prefixes(count);
        let writes: Vec<Write> = prefixes.iter().map(|net| write(&format!("{net} -> next-hop 1"))).collect();
        let per_second = |took: Duration| f64::from(count) / took.as_secs_f64() / 1000.0;
        for round in 1..=3 {
            drop(fresh());
            ip("nexthop add id 1 via 192.0.2.1 dev left proto 201");
            let raw = raw(&prefixes, 512);
            let mut table = fresh();
            done(&mut table, &["next-hop 1 -> via 192.0.2.1 dev left"]);
            let began = Instant::now();
            for batch in writes.chunks(BATCH_OPS) {
                assert!(table.apply(FIB, batch).iter().all(Result::is_ok));
            }
            let ours = began.elapsed();
            let began = Instant::now();
            assert_eq!(table.dump(FIB).expect("a dump").len(), count as usize + 1);
            println!(
                "{round}: {count} routes: raw {:.0} k/s, table {:.0} k/s, ratio {:.2}; dump and compare {:.0} k/s",
                per_second(raw),
                per_second(ours),
                raw.as_secs_f64() / ours.as_secs_f64(),
                per_second(began.elapsed()),
            );
        }
    });
}
