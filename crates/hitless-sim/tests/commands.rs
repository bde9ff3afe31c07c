//! The program: exit codes, and the command that it prints shows the same again.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn hitless_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hitless-sim")).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The line behind `reproduce with:`, without the program's name.
fn command_of(text: &str) -> Vec<&str> {
    let line = text.lines().find_map(|line| line.split_once("reproduce with: hitless-sim ")).unwrap().1;
    line.split(' ').collect()
}

#[test]
fn what_the_canary_sees_goes_all_the_way_to_the_exit_code_and_back() {
    let swept = hitless_sim(&["sweep", "--seeds", "0..20", "--canary", "--stop-at-first"]);
    assert_eq!(code(&swept), 1);
    let text = said(&swept);
    assert!(text.contains("VIOLATED") && text.contains("canary: no card ever dies"), "{text}");

    let again = hitless_sim(&command_of(&text));
    assert_eq!(code(&again), 1, "{:?}", command_of(&text));
    assert!(said(&again).contains("VIOLATION canary"), "the trace shows it");

    let seed = command_of(&text)[2];
    let shrunk = hitless_sim(&["shrink", "--seed", seed, "--canary"]);
    assert_eq!(code(&shrunk), 1);
    let text = said(&shrunk);
    assert!(text.contains("1 strikes of") && text.contains("strike "), "{text}");
    let again = hitless_sim(&command_of(&text));
    assert_eq!(code(&again), 1, "{:?}", command_of(&text));
}

#[test]
fn what_holds_ends_well() {
    let run = hitless_sim(&["run", "--seed", "1"]);
    assert_eq!(code(&run), 0, "{}", said(&run));
    let none = hitless_sim(&["run", "--seed", "1", "--strikes", "none", "--ops", "0-9", "--end", "2000000"]);
    assert_eq!(code(&none), 0, "{}", said(&none));
    assert!(said(&none).contains("faults     0 of 0 classes"), "{}", said(&none));
}

#[test]
fn what_cannot_be_done_is_told_apart() {
    for arguments in [
        &["run"][..],
        &["run", "--seed", "x"],
        &["run", "--seed", "1", "--strikes", "4-2"],
        &["sweep", "--seeds", "5..5"],
        &["replay", "/nonexistent/recording.jsonl"],
        &["shrink", "--seed", "1", "--strikes", "none"],
    ] {
        let output = hitless_sim(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(output.stderr.starts_with(b"error: "), "{arguments:?}: {output:?}");
    }
}

#[test]
fn every_verb_speaks_json() {
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = hitless_sim(arguments);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let run = json(&["run", "--seed", "1", "--json"]);
    assert!(run["failure"].is_null() && run["did"]["steps"].as_u64().unwrap() > 100, "{run}");
    let sweep = json(&["sweep", "--seeds", "0..20", "--canary", "--json", "--stop-at-first"]);
    let failure = &sweep["failures"][0];
    assert!(failure["reproduce"].as_str().unwrap().starts_with("hitless-sim run --seed "), "{sweep}");
    assert_eq!(failure["violation"]["property"], "canary: no card ever dies");
    let seed = failure["seed"].to_string();
    let shrunk = json(&["shrink", "--seed", &seed, "--canary", "--json"]);
    assert_eq!(shrunk["strikes"].as_array().unwrap().len(), 1, "{shrunk}");
}
