//! A real zebra with static routes, in a network namespace of its own, where the chassis runs too.
// Each test program uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const DAEMONS: &str = "/usr/lib/frr";

/// Why it cannot be had here: not root, or FRR is not installed.
pub(crate) fn missing() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return Some("it needs root for a network namespace");
    }
    if !Path::new(DAEMONS).join("zebra").exists() {
        return Some("FRR is not installed (Debian: apt-get install frr)");
    }
    let name = format!("hitless-try-{}", std::process::id());
    let netns = |verb: &str| Command::new("ip").args(["netns", verb, &name]).output();
    if !netns("add").is_ok_and(|output| output.status.success()) {
        return Some("no network namespace can be made here (a container needs --privileged)");
    }
    netns("delete").unwrap();
    None
}

/// The namespace with two links, and FRR's daemons in it.
pub(crate) struct Router {
    pub(crate) name: String,
    dir: TempDir,
    run: PathBuf,
    daemons: Vec<Child>,
}

impl Router {
    /// A namespace with the links v0 (10.0.1.1/24) and w0 (10.0.2.1/24).
    pub(crate) fn lay_out(name: &str) -> Self {
        let name = format!("hitless-{name}-{}", std::process::id());
        let run = Path::new("/var/run/frr").join(&name);
        fs::create_dir_all(&run).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let router = Self { name, dir, run, daemons: Vec::new() };
        router.give_to_frr(&router.run);
        router.give_to_frr(router.dir.path());
        sh(&["ip", "netns", "add", &router.name]);
        router.inside(&["ip", "link", "set", "lo", "up"]);
        for (link, peer, address) in [("v0", "v1", "10.0.1.1/24"), ("w0", "w1", "10.0.2.1/24")] {
            router.inside(&["ip", "link", "add", link, "type", "veth", "peer", "name", peer]);
            router.inside(&["ip", "link", "set", link, "up"]);
            router.inside(&["ip", "link", "set", peer, "up"]);
            router.inside(&["ip", "address", "add", address, "dev", link]);
        }
        router
    }

    fn give_to_frr(&self, path: &Path) {
        let id = |flag: &str| {
            let output = Command::new("id").args([flag, "frr"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
    }

    fn inside(&self, command: &[&str]) {
        sh(&[&["ip", "netns", "exec", &self.name], command].concat());
    }

    fn daemon(&mut self, name: &str, config: &str, more: &[&str]) {
        let path = self.dir.path().join(name);
        fs::write(&path, config).unwrap();
        self.give_to_frr(&path);
        let log = format!("file:{}", self.dir.path().join(format!("{name}.log")).display());
        let child = Command::new("ip")
            .args(["netns", "exec", &self.name, &format!("{DAEMONS}/{name}")])
            .args(["-N", &self.name, "-P", "0", "--log", &log, "-f"])
            .arg(&path)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.daemons.push(child);
    }

    /// Starts zebra, which connects to the port, and static routes, a line each.
    pub(crate) fn start(&mut self, port: u16, routes: &str) {
        self.daemon("zebra", &format!("fpm address 127.0.0.1 port {port}\n"), &["-M", "dplane_fpm_nl"]);
        let socket = self.run.join("zserv.api");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < deadline, "zebra does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.daemon("staticd", routes, &[]);
    }

    /// Takes from the kernel what a killed zebra left: the next one would take over some of it as its own, and announce it.
    pub(crate) fn flush(&self) {
        self.inside(&["ip", "nexthop", "flush"]);
    }

    /// Kills both, with SIGKILL. What zebra wrote to the kernel stays.
    pub(crate) fn kill(&mut self) {
        for mut daemon in self.daemons.drain(..) {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
        for file in fs::read_dir(&self.run).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }

    /// What vtysh prints.
    pub(crate) fn vtysh(&self, commands: &[&str]) -> String {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "vtysh", "-N", &self.name]);
        for line in commands {
            command.args(["-c", line]);
        }
        let output = command.stderr(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Zebra's routes that are selected and not connected, as `prefix via gateway,gateway`, sorted.
    pub(crate) fn rib(&self) -> Vec<String> {
        let rib: Value = serde_json::from_str(&self.vtysh(&["show ip route json"])).unwrap_or_default();
        let mut lines = Vec::new();
        for (prefix, routes) in rib.as_object().into_iter().flatten() {
            let selected = routes.as_array().unwrap().iter().find(|route| route["selected"] == true);
            let Some(route) = selected.filter(|route| route["protocol"] != "connected") else { continue };
            let hops = route["nexthops"].as_array().unwrap().iter().filter(|hop| hop["fib"] == true);
            let mut ways: Vec<String> = hops
                .map(|hop| match (hop["ip"].as_str(), hop["interfaceName"].as_str()) {
                    (Some(ip), Some(device)) => format!("via {ip} dev {device}"),
                    (None, Some(device)) => format!("dev {device}"),
                    (_, None) => "drop".to_owned(),
                })
                .collect();
            ways.sort();
            lines.push(format!("{prefix} {}", ways.join(", ")));
        }
        lines.sort();
        lines
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir(&self.run);
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

fn sh(command: &[&str]) {
    let status = Command::new(command[0]).args(&command[1..]).status().unwrap();
    assert!(status.success(), "{command:?}");
}
