//! A chassis of real processes for a test. They end when it is dropped.
// Each test program uses a part of it.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The program under test.
pub(crate) fn hitless() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitless"));
    command.env_remove("RUST_LOG").env_remove("HITLESS_CONFIG").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    hitless().args(args).output().unwrap()
}

/// Two units and two cards.
pub(crate) struct Chassis {
    dir: TempDir,
    /// The network namespace in which everybody runs, if it is not that of the test.
    namespace: Option<String>,
    children: Vec<(String, Child)>,
    /// Admin addresses: units, then cards.
    pub(crate) admin: Vec<SocketAddr>,
}

impl Chassis {
    /// Writes the chassis file and starts nobody.
    pub(crate) fn lay_out() -> Self {
        Self::lay_out_with(|_| String::new())
    }

    /// Writes a chassis file with more lines for each unit.
    pub(crate) fn lay_out_with(more: impl Fn(usize) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listeners: Vec<TcpListener> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<SocketAddr> =
            listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let mut text = String::from("[chassis]\nname = \"test\"\n");
        for unit in 0..2 {
            let (address, admin) = (ports[unit], ports[2 + unit]);
            writeln!(text, "[[unit]]\nid = {}\naddress = \"{address}\"\nadmin = \"{admin}\"", unit + 1)
                .unwrap();
            writeln!(text, "state = \"unit-{}\"\n{}", unit + 1, more(unit + 1)).unwrap();
        }
        for card in 0..2 {
            writeln!(
                text,
                "[[card]]\nid = {}\nadmin = \"{}\"\nstate = \"card-{}\"",
                card + 1,
                ports[4 + card],
                card + 1
            )
            .unwrap();
        }
        std::fs::write(dir.path().join("chassis.toml"), text).unwrap();
        Self { dir, namespace: None, children: Vec::new(), admin: ports[2..].to_vec() }
    }

    /// Starts everybody and waits until the chassis is whole.
    pub(crate) fn start() -> Self {
        let mut chassis = Self::lay_out();
        chassis.spawn_all();
        let output = chassis.ask(&["status", "--wait", "30"]);
        assert!(output.status.success(), "{}", text(&output));
        chassis
    }

    /// Everybody, and whoever asks, is to run in this network namespace.
    pub(crate) fn inside(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Starts everybody.
    pub(crate) fn spawn_all(&mut self) {
        for (kind, id) in [("control", 1), ("control", 2), ("card", 1), ("card", 2)] {
            self.spawn(kind, id);
        }
    }

    fn hitless(&self) -> Command {
        let Some(namespace) = &self.namespace else { return hitless() };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_hitless")]);
        command.env_remove("RUST_LOG").env_remove("HITLESS_CONFIG").stdin(Stdio::null());
        command
    }

    /// The chassis file.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("chassis.toml")
    }

    /// Starts a party.
    pub(crate) fn spawn(&mut self, kind: &str, id: u16) {
        let role = if kind == "control" { "--unit" } else { "--card" };
        let child = self
            .hitless()
            .args([kind, role, &id.to_string(), "--init", "--exit-with-parent", "--log", "error", "--config"])
            .arg(self.config())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.children.push((format!("{kind}-{id}"), child));
    }

    /// Kills a party with SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) {
        let index = self.children.iter().position(|(of, _)| of == name).unwrap();
        let (_, mut child) = self.children.remove(index);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs a command on this chassis.
    pub(crate) fn ask(&self, args: &[&str]) -> Output {
        self.hitless().args(args).env("HITLESS_CONFIG", self.config()).output().unwrap()
    }

    /// Runs a command on this chassis with this standard input.
    pub(crate) fn ask_with(&self, args: &[&str], input: &str) -> Output {
        use std::io::Write as _;
        let mut command = self.hitless();
        command.args(args).env("HITLESS_CONFIG", self.config());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

impl Drop for Chassis {
    fn drop(&mut self) {
        for (_, child) in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// All that was printed.
pub(crate) fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Standard output as JSON.
pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}
