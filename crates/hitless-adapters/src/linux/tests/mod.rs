//! Tests against the real kernel, in network namespaces of their own: as root, and skipped by name otherwise.

mod adoption;
mod encoding;
mod links;
mod namespace;
mod others;
mod writes;

use hitless_proto::entry::Blob;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::{FibKey, ID as FIB, NextHop, Route};
use hitless_runtime::ForwardingTable;

use super::LinuxTable;

/// `next-hop 1 -> via 192.0.2.1 dev left`, `10.0.0.0/8 -> next-hop 1`, `10.0.0.0/8` (a delete), ...
fn write(text: &str) -> Write {
    let key = |text: &str| text.parse::<FibKey>().expect("a key of the fib");
    let Some((name, part)) = text.split_once(" -> ") else {
        return Write { key: key(text).encode(), part: None };
    };
    let part: Blob = match key(name) {
        FibKey::NextHop(_) => part.parse::<NextHop>().expect("a next hop").encode(),
        FibKey::Route { .. } => {
            let (hop, metric) = part.split_once(" metric ").unwrap_or((part, "0"));
            let FibKey::NextHop(next_hop) = key(hop) else { panic!("{part} is no next hop") };
            Route { next_hop, metric: metric.parse().expect("a metric") }.encode()
        }
    };
    Write { key: key(name).encode(), part: Some(part) }
}

fn apply(table: &mut LinuxTable, texts: &[&str]) -> Vec<Outcome> {
    let writes: Vec<Write> = texts.iter().map(|text| write(text)).collect();
    table.apply(FIB, &writes)
}

/// All of it is done.
fn done(table: &mut LinuxTable, texts: &[&str]) {
    for (outcome, text) in apply(table, texts).iter().zip(texts) {
        assert_eq!(*outcome, Ok(()), "{text}");
    }
}

/// It is refused, with these words in the reason.
fn refused(table: &mut LinuxTable, text: &str, words: &str) {
    let outcome = apply(table, &[text]).remove(0);
    let reason = outcome.expect_err(text);
    assert!(reason.contains(words), "{text}: {reason}");
}
