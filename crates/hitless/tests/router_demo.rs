//! `hitless demo --router`: FRR, kernels, packets, and everything that may happen, as root in network namespaces. Without root
//! or FRR it says so and passes.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;
mod frr;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chassis::{hitless, json, text};
use rustix::process::{Pid, Signal, kill_process};

/// Why the test is skipped, said on standard error.
fn skipped(test: &str) -> bool {
    let missing = frr::missing();
    if let Some(why) = missing {
        eprintln!("{test}: skipped: {why}");
    }
    missing.is_some()
}

/// Every event at the size that fits here: no packet is lost but where it must be, and all tables are equal.
#[test]
fn no_event_loses_a_packet_and_all_tables_are_equal() {
    if skipped("no_event_loses_a_packet_and_all_tables_are_equal") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    // Other tests may take the processors: what is busy is not dead.
    let output = hitless()
        .args(["demo", "--router", "--json", "--routes", "50000", "--heartbeat", "200", "--html"])
        .arg(&page)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let summary = json(&output);
    let events = summary["events"].as_array().unwrap();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["kill", "freeze", "cut", "switchover", "zebra", "card", "link", "both", "flush"]);
    for event in events {
        let name = event["event"].as_str().unwrap();
        let (flow, compared) = (&event["flow"], &event["comparison"]);
        let [sent, lost] = ["sent", "lost"].map(|key| flow[key].as_u64().unwrap());
        assert!(sent > 10_000, "{name}: {flow}");
        match name {
            "flush" => assert!(lost > 0, "the positive control: {flow}"),
            "link" => assert_eq!(flow["lost_by_card"][1], 0, "{flow}"),
            _ => assert_eq!(lost, 0, "{name}: {flow}"),
        }
        let [entries, equal] = ["entries", "equal"].map(|key| compared[key].as_u64().unwrap());
        assert!(entries > 40_000 && equal == 2 * entries, "{name}: {compared}");
        assert_eq!(
            (&compared["different"], &compared["wrong"]),
            (&0.into(), &0.into()),
            "{name}: {compared}"
        );
    }
    for name in ["zebra", "card", "both"] {
        let event = events.iter().find(|event| event["event"] == name).unwrap();
        assert_eq!(event["writes"], serde_json::json!({"1": 100, "2": 100}), "{name}: the true difference");
    }
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.matches("<svg").count() == 9 && !page.contains("<script"),
        "a drawing for each event, and nothing else"
    );
}

/// Names that begin so, of namespaces and FRR's run files.
fn left_of(pid: u32) -> Vec<String> {
    let prefix = format!("hitless-{pid}-");
    let names = ["/run/netns", "/var/run/frr", "/run/hitless-demo"].iter().flat_map(|dir| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
    });
    names.filter(|name| name.starts_with(&prefix)).collect()
}

/// Processes in the demo's namespaces.
fn running_in(pid: u32) -> usize {
    let namespaces = left_of(pid).into_iter().filter(|name| Path::new("/run/netns").join(name).exists());
    let pids = namespaces.map(|name| Command::new("ip").args(["netns", "pids", &name]).output().unwrap());
    pids.map(|output| text(&output).lines().filter(|line| !line.trim().is_empty()).count()).sum()
}

/// A small demo whose parties and daemons all run.
fn started(page: &Path) -> Child {
    let mut command = hitless();
    command.args(["demo", "--router", "--routes", "2000", "--events", "freeze", "--html"]).arg(page);
    let mut demo = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    // Two units, two cards, two zebras, two bgpds.
    while running_in(demo.id()) < 8 {
        let ended = demo.try_wait().unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(60) && ended.is_none(),
            "it does not come up: {ended:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    demo
}

#[test]
fn an_interrupted_demo_leaves_nothing_and_what_a_killed_one_left_is_removed() {
    if skipped("an_interrupted_demo_leaves_nothing_and_what_a_killed_one_left_is_removed") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let mut killed = started(&page);
    kill_process(Pid::from_child(&killed), Signal::KILL).unwrap();
    killed.wait().unwrap();
    assert!(!left_of(killed.id()).is_empty(), "nobody was there to remove it");

    let mut interrupted = started(&page);
    assert_eq!(left_of(killed.id()), Vec::<String>::new(), "the next demo removes it");
    kill_process(Pid::from_child(&interrupted), Signal::INT).unwrap();
    let begun = Instant::now();
    while interrupted.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left_of(interrupted.id()), Vec::<String>::new());
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("page.html");
    let mut command = hitless();
    // As root: without any program in reach. FRR's directories are fixed, so it may be found.
    command.args(["demo", "--router", "--html"]).arg(&page).env("PATH", dir.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let said = text(&output);
    let root = rustix::process::geteuid().is_root();
    let wanted = if root {
        ["`ip`", "apt-get install frr iproute2"]
    } else {
        ["needs root", "sudo hitless demo --router"]
    };
    assert!(wanted.iter().all(|words| said.contains(words)), "{said}");
    assert!(!page.exists(), "nothing was begun");
    if !root {
        return;
    }
    let config = Command::new("setpriv")
        .args(["--reuid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_hitless"), "demo", "--router"])
        .output();
    if let Ok(output) = config {
        let said = text(&output);
        // Where the binary is out of reach for others, setpriv says that.
        assert!(said.contains("needs root") || said.contains("Permission denied"), "{said}");
    }
}
