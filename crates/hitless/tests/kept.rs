//! Both control units are killed, and begin again with the state that they kept.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chassis::{Chassis, json, text};
use serde_json::{Value, json as value};

const ENTRIES: u64 = 20_000;

/// A chassis with entries, all of them known to be kept by both units.
fn loaded() -> Chassis {
    let chassis = Chassis::start();
    let mut lines =
        String::from("{\"process\":\"fib\",\"next_hop\":7,\"via\":\"192.0.2.1\",\"dev\":\"eth0\"}\n");
    for n in 1..ENTRIES {
        let (a, b) = (n >> 8, n & 255);
        writeln!(
            lines,
            "{{\"process\":\"fib\",\"prefix\":\"10.{a}.{b}.0/24\",\"next_hop\":7,\"note\":\"n{n}\"}}"
        )
        .unwrap();
    }
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], &lines);
    assert!(output.status.success(), "{}", text(&output));
    all_kept(&chassis);
    chassis
}

fn status(chassis: &Chassis) -> Value {
    json(&chassis.ask(&["status", "--json"]))
}

fn all_kept(chassis: &Chassis) {
    let kept = |status: &Value| {
        let units = status["units"].as_array().unwrap();
        let processes = units.iter().flat_map(|unit| unit["processes"].as_array().unwrap());
        units.len() == 2 && processes.clone().all(|process| process["kept"] == process["folded"])
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while !kept(&status(chassis)) {
        assert!(Instant::now() < deadline, "not kept in time: {}", status(chassis));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Writes of each card to its forwarding table for `fib`.
fn writes(chassis: &Chassis) -> Vec<u64> {
    let status = status(chassis);
    let fib = |card: &Value| {
        let channels = card["channels"].as_array().unwrap();
        channels.iter().find(|channel| channel["process"] == 1).unwrap()["writes"].as_u64().unwrap()
    };
    status["cards"].as_array().unwrap().iter().map(fib).collect()
}

fn whole(chassis: &Chassis) {
    let whole = chassis.ask(&["status", "--wait", "60"]);
    assert!(whole.status.success(), "{}", text(&whole));
}

/// Both units hold all, with what cards do not know of.
fn complete(chassis: &Chassis) {
    for unit in status(chassis)["units"].as_array().unwrap() {
        assert_eq!(unit["processes"][0]["entries"], ENTRIES, "{unit}");
    }
    for n in [1, ENTRIES / 2, ENTRIES - 1] {
        let prefix = format!("10.{}.{}.0/24", n >> 8, n & 255);
        let held = json(&chassis.ask(&["show", "--json", &prefix]));
        let held = held.as_array().unwrap();
        let notes = held.iter().filter(|party| party["reads"]["note"] == value!(format!("n{n}")));
        assert_eq!((held.len(), notes.count()), (4, 2), "{held:?}");
    }
}

#[test]
fn both_units_killed_and_started_again_write_nothing_to_the_cards() {
    let mut chassis = loaded();
    let before = writes(&chassis);
    assert_eq!(before, [ENTRIES, ENTRIES]);
    chassis.kill("control-1");
    chassis.kill("control-2");
    chassis.spawn("control", 1);
    chassis.spawn("control", 2);
    whole(&chassis);
    assert_eq!(writes(&chassis), before);
    complete(&chassis);
    // Once more, and a card begins anew meanwhile, whose forwarding table is gone with its process.
    all_kept(&chassis);
    chassis.kill("control-2");
    chassis.kill("control-1");
    chassis.kill("card-2");
    chassis.spawn("card", 2);
    chassis.spawn("control", 2);
    chassis.spawn("control", 1);
    whole(&chassis);
    assert_eq!(writes(&chassis), before);
    complete(&chassis);
}

#[test]
fn what_was_deleted_while_a_card_was_down_stays_deleted_and_a_lost_store_is_no_harm() {
    let mut chassis = loaded();
    chassis.kill("card-2");
    let lines = "{\"process\":\"fib\",\"delete\":\"10.0.1.0/24\"}\n";
    let output = chassis.ask_with(&["load", "--json", "--format", "json", "-"], lines);
    assert!(output.status.success(), "{}", text(&output));
    all_kept(&chassis);
    chassis.kill("control-1");
    chassis.kill("control-2");
    chassis.spawn("card", 2);
    // What one of them kept is gone: the other goes first.
    std::fs::remove_dir_all(chassis.config().with_file_name("unit-1").join("entries")).unwrap();
    chassis.spawn("control", 1);
    chassis.spawn("control", 2);
    whole(&chassis);
    assert_eq!(chassis.ask(&["show", "10.0.1.0/24"]).status.code(), Some(3), "nobody has it");
    let held = json(&chassis.ask(&["show", "--json", "10.0.2.0/24"]));
    assert_eq!(held.as_array().unwrap().iter().filter(|party| party["reads"]["note"] == "n2").count(), 2);
    // Both are damaged: state is rebuilt from the cards, without what they do not know of.
    chassis.kill("control-1");
    chassis.kill("control-2");
    for unit in ["unit-1", "unit-2"] {
        let entries = chassis.config().with_file_name(unit).join("entries");
        for file in std::fs::read_dir(&entries).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                std::fs::write(path, b"not what was written").unwrap();
            }
        }
    }
    chassis.spawn("control", 1);
    chassis.spawn("control", 2);
    whole(&chassis);
    let held = json(&chassis.ask(&["show", "--json", "10.0.2.0/24"]));
    assert_eq!(held.as_array().unwrap().len(), 4, "{held}");
    assert!(held.as_array().unwrap().iter().all(|party| party["reads"]["note"] != "n2"), "{held}");
    assert!(chassis.config().with_file_name("unit-1").join("entries.damaged").is_dir());
}
