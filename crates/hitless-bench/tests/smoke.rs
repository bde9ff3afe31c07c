//! The harness works: every measurement runs at a size that takes seconds, and what it writes is complete. No figure is
//! judged. It starts the binary `hitless` from beside its own, which `cargo xtask test` builds.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const NAMES: [&str; 10] =
    ["steady", "takeover", "kernel", "memory", "cards", "detection", "alarms", "rejoin", "next-hop", "audit"];

#[test]
fn every_measurement_runs_and_is_rendered() {
    let out = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitless-bench"));
    let output =
        command.args(["--tiny", "--json", "--out"]).arg(out.path()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    let names: Vec<&str> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names, NAMES, "{said}");
    let page = std::fs::read_to_string(out.path().join("performance.md")).unwrap();
    for measured in &lines {
        complete(measured, &page, &out.path().join("performance"));
    }
}

fn complete(measured: &Value, page: &str, folder: &Path) {
    let name = measured["name"].as_str().unwrap();
    let list = |field: &str| measured[field].as_array().unwrap().clone();
    // What needs root says so instead.
    assert!(!list("figures").is_empty() || !list("remarks").is_empty(), "{name}");
    for figure in list("figures") {
        let what = figure["what"].as_str().unwrap();
        assert!(figure["samples"].as_array().unwrap().iter().all(Value::is_number), "{name}: {what}");
        assert!(page.contains(what), "{name}: {what} is not on the page");
    }
    for field in ["processor", "kernel", "commit"] {
        assert!(!measured["machine"][field].as_str().unwrap().is_empty(), "{name}: no {field}");
    }
    assert!(page.contains(&format!("## {}\n", measured["title"].as_str().unwrap())), "{name}");
    let kept: Value =
        serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    assert_eq!(&kept, measured);
    for plot in list("plots") {
        let file = format!("{}.svg", plot["name"].as_str().unwrap());
        let svg = std::fs::read_to_string(folder.join(&file)).unwrap();
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{name}: {file}");
        assert!(page.contains(&file), "{name}: {file} is not on the page");
    }
}

#[test]
fn a_name_that_is_not_known_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitless-bench"));
    let output = command.arg("everything").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("steady"));
}
