//! A network namespace for one test: a thread moves into a new one, which is gone when the thread and its children are.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hitless_proto::entry::Blob;
use hitless_proto::process::fib::{FibKey, NextHop, Route};
use hitless_runtime::{Finding, ForwardingTable};
use rustix::thread::UnshareFlags;

use super::super::{LinuxSettings, LinuxTable};

/// Two links: packets into one end come out at the other.
const SET_UP: &[&str] = &[
    "link set lo up",
    "link add left type veth peer name left-end",
    "link add right type veth peer name right-end",
    // No addresses that come by themselves, later.
    "link set left addrgenmode none",
    "link set left-end addrgenmode none",
    "link set right addrgenmode none",
    "link set right-end addrgenmode none",
    "addr add 192.0.2.254/24 dev left",
    "-6 addr add fd00::fe/64 dev left nodad",
    "addr add 198.51.100.254/24 dev right",
    "-6 addr add fd01::fe/64 dev right nodad",
    "link set left up",
    "link set left-end up",
    "link set right up",
    "link set right-end up",
];

/// Runs a test in a namespace of its own; without root it is skipped by name.
pub(super) fn in_namespace(test: fn()) {
    if !rustix::process::geteuid().is_root() {
        let name = thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("skipped: {name} needs root to make a network namespace");
        return;
    }
    let run = thread::spawn(move || {
        #[expect(deprecated, reason = "of its flags only those about open files could do harm")]
        rustix::thread::unshare(UnshareFlags::NEWNET).expect("a network namespace");
        SET_UP.iter().for_each(|command| drop(ip(command)));
        until("the links carry packets", || {
            ip("link show left").contains("state UP") && ip("link show right").contains("state UP")
        });
        test();
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` with these words; gives what it prints.
pub(super) fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Empties the kernel of what is ours, and opens it.
pub(super) fn fresh() -> LinuxTable {
    for command in [
        "route flush table all proto 201",
        "-6 route flush table all proto 201",
        "nexthop flush protocol 201",
    ] {
        // Nothing to flush is an error to some releases.
        let _nothing = Command::new("ip").args(command.split(' ')).output();
    }
    open(LinuxSettings::default())
}

pub(super) fn open(settings: LinuxSettings) -> LinuxTable {
    let mut table = LinuxTable::open(settings).expect("root may write routes");
    table.watch(std::sync::Arc::new(|| {})).expect("a watching socket");
    table
}

/// The fib as texts, `key -> part`, in order.
pub(super) fn texts(table: &mut LinuxTable) -> Vec<String> {
    let mut entries = table.dump(super::FIB).expect("a dump");
    entries.sort();
    entries.iter().map(|(key, part)| text(key, part)).collect()
}

pub(super) fn text(key: &Blob, part: &Blob) -> String {
    match FibKey::decode(key).expect("a key of the fib") {
        key @ FibKey::NextHop(_) => {
            format!(
                "{key} -> {}",
                NextHop::decode(part).map_or("something else".to_owned(), |hop| hop.to_string())
            )
        }
        key @ FibKey::Route { .. } => {
            let hop = Route::decode(part).map(|route| match route.metric {
                0 => FibKey::NextHop(route.next_hop).to_string(),
                metric => format!("{} metric {metric}", FibKey::NextHop(route.next_hop)),
            });
            format!("{key} -> {}", hop.unwrap_or("something else".to_owned()))
        }
    }
}

/// All that is found, until this is among it.
pub(super) fn found_until(table: &mut LinuxTable, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    until(wanted, || {
        for finding in table.findings(1024).list {
            found.push(match finding {
                Finding::Held { key, part, mend, .. } => {
                    let what = part.as_ref().map_or_else(
                        || format!("{} -> nothing", FibKey::decode(&key).expect("a key")),
                        |part| text(&key, part),
                    );
                    if mend { what } else { format!("{what}, left so") }
                }
                Finding::Curable { .. } => "curable".to_owned(),
                Finding::Blind(why) => panic!("{why}"),
            });
        }
        found.iter().any(|text| text == wanted)
    });
    found
}
