//! A chassis of real processes, as an operator sees it.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use chassis::{Chassis, json, text};
use serde_json::{Value, json as value};

const LINES: &str = r#"{"process":"fib","next_hop":7,"via":"192.0.2.1","dev":"eth0"}
{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"note":"static"}
{"process":"table","key":"k1","value":"v1","cards":[2]}
"#;

#[test]
fn what_is_loaded_is_shown_by_every_party_and_survives_the_primary() {
    let mut chassis = Chassis::start();
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], LINES);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!((&json(&output)["submitted"], &json(&output)["safe"]), (&value!(3), &value!(3)));

    let held = json(&chassis.ask(&["show", "--json", "10.0.0.0/8"]));
    let held = held.as_array().unwrap();
    assert_eq!(held.len(), 4);
    assert!(held.iter().all(|party| party["reads"]["next_hop"] == 7), "{held:?}");
    let audience = json(&chassis.ask(&["show", "--json", "--process", "table", "k1"]));
    assert!(audience[2].get("seq").is_none() && audience[3]["reads"]["value"] == "v1", "{audience}");
    let missing = chassis.ask(&["show", "192.0.2.0/24"]);
    assert_eq!(missing.status.code(), Some(3), "{}", text(&missing));

    let status = json(&chassis.ask(&["status", "--json"]));
    let primary = primary(&status);
    chassis.kill(&format!("control-{primary}"));
    let other = 3 - primary;
    wait_until(|| {
        let status = json(&chassis.ask(&["status", "--json"]));
        status["units"]
            .as_array()
            .unwrap()
            .iter()
            .any(|unit| unit["unit"] == other && unit["role"] == "primary")
    });
    let report = json(&chassis.ask(&["report", "--json"]));
    assert_eq!((&report[0]["unit"], &report[0]["planned"]), (&value!(other), &value!(false)));
    assert!(
        report[0]["channels"].as_array().unwrap().iter().all(|channel| channel["verified"] == true),
        "{report}"
    );
    let degraded = chassis.ask(&["status"]);
    assert_eq!(degraded.status.code(), Some(1), "{}", text(&degraded));
    let held = json(&chassis.ask(&["show", "--json", "10.0.0.0/8"]));
    assert_eq!(held.as_array().unwrap().iter().filter(|party| party["reads"]["note"] == "static").count(), 1);

    chassis.spawn("control", u16::try_from(primary).unwrap());
    let whole = chassis.ask(&["status", "--wait", "20"]);
    assert!(whole.status.success(), "{}", text(&whole));
    let switchover = json(&chassis.ask(&["switchover", "--json", "--to", &format!("unit-{primary}")]));
    assert_eq!((&switchover["unit"], &switchover["planned"]), (&value!(primary), &value!(true)));
    let again = chassis.ask(&["switchover", "--to", &primary.to_string()]);
    assert_eq!(again.status.code(), Some(4), "{}", text(&again));
}

#[test]
fn parties_that_die_and_come_back_in_any_order_end_in_a_whole_chassis() {
    let mut chassis = Chassis::start();
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], LINES);
    assert!(output.status.success(), "{}", text(&output));
    // Both control units die; the cards go on, and the state comes back from them.
    chassis.kill("control-1");
    chassis.kill("control-2");
    chassis.spawn("control", 2);
    std::thread::sleep(Duration::from_millis(300));
    chassis.spawn("control", 1);
    let whole = chassis.ask(&["status", "--wait", "30"]);
    assert!(whole.status.success(), "{}", text(&whole));
    let held = json(&chassis.ask(&["show", "--json", "10.0.0.0/8"]));
    assert!(held.as_array().unwrap().iter().all(|party| party["reads"]["next_hop"] == 7), "{held}");

    // Then anybody, in an order that is different each time round.
    let parties = [("control", 1), ("card", 2), ("control", 2), ("card", 1)];
    for round in 0..4_usize {
        let (first, second) = (parties[round], parties[(round * 2 + 1 + round / 2) % 4]);
        let mut down = vec![first, second];
        down.dedup();
        for (kind, id) in &down {
            chassis.kill(&format!("{kind}-{id}"));
        }
        if round % 2 == 1 {
            down.reverse();
        }
        for (kind, id) in down {
            chassis.spawn(kind, id);
        }
        let whole = chassis.ask(&["status", "--wait", "30"]);
        assert!(whole.status.success(), "round {round}: {}", text(&whole));
    }
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], LINES);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn bad_lines_are_named_and_the_others_are_applied() {
    let chassis = Chassis::start();
    let input =
        format!("{LINES}{{\"process\":\"fib\",\"prefix\":\"10.0.0.1/8\",\"next_hop\":7}}\nnonsense\n");
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], &input);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let outcome = json(&output);
    assert_eq!((&outcome["safe"], &outcome["invalid"]), (&value!(3), &value!(2)), "{}", text(&output));
    assert!(text(&output).contains(":4: "), "{}", text(&output));
    let missing = chassis.ask_with(
        &["load", "--json", "-"],
        "{\"process\":\"fib\",\"prefix\":\"10.9.0.0/16\",\"next_hop\":99}\n",
    );
    assert_eq!(
        missing.status.code(),
        Some(1),
        "a route without its next hop is refused by the cards: {}",
        text(&missing)
    );
}

#[test]
fn the_admin_port_answers_garbage_with_an_error_and_goes_on() {
    let chassis = Chassis::start();
    let mut stream = TcpStream::connect(chassis.admin[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut ask = |line: &[u8]| -> Value {
        stream.write_all(line).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    assert_eq!(ask(b"\xff\x00nonsense\n")["error"]["code"], "bad_request");
    assert_eq!(ask(b"{\"id\":3,\"request\":\"hello\"}\n")["answer"]["party_is"]["party"], "unit-1");
    assert_eq!(ask(b"{\"id\":4,\"request\":{\"fault\":{}}}\n")["error"]["code"], "wrong_party");
    assert_eq!(
        ask(b"{\"id\":5,\"request\":{\"show\":{\"process\":77,\"key\":\"00\"}}}\n")["error"]["code"],
        "not_found"
    );
    assert_eq!(
        ask(b"{\"id\":6,\"request\":{\"forgo\":{\"party\":\"card-9\"}}}\n")["error"]["code"],
        "not_found"
    );
    assert_eq!(ask(b"{\"id\":7,\"request\":{\"fob\":{}}}\n")["error"]["code"], "bad_request");
    let mut long = vec![b'x'; hitless_admin::MAX_LINE + 1];
    long.push(b'\n');
    assert_eq!(ask(&long)["error"]["code"], "too_long");
    let many: Vec<Value> =
        (0..=hitless_admin::MAX_SUBMIT).map(|_| value!([1, "00", null, null, null])).collect();
    let line = format!("{}\n", value!({"id": 8, "request": {"submit": {"changes": many}}}));
    assert_eq!(ask(line.as_bytes())["error"]["code"], "bad_request");
    assert_eq!(ask(b"{\"id\":9,\"request\":\"status\"}\n")["id"], 9);
}

#[test]
fn garbage_on_the_protocol_port_disturbs_nobody() {
    let chassis = Chassis::start();
    let text_of_config = std::fs::read_to_string(chassis.config()).unwrap();
    let address = text_of_config
        .lines()
        .find_map(|line| line.strip_prefix("address = "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    for garbage in [b"GET / HTTP/1.0\r\n\r\n".as_slice(), &[0xff; 4096], &[0; 3]] {
        TcpStream::connect(&address).unwrap().write_all(garbage).unwrap();
    }
    let output = chassis.ask(&["status"]);
    assert!(output.status.success(), "{}", text(&output));
}

fn primary(status: &Value) -> u64 {
    let units = status["units"].as_array().unwrap();
    units.iter().find(|unit| unit["role"] == "primary").unwrap()["unit"].as_u64().unwrap()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it did not come about within 20 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}
