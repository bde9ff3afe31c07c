//! A core and a forwarding table for the source under test, and messages to feed it.

use std::collections::BTreeMap;

use hitless_proto::entry::{Blob, Content};
use hitless_proto::ids::{Epoch, Seq, Time, Version};
use hitless_proto::io::Write;
use hitless_proto::process::fib::{Device, FibKey, ID, NextHop, Route};
use hitless_runtime::ForwardingTable;
use ipnet::IpNet;

use crate::fpm::{DeviceNames, FpmSettings, FpmSource, FrameReader, frame_of};
use crate::memory::MemoryTable;

/// Interfaces as in the golden frames.
pub(super) struct Names(pub(super) BTreeMap<u32, &'static str>);

impl Default for Names {
    fn default() -> Self {
        Self(BTreeMap::from([(2, "v1"), (3, "v0"), (4, "w1"), (5, "w0")]))
    }
}

impl DeviceNames for Names {
    fn name(&mut self, index: u32) -> Option<Device> {
        self.0.get(&index).map(|name| name.parse().unwrap())
    }
}

/// What a core would hold, and a card.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) source: FpmSource,
    pub(super) names: Names,
    pub(super) reader: FrameReader,
    pub(super) held: BTreeMap<Blob, (Version, Content)>,
    pub(super) card: MemoryTable,
    pub(super) seq: u64,
    pub(super) now: Time,
}

impl Default for FpmSource {
    fn default() -> Self {
        Self::new(FpmSettings::default())
    }
}

impl Bench {
    pub(super) fn with(settings: FpmSettings) -> Self {
        Self { source: FpmSource::new(settings), ..Self::default() }
    }

    /// A primary with a session.
    pub(super) fn live(settings: FpmSettings) -> Self {
        let mut bench = Self::with(settings);
        bench.become_primary();
        bench.session();
        bench
    }

    pub(super) fn session(&mut self) {
        self.reader = FrameReader::default();
        self.source.handle_session(self.now);
    }

    pub(super) fn become_primary(&mut self) {
        let entries: Vec<_> = self.held.iter().map(|(k, (v, c))| (k.clone(), *v, c.clone())).collect();
        self.source.handle_primary(entries, self.seq, self.now, &mut self.names);
    }

    /// Feeds bytes of the session; how many messages were refused.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> u64 {
        let mut refused = 0;
        self.reader.push(bytes);
        while let Some(frame) = self.reader.next_frame().unwrap() {
            refused += self.source.handle_frame(&frame, self.now, &mut self.names);
        }
        refused
    }

    /// One frame of these messages.
    pub(super) fn say(&mut self, messages: &[Vec<u8>]) {
        let refused = self.feed(&frame_of(&messages.concat()).unwrap());
        assert_eq!(refused, 0, "{:?}", self.source.status().last_refusal);
    }

    /// Submits one batch; what was written to the fib.
    pub(super) fn submit(&mut self) -> Option<Vec<String>> {
        let changes = self.source.next_batch()?;
        let mut outcomes = Vec::new();
        let mut said = Vec::new();
        for change in changes {
            self.seq += 1;
            let version = Version { epoch: Epoch(1), seq: Seq(self.seq) };
            let part = change.content.as_ref().map(|content| content.card_part.clone());
            let write = Write { key: change.key.clone(), part };
            let outcome = self.card.apply(ID, &[write]).remove(0);
            assert_eq!(outcome, Ok(()), "{:?}", FibKey::decode(&change.key));
            said.push(text(&change.key, change.content.as_ref()));
            match change.content {
                Some(content) => self.held.insert(change.key, (version, content)),
                None => self.held.remove(&change.key),
            };
            outcomes.push(Ok(version));
        }
        assert!(self.source.handle_submitted(&outcomes));
        Some(said)
    }

    /// Submits all; what was written to the fib.
    pub(super) fn settle(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.submit()).flatten().collect()
    }

    /// What it takes to reach this, without the next hops; and time passes.
    pub(super) fn wait(&mut self, micros: u64) {
        self.now = self.now.after(micros);
        while let Some(due) = self.source.next_timeout().filter(|due| *due <= self.now) {
            self.source.handle_timeout(due.max(self.now), &mut self.names);
        }
    }

    /// The routes that the core holds, each with where it goes.
    pub(super) fn routes(&self) -> Vec<String> {
        let routes = self.held.iter().filter_map(|(key, (_, content))| match FibKey::decode(key).unwrap() {
            key @ FibKey::Route { .. } => {
                let route = Route::decode(&content.card_part).unwrap();
                let metric =
                    if route.metric == 0 { String::new() } else { format!(" metric {}", route.metric) };
                Some(format!("{key} {}{metric} ({})", self.way(route.next_hop), note(content)))
            }
            FibKey::NextHop(_) => None,
        });
        routes.collect()
    }

    /// Where a next hop goes, groups with the ways of their members.
    fn way(&self, id: u32) -> String {
        let (_, content) = &self.held[&FibKey::NextHop(id).encode()];
        match NextHop::decode(&content.card_part).unwrap() {
            NextHop::Group(members) => {
                let mut ways: Vec<String> = members
                    .iter()
                    .map(|member| format!("[{}]*{}", self.way(member.next_hop), member.weight))
                    .collect();
                ways.sort();
                ways.join(" ")
            }
            other => other.to_string(),
        }
    }
}

fn note(content: &Content) -> String {
    String::from_utf8(content.standby_part.as_ref().unwrap().to_vec()).unwrap()
}

/// A change in words: `+10.0.0.0/8`, `-next-hop`.
fn text(key: &Blob, content: Option<&Content>) -> String {
    let sign = if content.is_some() { '+' } else { '-' };
    match FibKey::decode(key).unwrap() {
        key @ FibKey::Route { .. } => format!("{sign}{key}"),
        FibKey::NextHop(id) if id < 1 << 31 => format!("{sign}next-hop"),
        FibKey::NextHop(_) => format!("{sign}group"),
    }
}

pub(super) fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&[0; 10]);
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(super) fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_ne_bytes())
}

fn octets(address: std::net::IpAddr) -> Vec<u8> {
    match address {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The fixed part and the destination of a route: protocol, scope and type as given.
pub(super) fn route_head(prefix: &str, table: u32, [protocol, scope, kind]: [u8; 3]) -> Vec<u8> {
    let net: IpNet = prefix.parse().unwrap();
    let family = if net.addr().is_ipv4() { 2 } else { 10 };
    let short = u8::try_from(table).unwrap_or(0);
    let mut body = vec![family, net.prefix_len(), 0, 0, short, protocol, scope, kind, 0, 0, 0, 0];
    body.extend(attribute(1, &octets(net.addr())));
    if short == 0 {
        body.extend(number(15, table));
    }
    body
}

/// A BGP route to a next-hop object.
pub(super) fn route(prefix: &str, object: u32) -> Vec<u8> {
    route_in(prefix, 254, object)
}

pub(super) fn route_in(prefix: &str, table: u32, object: u32) -> Vec<u8> {
    let mut body = route_head(prefix, table, [186, 0, 1]);
    body.extend(number(30, object));
    message(24, &body)
}

/// A BGP route that says itself where it goes.
pub(super) fn route_via(prefix: &str, gateway: &str, interface: u32) -> Vec<u8> {
    let mut body = route_head(prefix, 254, [186, 0, 1]);
    body.extend(attribute(5, &octets(gateway.parse().unwrap())));
    body.extend(number(4, interface));
    message(24, &body)
}

pub(super) fn gone(prefix: &str) -> Vec<u8> {
    message(25, &route_head(prefix, 254, [196, 0, 0]))
}

/// A next-hop object.
pub(super) fn object(id: u32, gateway: &str, interface: u32) -> Vec<u8> {
    let gateway: std::net::IpAddr = gateway.parse().unwrap();
    let mut body = vec![if gateway.is_ipv4() { 2 } else { 10 }, 0, 11, 0, 0, 0, 0, 0];
    body.extend(number(1, id));
    body.extend(attribute(6, &octets(gateway)));
    body.extend(number(5, interface));
    message(104, &body)
}

pub(super) fn group(id: u32, members: &[(u32, u8)]) -> Vec<u8> {
    let mut body = vec![0, 0, 11, 0, 0, 0, 0, 0];
    body.extend(number(1, id));
    let members = members.iter().flat_map(|(id, weight)| {
        let mut member = id.to_ne_bytes().to_vec();
        member.extend_from_slice(&[weight - 1, 0, 0, 0]);
        member
    });
    body.extend(attribute(2, &members.collect::<Vec<u8>>()));
    message(104, &body)
}

pub(super) fn object_gone(id: u32) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(number(1, id));
    message(105, &body)
}
