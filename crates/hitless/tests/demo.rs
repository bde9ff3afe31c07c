//! The demo's own claim, for every kind of death. The demo checks the tables from outside, and fails where they differ.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use std::process::Stdio;
use std::time::{Duration, Instant};

use chassis::{hitless, json, run, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn demo(args: &[&str]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let common = ["demo", "--json", "--entries", "3000", "--churn-ms", "200", "--deadline", "30", "--html"];
    let mut all: Vec<&str> = common.to_vec();
    all.push(page.to_str().unwrap());
    all.extend(args);
    let output = run(&all);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    let html = std::fs::read_to_string(page).unwrap();
    assert!(
        html.contains("<svg") && !html.contains("<script"),
        "the page has a drawing and needs nothing else"
    );
    let summary = json(&output);
    for round in summary["rounds"].as_array().unwrap() {
        for when in ["after_takeover", "after_switchover"] {
            let comparison = &round[when];
            assert!(
                comparison["equal"].as_u64() > Some(0) && comparison["safe_keys"].as_u64() > Some(0),
                "{comparison}"
            );
        }
    }
    summary
}

#[test]
fn killed() {
    let summary = demo(&["--rounds", "2"]);
    assert_eq!(summary["rounds"].as_array().unwrap().len(), 2);
    assert_eq!(summary["rounds"][0]["takeover"]["planned"], false);
    demo(&["--kill", "standby"]);
    demo(&["--kill", "card"]);
}

#[test]
fn frozen() {
    demo(&["--how", "freeze"]);
    demo(&["--how", "freeze", "--kill", "standby"]);
    demo(&["--how", "freeze", "--kill", "card"]);
}

#[test]
fn cut_off() {
    demo(&["--how", "cut"]);
    demo(&["--how", "cut", "--kill", "standby"]);
    demo(&["--how", "cut", "--kill", "card"]);
}

#[test]
fn with_two_standbys_and_four_cards() {
    demo(&["--standbys", "2", "--cards", "4", "--rounds", "2", "--how", "freeze"]);
}

#[test]
fn with_relayed_acks() {
    demo(&["--ack-path", "relayed"]);
}

#[test]
fn with_the_gated_rule() {
    demo(&["--output-rule", "gated"]);
}

#[test]
fn with_the_local_arbiter() {
    demo(&["--arbiter", "local"]);
}

#[test]
fn on_a_table_and_churn_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("table.txt");
    let churn = dir.path().join("churn.txt");
    let prefixes: String = (0..2000).map(|n| format!("10.{}.{}.0/24\n", n / 250, n % 250)).collect();
    std::fs::write(&table, prefixes).unwrap();
    let changes: String = (0..20_000)
        .map(|n| format!("{}10.{}.{}.0/24\n", if n % 3 == 0 { '-' } else { '+' }, n * 7 % 8, n * 11 % 250))
        .collect();
    std::fs::write(&churn, changes).unwrap();
    demo(&["--table", table.to_str().unwrap(), "--churn", churn.to_str().unwrap()]);
    demo(&["--table", table.to_str().unwrap()]);
}

#[test]
fn a_chassis_that_cannot_get_over_it_fails_the_demo() {
    // With one second for each step and half a minute of heartbeats nobody hears that the frozen primary is gone.
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let args =
        ["demo", "--entries", "100", "--how", "freeze", "--heartbeat", "10000", "--deadline", "3", "--html"];
    let output = run(&[&args, [page.to_str().unwrap()].as_slice()].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("no takeover was reported"), "{}", text(&output));
}

/// Processes whose parent is `pid`, from `/proc/N/stat`: `N (name) state parent ...`.
fn children_of(pid: u32) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let is_child =
        |stat: &str| stat.rsplit(')').next()?.split_whitespace().nth(1).map(|of| of == pid.to_string());
    processes
        .filter(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat"));
            stat.ok().and_then(|stat| is_child(&stat)) == Some(true)
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// A zombie is dead: whose child it became may be slow to hear of it.
fn is_alive(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Starts a demo that churns for long, signals it when all its processes run, and waits until they are gone.
fn no_process_is_left_after(signal: Signal) {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let mut command = hitless();
    command.args(["demo", "--entries", "100", "--churn-ms", "60000", "--html", page.to_str().unwrap()]);
    let mut demo =
        command.env("TMPDIR", dir.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = demo.id();
    let children = || children_of(pid);
    let begun = Instant::now();
    while children().len() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the demo did not start its processes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let children = children();
    kill_process(Pid::from_child(&demo), signal).unwrap();
    demo.wait().unwrap();
    let begun = Instant::now();
    while let Some(left) = children.iter().find(|child| is_alive(child)) {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {left} is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_demo_leaves_no_process_behind() {
    no_process_is_left_after(Signal::INT);
    no_process_is_left_after(Signal::TERM);
}

#[test]
fn a_killed_demo_leaves_no_process_behind() {
    no_process_is_left_after(Signal::KILL);
}
