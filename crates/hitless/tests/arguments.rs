//! What the command line refuses, what it says then, and with which exit code.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use chassis::{Chassis, run, text};

fn refused(args: &[&str], code: i32, said: &str) {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output));
    assert!(text(&output).contains(said), "{args:?}: {}", text(&output));
}

#[test]
fn wrong_arguments_are_usage_errors() {
    refused(&["no-such-command"], 2, "unrecognized subcommand");
    refused(&["demo", "--cards", "0"], 2, "0 is not in 1..=64");
    refused(&["demo", "--kill", "everyone"], 2, "possible values: primary, standby, card");
    refused(&["switchover", "--to", "card-1"], 2, "write 2 or unit-2");
    refused(&["recover"], 2, "--without");
    refused(&["recover", "--without", "shelf-1"], 2, "write card-3 or unit-2");
    refused(&["load"], 2, "no file is named");
    refused(&["load", "--entries", "5", "table.txt"], 2, "--entries is for the generator");
    refused(&["report", "--last", "0"], 2, "0 is not in 1..");
    refused(&["load", "/no/such/file"], 2, "/no/such/file");
    refused(&["show", "--process", "nothing", "key"], 2, "known are fib, table");
    refused(&["show", "not-a-prefix"], 2, "is not a key of fib");
    refused(&["demo", "--html", "/no/such/dir/page.html"], 2, "--html");
    refused(&["demo", "--table", "/no/such/file", "--html", "/dev/null"], 2, "/no/such/file");
    refused(&["status", "--log", "=="], 2, "--log");
}

#[test]
fn a_missing_or_wrong_chassis_file_is_a_usage_error_that_says_what_to_do() {
    refused(&["status", "--config", "/no/such/chassis.toml"], 2, "hitless config default");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chassis.toml");
    std::fs::write(&path, "[chassis]\nnaem = \"x\"\n").unwrap();
    let file = path.to_str().unwrap();
    for args in [
        ["config", "check", file].as_slice(),
        &["status", "--config", file],
        &["control", "--unit", "1", "--config", file],
    ] {
        refused(args, 2, "chassis.toml:2: unknown field `naem`");
        refused(args, 2, "did you mean `name`?");
    }
}

#[test]
fn the_default_configuration_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chassis.toml");
    std::fs::write(&path, run(&["config", "default"]).stdout).unwrap();
    let output = run(&["config", "check", path.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(chassis::json(&output)["units"], 2);
}

#[test]
fn a_party_that_is_not_configured_or_has_no_state_does_not_start() {
    let chassis = Chassis::lay_out();
    let file = chassis.config();
    let file = file.to_str().unwrap();
    refused(&["control", "--unit", "9", "--config", file], 2, "has no unit-9");
    refused(&["card", "--card", "9", "--config", file], 2, "has no card-9");
    refused(&["card", "--card", "1", "--config", file], 1, "use --init");
}

#[test]
fn a_port_in_use_is_named() {
    let chassis = Chassis::lay_out();
    let _taken = std::net::TcpListener::bind(chassis.admin[0]).unwrap();
    let file = chassis.config();
    refused(
        &["control", "--unit", "1", "--init", "--config", file.to_str().unwrap()],
        1,
        "another process has it",
    );
}

#[test]
fn nobody_there_is_no_connection() {
    let chassis = Chassis::lay_out();
    let file = chassis.config();
    let file = file.to_str().unwrap();
    refused(&["status", "--config", file], 3, "no party answers");
    refused(&["switchover", "--config", file], 3, "no control unit is primary");
    refused(&["report", "--config", file], 3, "no connection");
    refused(&["show", "10.0.0.0/8", "--config", file], 3, "no party answers");
    refused(&["recover", "--without", "1", "--config", file], 3, "no connection");
    refused(&["load", "--entries", "10", "--config", file], 3, "no control unit is primary");
}

#[test]
fn errors_are_json_where_json_is_asked_for() {
    let output = run(&["status", "--json", "--config", "/no/such/chassis.toml"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["exit"], "usage");
}

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    for command in
        ["demo", "control", "card", "status", "switchover", "load", "show", "report", "recover", "completion"]
    {
        let output = run(&[command, "--help"]);
        assert!(output.status.success());
        let text = text(&output);
        assert!(text.contains("Examples:") && text.contains("Exit codes:"), "{command}: {text}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&run(&["completion", shell])).contains("switchover"));
    }
}
