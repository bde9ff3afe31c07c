//! Cards that program the kernel, as processes, in a network namespace of the test's own. As root; skipped by name otherwise.
// A test fails by a panic, in its own functions too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod chassis;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chassis::{Chassis, json, text};
use serde_json::Value;

const ROUTES: usize = 2000;

fn in_namespace(test: fn()) {
    if !rustix::process::geteuid().is_root() {
        eprintln!(
            "skipped: {} needs root to make a network namespace",
            thread::current().name().unwrap_or("a test")
        );
        return;
    }
    let run = thread::spawn(move || {
        #[expect(deprecated, reason = "of its flags only those about open files could do harm")]
        rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).unwrap();
        for command in [
            "link set lo up",
            "link add left type veth peer name left-end",
            // No addresses that come by themselves, later.
            "link set left addrgenmode none",
            "link set left-end addrgenmode none",
            "addr add 192.0.2.254/24 dev left",
            "link set left up",
            "link set left-end up",
        ] {
            ip(command);
        }
        test();
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A chassis of which the first card programs the kernel, with routes in it.
fn loaded() -> Chassis {
    let mut chassis = Chassis::lay_out();
    let file = std::fs::read_to_string(chassis.config()).unwrap();
    let file = file.replacen("state = \"card-1\"", "state = \"card-1\"\ntable = \"linux\"", 1);
    // What the primary tries again by itself comes too late to help.
    std::fs::write(chassis.config(), file + "[timing]\nretry_ms = 600000\naudit_ms = 600000\n").unwrap();
    for (kind, id) in [("control", 1), ("control", 2), ("card", 1), ("card", 2)] {
        chassis.spawn(kind, id);
    }
    let whole = chassis.ask(&["status", "--wait", "30"]);
    assert!(whole.status.success(), "{}", text(&whole));
    let mut lines =
        String::from("next-hop 1 via 192.0.2.1 dev left\nnext-hop 2 via 192.0.2.2\ngroup 1 1*2,2\n");
    lines.extend(
        (0..ROUTES).map(|n| format!("10.{}.{}.0/24 {}\n", n / 256, n % 256, ["1", "2", "group 1"][n % 3])),
    );
    let loaded = chassis.ask_with(&["load", "--json", "--format", "text", "-"], &lines);
    assert!(loaded.status.success(), "{}", text(&loaded));
    assert_eq!(json(&loaded)["safe"], ROUTES + 3);
    assert_eq!(kernel().lines().count(), held() + 3);
    chassis
}

/// What is ours in the kernel.
fn kernel() -> String {
    ip("nexthop show protocol 201") + &ip("route show proto 201")
}

/// Lines that `ip route` shows of our routes: those to a group have one more for each member.
fn held() -> usize {
    ROUTES + 2 * (ROUTES / 3)
}

/// The client process `fib` of the first card.
fn card(chassis: &Chassis) -> Value {
    let status = json(&chassis.ask(&["status", "--json"]));
    let channels = status["cards"][0]["channels"].as_array().unwrap();
    channels.iter().find(|channel| channel["process"] == 1).unwrap().clone()
}

#[test]
fn a_killed_card_leaves_the_kernels_table_and_adopts_it_without_a_write() {
    in_namespace(|| {
        let mut chassis = loaded();
        let before = kernel();
        let mut monitor =
            Command::new("ip").args(["monitor", "route", "nexthop"]).stdout(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        chassis.kill("card-1");
        thread::sleep(Duration::from_millis(300));
        assert_eq!(kernel(), before);
        chassis.spawn("card", 1);
        let whole = chassis.ask(&["status", "--wait", "30"]);
        assert!(whole.status.success(), "{}", text(&whole));
        assert_eq!(kernel(), before);
        let card = card(&chassis);
        assert_eq!(
            (&card["writes"], &card["entries"]),
            (&Value::from(0), &Value::from(ROUTES + 3)),
            "{card}"
        );
        ip("route add 203.0.113.0/24 dev left");
        let first = BufReader::new(monitor.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        assert!(first.starts_with("203.0.113.0/24"), "the first change since the kill: {first}");
        monitor.kill().unwrap();
        monitor.wait().unwrap();
    });
}

#[test]
fn after_the_death_of_all_units_and_the_card_the_kernels_table_is_adopted_without_a_write() {
    in_namespace(|| {
        let mut chassis = loaded();
        until("both units have it on disk", || {
            let status = json(&chassis.ask(&["status", "--json"]));
            let units = status["units"].as_array().unwrap();
            units.iter().all(|unit| unit["processes"][0]["kept"] == unit["processes"][0]["folded"])
        });
        let before = kernel();
        for party in ["control-1", "control-2", "card-1"] {
            chassis.kill(party);
        }
        for (kind, id) in [("card", 1), ("control", 1), ("control", 2)] {
            chassis.spawn(kind, id);
        }
        let whole = chassis.ask(&["status", "--wait", "30"]);
        assert!(whole.status.success(), "{}", text(&whole));
        assert_eq!(kernel(), before);
        let card = card(&chassis);
        assert_eq!(
            (&card["writes"], &card["entries"]),
            (&Value::from(0), &Value::from(ROUTES + 3)),
            "{card}"
        );
    });
}

#[test]
fn what_others_and_links_do_to_the_kernels_table_is_mended() {
    in_namespace(|| {
        let chassis = loaded();
        let before = kernel();
        ip("route del 10.0.3.0/24");
        ip("nexthop del id 2");
        until("both are back", || kernel() == before);
        let status = card(&chassis);
        assert!(status["mended"].as_u64().unwrap() as usize >= 2 + ROUTES / 3, "{status}");
        assert_eq!(
            (&status["failed"], &status["in_step"]),
            (&Value::from(0), &Value::from(true)),
            "{status}"
        );

        ip("link set left-end down");
        until("all is lost, and known to be", || {
            kernel().is_empty() && card(&chassis)["failed"] == ROUTES + 3
        });
        let degraded = chassis.ask(&["show", "10.0.3.0/24"]);
        assert!(text(&degraded).contains("FAILED"), "{}", text(&degraded));
        let began = Instant::now();
        ip("link set left-end up");
        until("it is all back", || kernel() == before);
        println!("{ROUTES} routes back {} ms after the link", began.elapsed().as_millis());
        until("and known to be", || {
            let card = card(&chassis);
            card["failed"] == 0 && card["in_step"] == true
        });
        let whole = chassis.ask(&["status", "--wait", "30"]);
        assert!(whole.status.success(), "{}", text(&whole));
    });
}

#[test]
fn a_card_without_the_right_to_write_routes_says_how_to_give_it() {
    in_namespace(|| {
        let chassis = Chassis::lay_out();
        let file = std::fs::read_to_string(chassis.config()).unwrap();
        std::fs::write(
            chassis.config(),
            file.replacen("state = \"card-1\"", "state = \"card-1\"\ntable = \"linux\"", 1),
        )
        .unwrap();
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", env!("CARGO_BIN_EXE_hitless")])
            .args(["card", "--card", "1", "--init", "--config"])
            .arg(chassis.config())
            .output()
            .unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for words in [
            "card-1: the kernel's forwarding table",
            "CAP_NET_ADMIN",
            "setcap cap_net_admin+ep",
            "AmbientCapabilities",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    });
}
