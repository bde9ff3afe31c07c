//! A real zebra feeds a chassis: the cards hold what zebra has, and a zebra that comes back costs the true difference.
//! Needs root and FRR; without them it says so and passes.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;
mod frr;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chassis::{Chassis, json};
use frr::Router;
use hitless_proto::process::fib::{FibKey, NextHop, Route};
use serde_json::Value;

const PORTS: [u16; 2] = [2620, 2621];
/// Routes by links: few, since staticd takes a time that grows with their square (3,000 take it minutes).
const ROUTES: u32 = 300;
/// With the default route and two that drop.
const HELD: u64 = 303;
const SENTINEL: &str = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128";

/// Static routes: a third by one link, a third by the other, a third by both; and some that drop. `moved` of them differ.
fn routes(count: u32, moved: u32, dropped: u32) -> String {
    let mut text = String::from(
        "ip route 0.0.0.0/0 10.0.1.2\nip route 172.16.0.0/16 blackhole\nip route 172.17.0.0/16 reject\n",
    );
    for number in dropped..count {
        let prefix = format!("20.{}.{}.0/24", number >> 8, number & 255);
        let (one, other) =
            if number < dropped + moved { ("10.0.1.77", "10.0.1.77") } else { ("10.0.1.2", "10.0.2.2") };
        match number % 3 {
            0 => writeln!(text, "ip route {prefix} {one}").unwrap(),
            1 => writeln!(text, "ip route {prefix} {other}").unwrap(),
            _ if one == other => writeln!(text, "ip route {prefix} {one}").unwrap(),
            _ => writeln!(text, "ip route {prefix} {one}\nip route {prefix} {other}").unwrap(),
        }
    }
    text
}

fn source(status: &Value) -> Value {
    let units = status["units"].as_array().unwrap();
    units.iter().find(|unit| unit["role"] == "primary").map_or(Value::Null, |unit| unit["sources"][0].clone())
}

fn writes(status: &Value) -> u64 {
    status["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["channels"][0]["writes"].as_u64().unwrap())
        .sum()
}

/// Polls the status until it is as wanted; else what zebra has is shown beside it.
fn wait_for((chassis, router): (&Chassis, &Router), what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let status = json(&chassis.ask(&["status", "--json"]));
        if wanted(&status) {
            return status;
        }
        if Instant::now() > deadline {
            let (rib, card) = (router.rib(), card(chassis, router));
            let differ: Vec<&String> = card.iter().filter(|line| !rib.contains(line)).collect();
            let shown = router.vtysh(&["show ip route 20.0.0.0/16 longer-prefixes"]);
            let shown: Vec<&str> = shown.lines().filter(|line| line.contains("20.0.")).take(12).collect();
            panic!("{what}: {:#}\nonly the card has {differ:#?}\nzebra: {shown:#?}", source(&status));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Both cards have written so much, and nothing is under way.
fn settled(status: &Value) -> bool {
    let source = source(status);
    let applied: Vec<&Value> =
        status["cards"].as_array().unwrap().iter().map(|card| &card["channels"][0]["applied"]).collect();
    let issued = status["units"].as_array().unwrap().iter().find(|unit| unit["role"] == "primary");
    let issued = issued.map(|unit| &unit["processes"][0]["received"]);
    source["pending"] == 0 && source["waiting"] == 0 && applied.iter().all(|applied| Some(*applied) == issued)
}

/// What a card's forwarding table holds, read back through its admin API, in the form of [`Router::rib`].
fn card(chassis: &Chassis, router: &Router) -> Vec<String> {
    let address = chassis.admin[2];
    let mut client = Command::new("ip")
        .args(["netns", "exec", &router.name, "bash", "-c"])
        .arg(format!("exec 3<>/dev/tcp/{}/{}; cat >&3; cat <&3", address.ip(), address.port()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"{\"id\":1,\"request\":{\"dump\":{\"process\":1}}}\n").unwrap();
    drop(stdin);
    let mut entries = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match answer["answer"]["entries"].as_array() {
            Some(rows) => entries.extend(rows.iter().map(|row| (bytes(&row[0]), bytes(&row[1])))),
            None => break,
        }
    }
    client.kill().unwrap();
    client.wait().unwrap();
    in_words(entries)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn in_words(entries: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<String> {
    let entries: Vec<(FibKey, Vec<u8>)> =
        entries.into_iter().map(|(key, part)| (FibKey::decode(&key).unwrap(), part)).collect();
    let hops: BTreeMap<u32, NextHop> = entries
        .iter()
        .filter_map(|(key, part)| match key {
            FibKey::NextHop(id) => Some((*id, NextHop::decode(part).unwrap())),
            FibKey::Route { .. } => None,
        })
        .collect();
    let one = |id: u32| match &hops[&id] {
        NextHop::Blackhole | NextHop::Unreachable | NextHop::Prohibit => "drop".to_owned(),
        other => other.to_string(),
    };
    let routes = entries.iter().filter(|(key, _)| matches!(key, FibKey::Route { .. }));
    let mut lines: Vec<String> = routes
        .map(|(key, part)| {
            let next_hop = Route::decode(part).unwrap().next_hop;
            let mut ways: Vec<String> = match &hops[&next_hop] {
                NextHop::Group(members) => members.iter().map(|member| one(member.next_hop)).collect(),
                _ => vec![one(next_hop)],
            };
            ways.sort();
            format!("{key} {}", ways.join(", "))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_zebra_that_comes_back_costs_the_true_difference() {
    if let Some(why) = frr::missing() {
        eprintln!("a_zebra_that_comes_back_costs_the_true_difference: skipped: {why}");
        return;
    }
    let mut router = Router::lay_out("router");
    let mut chassis = Chassis::lay_out_with(|unit| {
        format!("fpm = {{ listen = \"127.0.0.1:{}\", sentinel = \"{SENTINEL}\" }}", PORTS[unit - 1])
    })
    .inside(&router.name);
    chassis.spawn_all();
    let status = wait_for((&chassis, &router), "a primary", |status| !source(status).is_null());
    let units = status["units"].as_array().unwrap();
    let primary = units.iter().find(|unit| unit["role"] == "primary").unwrap()["unit"].as_u64().unwrap();
    let port = PORTS[usize::try_from(primary).unwrap() - 1];

    router.start(port, &routes(ROUTES, 0, 0));
    let first = wait_for((&chassis, &router), "all routes", |status| {
        source(status)["held"] == HELD && settled(status)
    });
    let rib = router.rib();
    assert_eq!(rib.len() as u64, HELD);
    assert_eq!(card(&chassis, &router), rib, "the card holds what zebra has");
    assert_eq!(source(&first)["refused"], 0, "{:#}", source(&first));
    // Two links, a group of both, blackhole and unreachable.
    assert_eq!(writes(&first), 2 * (HELD + 5));

    // Killed and started again with the same routes: nothing is written, whatever zebra's ids are now.
    for _ in 0..2 {
        router.kill();
        let down = wait_for((&chassis, &router), "no session", |status| source(status)["session"].is_null());
        assert_eq!(
            (&source(&down)["held"], &source(&down)["stale"]),
            (&Value::from(HELD), &Value::from(HELD))
        );
        router.start(port, &routes(ROUTES, 0, 0));
        let back = wait_for((&chassis, &router), "all named again", |status| {
            source(status)["stale"] == 0 && settled(status)
        });
        assert_eq!(writes(&back), writes(&first));
    }

    // Started again with 5 routes less and 7 that go elsewhere.
    router.kill();
    router.flush();
    wait_for((&chassis, &router), "no session", |status| source(status)["session"].is_null());
    router.start(port, &routes(ROUTES, 7, 5));
    let changed =
        wait_for((&chassis, &router), "5 stale", |status| source(status)["stale"] == 5 && settled(status));
    assert_eq!(writes(&changed), writes(&first) + 2 * (7 + 1), "a new next hop, and the routes that use it");
    let said = chassis.ask(&["status"]);
    assert_eq!(said.status.code(), Some(1));
    router.vtysh(&["configure terminal", &format!("ipv6 route {SENTINEL} blackhole")]);
    let swept =
        wait_for((&chassis, &router), "the sweep", |status| source(status)["stale"] == 0 && settled(status));
    assert_eq!(
        (&source(&swept)["swept"], &source(&swept)["held"]),
        (&Value::from(5), &Value::from(HELD - 5))
    );
    assert_eq!(writes(&swept), writes(&changed) + 2 * 5);
    assert_eq!(card(&chassis, &router), router.rib());
    let whole = chassis.ask(&["status", "--wait", "10"]);
    assert!(whole.status.success(), "{}", chassis::text(&whole));

    // A route that moves is replaced in place, and one that goes is deleted: FRR sends a delete first in both cases.
    router.vtysh(&[
        "configure terminal",
        "ip route 20.0.90.0/24 10.0.2.9",
        "no ip route 20.0.90.0/24 10.0.1.2",
    ]);
    router.vtysh(&["configure terminal", "no ip route 20.0.93.0/24 10.0.1.2"]);
    wait_for((&chassis, &router), "one less", |status| source(status)["held"] == HELD - 6 && settled(status));
    assert_eq!(card(&chassis, &router), router.rib());
}
