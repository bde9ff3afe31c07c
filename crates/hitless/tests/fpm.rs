//! Sessions of zebra, as an operator sees them: here the test itself speaks for zebra. See `frr.rs` for the real one.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use chassis::{Chassis, json, text};
use serde_json::{Value, json as value};

const SENTINEL: [u8; 16] = [0xfd, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// A chassis with an FPM source at each unit, and where zebra finds them.
fn start() -> (Chassis, [u16; 2]) {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
    drop(listeners);
    let mut chassis = Chassis::lay_out_with(|unit| {
        let port = ports[unit - 1];
        format!(
            "fpm = {{ listen = \"127.0.0.1:{port}\", sentinel = \"fdff::ffff/128\", sentinel_quiet_ms = 50 }}"
        )
    });
    chassis.spawn_all();
    wait_for(&chassis, |status| primary_of(status).is_some() && in_step(status));
    (chassis, ports)
}

fn in_step(status: &Value) -> bool {
    let units = status["units"].as_array().unwrap();
    let channels = units
        .iter()
        .filter(|unit| unit["role"] == "primary")
        .flat_map(|unit| unit["channels"].as_array().unwrap());
    let states: Vec<&Value> = channels.map(|channel| &channel["state"]).collect();
    states.len() == 6 && states.iter().all(|state| *state == "in_step")
}

fn primary_of(status: &Value) -> Option<usize> {
    let units = status["units"].as_array()?;
    let primary = units.iter().find(|unit| unit["role"] == "primary")?;
    primary["unit"].as_u64().map(|unit| unit as usize)
}

fn unit(status: &Value, unit: usize) -> &Value {
    status["units"].as_array().unwrap().iter().find(|known| known["unit"] == unit).unwrap_or(&Value::Null)
}

fn source(status: &Value, number: usize) -> &Value {
    &unit(status, number)["sources"][0]
}

fn status(chassis: &Chassis) -> Value {
    json(&chassis.ask(&["status", "--json"]))
}

/// Polls the status until it is as wanted.
fn wait_for(chassis: &Chassis, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let status = status(chassis);
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{status:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() + 4).unwrap();
    [&[1, 1], &length.to_be_bytes()[..], message].concat()
}

/// A route that drops; `kind`: 6 blackhole, 7 unreachable. `announced`: else it is gone.
fn route(address: &[u8], length: u8, kind: u8, announced: bool) -> Vec<u8> {
    let family = if address.len() == 4 { 2 } else { 10 };
    let attribute =
        [&u16::try_from(4 + address.len()).unwrap().to_ne_bytes()[..], &1_u16.to_ne_bytes(), address]
            .concat();
    let total = u32::try_from(28 + attribute.len()).unwrap();
    let number: u16 = if announced { 24 } else { 25 };
    let head = [&total.to_ne_bytes()[..], &number.to_ne_bytes(), &[0; 10]].concat();
    framed(&[&head[..], &[family, length, 0, 0, 254, 186, 0, kind, 0, 0, 0, 0], &attribute].concat())
}

fn nth(number: u32) -> [u8; 4] {
    Ipv4Addr::from(0x0a00_0000 + (number << 8)).octets()
}

fn blackholes(range: std::ops::Range<u32>) -> Vec<u8> {
    range.flat_map(|number| route(&nth(number), 24, 6, true)).collect()
}

fn zebra(port: u16, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// The fib's last op at the primary, and what the cards wrote of it.
fn ops(status: &Value) -> (u64, u64) {
    let primary = unit(status, primary_of(status).unwrap());
    let writes = status["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["channels"][0]["writes"].as_u64().unwrap());
    (primary["processes"][0]["received"].as_u64().unwrap(), writes.sum())
}

#[test]
fn a_view_is_taken_compared_swept_and_refused_by_name() {
    let (chassis, ports) = start();
    let first = status(&chassis);
    let primary = primary_of(&first).unwrap();
    let port = ports[primary - 1];
    assert_eq!(chassis.ask(&["sweep"]).status.code(), Some(4), "there is no session");

    let mut session = zebra(port, &blackholes(0..3000));
    let all =
        |status: &Value| source(status, primary)["held"] == 3000 && source(status, primary)["pending"] == 0;
    let taken = wait_for(&chassis, |status| all(status) && in_step(status) && ops(status).1 == 2 * 3001);
    assert_eq!(ops(&taken).0, 3001, "one next hop and its routes");
    // Every route is answered, when it is in every card.
    let mut answer = vec![0; 40 * 3000];
    session.read_exact(&mut answer).unwrap();
    assert!(
        answer
            .chunks(40)
            .all(|frame| frame[..8] == [1, 1, 0, 40, 36, 0, 0, 0] && frame[28..32] == [0, 0x40, 0, 0])
    );

    // Zebra dies. Nothing happens, and the operator is told.
    drop(session);
    let alone =
        wait_for(&chassis, |status| source(status, primary).get("session").is_none_or(Value::is_null));
    assert_eq!((ops(&alone), &source(&alone, primary)["stale"]), (ops(&taken), &value!(3000)));
    let said = chassis.ask(&["status"]);
    assert!(
        said.status.code() == Some(1) && text(&said).contains("3,000 routes are held as they were"),
        "{}",
        text(&said)
    );

    // It is back with ten routes less, one that is another and one that is new: two ops, and ten routes are stale.
    let mut session = zebra(port, &blackholes(10..3000));
    session.write_all(&[route(&nth(10), 24, 7, true), blackholes(5000..5001)].concat()).unwrap();
    let compared = wait_for(&chassis, |status| {
        source(status, primary)["routes"] == 2991
            && source(status, primary)["pending"] == 0
            && ops(status).0 == 3004
    });
    assert_eq!(
        (&source(&compared, primary)["stale"], &source(&compared, primary)["held"]),
        (&value!(10), &value!(3001))
    );
    session.write_all(&route(&SENTINEL, 128, 6, true)).unwrap();
    let swept = wait_for(&chassis, |status| source(status, primary)["stale"] == 0 && ops(status).0 == 3014);
    assert_eq!(
        (&source(&swept, primary)["swept"], &source(&swept, primary)["signalled"]),
        (&value!(10), &value!(true))
    );
    assert_eq!(json(&chassis.ask(&["sweep", "--json"])), value!({"swept": 0}));

    // A stray client does not end the session; a malformed message is named; a malformed frame ends it, and no more.
    let _stray = zebra(port, b"GET / HTTP/1.1\r\n\r\n");
    session.write_all(&[framed(&[1, 0, 0, 0]), blackholes(6000..6001)].concat()).unwrap();
    let refused = wait_for(&chassis, |status| source(status, primary)["held"] == 2992);
    assert_eq!(source(&refused, primary)["refused"], 2);
    let mut broken = session.try_clone().unwrap();
    broken.write_all(&[1, 2, 0, 4]).unwrap();
    let broken = wait_for(&chassis, |status| source(status, primary)["refused"] == 3);
    let why = source(&broken, primary)["last_refusal"].as_str().unwrap();
    assert!(why.contains("protobuf") && why.contains("at byte"), "{why}");
    assert_eq!(source(&broken, primary)["held"], 2992);

    // The operator gives zebra up for good.
    assert_eq!(json(&chassis.ask(&["sweep", "--disconnected", "--json"])), value!({"swept": 2992}));
    wait_for(&chassis, |status| unit(status, primary)["processes"][0]["entries"] == 0);
}

#[test]
fn a_shadow_view_is_compared_when_its_unit_takes_over() {
    let (mut chassis, ports) = start();
    let primary = primary_of(&status(&chassis)).unwrap();
    let standby = 3 - primary;
    let _live = zebra(ports[primary - 1], &blackholes(0..1000));
    let _shadow = zebra(ports[standby - 1], &[blackholes(5..1000), blackholes(1000..1003)].concat());
    let before = wait_for(&chassis, |status| {
        source(status, primary)["held"] == 1000
            && source(status, standby)["routes"] == 998
            && ops(status).1 == 2002
    });
    assert_eq!(source(&before, standby)["held"], 0);
    chassis.kill(&format!("control-{primary}"));
    let after = wait_for(&chassis, |status| {
        primary_of(status) == Some(standby)
            && source(status, standby)["held"] == 1003
            && source(status, standby)["pending"] == 0
    });
    assert_eq!(
        (&source(&after, standby)["stale"], &source(&after, standby)["submitted"]),
        (&value!(5), &value!(3))
    );
    assert_eq!(json(&chassis.ask(&["sweep", "--json"])), value!({"swept": 5}));
    wait_for(&chassis, |status| unit(status, standby)["processes"][0]["entries"] == 999);
}
