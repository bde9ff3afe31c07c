//! What a card's kernel holds, as `ip` tells it: the view of somebody who knows nothing of hitless.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::process::{Command, Stdio};

use hitless_adapters::linux::{MAIN_TABLE, PROTOCOL};
use hitless_proto::process::fib::{FibKey, Member, NextHop, Route};
use ipnet::IpNet;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The metric of IPv6 routes for which none is asked.
const IPV6_METRIC: u32 = 1024;

/// A next hop, as `ip -j nexthop` prints it.
#[derive(Deserialize)]
struct Hop {
    id: u32,
    gateway: Option<IpAddr>,
    dev: Option<String>,
    group: Option<Vec<GroupMember>>,
    #[serde(default)]
    blackhole: Present,
}

/// Whether there is such a key: that of a blackhole has no value.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

#[derive(Deserialize)]
struct GroupMember {
    id: u32,
    weight: Option<u16>,
}

/// A route, as `ip -j route` prints it.
#[derive(Deserialize)]
struct Line {
    dst: String,
    nhid: Option<u32>,
    metric: Option<u32>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Entries of the `fib` that the kernel holds, with card parts; what means nothing to the fib is named in `strange`.
#[derive(Default)]
pub(super) struct Held {
    pub(super) entries: HashMap<FibKey, Vec<u8>>,
    pub(super) strange: Vec<String>,
}

/// Reads all that is hitless's own out of the kernel of a namespace. Takes seconds where there are many routes.
///
/// # Errors
/// `ip` failed, or printed something else.
pub(super) fn read(namespace: &str) -> io::Result<Held> {
    let mut held = Held::default();
    dump(namespace, &["nexthop", "show", "protocol"], |hop: Hop| held.take_hop(hop))?;
    for family in ["-4", "-6"] {
        dump(
            namespace,
            &[family, "route", "show", "table", &MAIN_TABLE.to_string(), "proto"],
            |line: Line| {
                held.take_route(line);
            },
        )?;
    }
    Ok(held)
}

impl Held {
    fn take_hop(&mut self, hop: Hop) {
        let part = match (hop.group, hop.gateway, hop.dev) {
            (Some(members), None, None) => {
                let member =
                    |member: GroupMember| Member { next_hop: member.id, weight: member.weight.unwrap_or(1) };
                NextHop::group(members.into_iter().map(member).collect()).ok()
            }
            (None, None, _) if hop.blackhole.0 => Some(NextHop::Blackhole),
            (None, Some(gateway), Some(device)) => {
                device.parse().ok().and_then(|device| NextHop::via(gateway, Some(device)).ok())
            }
            (None, None, Some(device)) => device.parse().ok().map(NextHop::Link),
            (Some(_), _, _) | (None, _, None) => None,
        };
        match part {
            Some(part) => drop(self.entries.insert(FibKey::NextHop(hop.id), part.encode().to_vec())),
            None => self.strange.push(format!("next hop {}", hop.id)),
        }
    }

    fn take_route(&mut self, line: Line) {
        let net = destination(&line.dst);
        let (Some(net), Some(next_hop), None) = (net, line.nhid, line.kind) else {
            self.strange.push(format!("route {}", line.dst));
            return;
        };
        let none = if net.addr().is_ipv4() { 0 } else { IPV6_METRIC };
        let metric = line.metric.filter(|metric| *metric != none).unwrap_or(0);
        self.entries.insert(FibKey::main(net), Route { next_hop, metric }.encode().to_vec());
    }
}

/// `ip` leaves the length of a host's own prefix out, and calls 0/0 `default`.
fn destination(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Runs `ip -j ARGUMENTS 201` and hands over one element of its array after the other.
fn dump<T: DeserializeOwned>(namespace: &str, arguments: &[&str], take: impl FnMut(T)) -> io::Result<()> {
    let mut child = Command::new("ip")
        .args(["-j", "-n", namespace])
        .args(arguments)
        .arg(PROTOCOL.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 18, stdout));
        if let Err(error) = reader.deserialize_seq(Each { take, kind: std::marker::PhantomData }) {
            let _ = (child.kill(), child.wait());
            return Err(error.into());
        }
    }
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("ip {}: {status}", arguments.join(" "))))
    }
}

struct Each<T, F> {
    take: F,
    kind: std::marker::PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Each<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            (self.take)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ip_prints_becomes_entries() {
        let mut held = Held::default();
        let hops = r#"[{"id":7,"gateway":"10.0.1.2","dev":"out1","protocol":"201","flags":[]},
            {"id":8,"gateway":"fd00:2::2","dev":"out2","protocol":"201","flags":[]},
            {"id":2147483649,"group":[{"id":7},{"id":8,"weight":3}],"protocol":"201","flags":[]},
            {"id":9,"blackhole":null,"protocol":"201","flags":[]}]"#;
        let hops: Vec<Hop> = serde_json::from_str(hops).unwrap();
        hops.into_iter().for_each(|hop| held.take_hop(hop));
        let routes = r#"[{"dst":"192.0.2.0/24","nhid":2147483649,"protocol":"201","metric":20,"flags":[]},
            {"dst":"192.0.2.1","nhid":7,"protocol":"201","scope":"link","flags":[]},
            {"dst":"2001:db8::/32","nhid":8,"protocol":"201","metric":1024,"flags":[],"pref":"medium"},
            {"type":"unreachable","dst":"198.51.100.0/24","protocol":"201","flags":[]}]"#;
        let routes: Vec<Line> = serde_json::from_str(routes).unwrap();
        routes.into_iter().for_each(|line| held.take_route(line));
        assert_eq!(held.entries.len(), 7);
        assert_eq!(held.strange, ["route 198.51.100.0/24"]);
        let route = |text: &str| Route::decode(&held.entries[&FibKey::main(text.parse().unwrap())]).unwrap();
        assert_eq!(route("192.0.2.0/24"), Route { next_hop: 2_147_483_649, metric: 20 });
        assert_eq!(route("192.0.2.1/32"), Route::to(7));
        assert_eq!(route("2001:db8::/32"), Route::to(8));
        let group = NextHop::decode(&held.entries[&FibKey::NextHop(2_147_483_649)]).unwrap();
        assert_eq!(group.members()[1].weight, 3);
    }
}
