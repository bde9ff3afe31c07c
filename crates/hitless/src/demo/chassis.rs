//! The demo's processes: each party is a `hitless control` or `hitless card` of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hitless_proto::ids::{CardId, Party, UnitId};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::args::{DemoArgs, How};
use super::layout::Layout;
use super::proxy::Proxies;
use crate::commands::status::Overview;
use crate::commands::target::Known;
use crate::failure::{Exit, Failure};

/// Starts that may fail because another program took a port that was free.
const ATTEMPTS: u32 = 3;

/// A running chassis.
pub(super) struct Chassis {
    dir: PathBuf,
    config: PathBuf,
    layout: Layout,
    children: BTreeMap<Party, Child>,
    proxies: Proxies,
    /// The network namespace of each party, where it has one of its own.
    namespaces: BTreeMap<Party, String>,
}

impl Chassis {
    /// Starts all parties and waits until the chassis is whole.
    pub(super) async fn start(args: &DemoArgs, dir: &Path) -> Result<Self, Failure> {
        let mut attempt = 1;
        loop {
            let mut chassis = Self::lay_out(args, &dir.join(format!("start-{attempt}"))).await?;
            let outcome = match chassis.spawn_all() {
                Ok(()) => chassis.wait_whole(Duration::from_secs(args.deadline)).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(_) => return Ok(chassis),
                Err(failure) if attempt == ATTEMPTS || !chassis.port_was_taken() => return Err(failure),
                Err(_) => chassis.stop().await,
            }
            attempt += 1;
        }
    }

    async fn lay_out(args: &DemoArgs, dir: &Path) -> Result<Self, Failure> {
        let failed =
            |what: &str, error: std::io::Error| Failure::new(Exit::Failed, format!("{what}: {error}"));
        std::fs::create_dir_all(dir).map_err(|error| failed("the demo's directory", error))?;
        let layout = Layout::probe(args).map_err(|error| failed("no free ports on 127.0.0.1", error))?;
        let proxies = match args.how {
            How::Cut => {
                Proxies::lay(&layout.pairs(), &layout.protocol).await.map_err(|e| failed("proxies", e))?
            }
            How::Kill | How::Freeze => Proxies::default(),
        };
        let toml = layout.toml(args, dir, &proxies.addresses());
        Ok(Self { proxies, ..Self::place(dir, layout, &toml, BTreeMap::new())? })
    }

    /// Writes the chassis file, and starts nobody.
    pub(super) fn place(
        dir: &Path,
        layout: Layout,
        toml: &str,
        namespaces: BTreeMap<Party, String>,
    ) -> Result<Self, Failure> {
        let config = dir.join("chassis.toml");
        std::fs::write(&config, toml)
            .map_err(|error| Failure::new(Exit::Failed, format!("the chassis file: {error}")))?;
        let (children, proxies) = (BTreeMap::new(), Proxies::default());
        Ok(Self { dir: dir.to_owned(), config, layout, children, proxies, namespaces })
    }

    /// Starts all parties for the first time.
    pub(super) fn spawn_all(&mut self) -> Result<(), Failure> {
        let units = self.layout.units.clone().into_iter().map(Party::Unit);
        for party in units.chain(self.layout.cards.clone().into_iter().map(Party::Card)) {
            self.spawn(party, true)?;
        }
        Ok(())
    }

    fn spawn(&mut self, party: Party, init: bool) -> Result<(), Failure> {
        let failed =
            |error: std::io::Error| Failure::new(Exit::Failed, format!("{party} cannot be started: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let log = std::fs::File::options().create(true).append(true).open(self.log(party)).map_err(failed)?;
        let mut command = match self.namespaces.get(&party) {
            None => Command::new(program),
            // `ip` becomes the program: same process, so signals reach it.
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        match party {
            Party::Unit(unit) => command.arg("control").arg("--unit").arg(unit.0.to_string()),
            Party::Card(card) => command.arg("card").arg("--card").arg(card.0.to_string()),
        };
        command.arg("--config").arg(&self.config).arg("--exit-with-parent");
        if init {
            command.arg("--init");
        }
        // The pipe on standard input closes when the demo dies, however it dies; the children end then.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.children.insert(party, command.spawn().map_err(failed)?);
        Ok(())
    }

    fn log(&self, party: Party) -> PathBuf {
        self.dir.join(format!("{party}.log"))
    }

    fn port_was_taken(&self) -> bool {
        let texts = self.children.keys().filter_map(|party| std::fs::read_to_string(self.log(*party)).ok());
        texts.into_iter().any(|text| text.contains("in use"))
    }

    /// Admin addresses of the control units.
    pub(super) fn unit_addresses(&self) -> Vec<String> {
        self.layout.units.iter().map(|unit| self.admin(Party::Unit(*unit))).collect()
    }

    /// Control units, ascending.
    pub(super) fn units(&self) -> &[UnitId] {
        &self.layout.units
    }

    /// Cards, ascending.
    pub(super) fn cards(&self) -> &[CardId] {
        &self.layout.cards
    }

    /// Admin address of a party.
    pub(super) fn admin(&self, party: Party) -> String {
        self.layout.admin.get(&party).map(ToString::to_string).unwrap_or_default()
    }

    /// Takes a party out of action.
    pub(super) async fn strike(&mut self, party: Party, how: How) -> Result<(), Failure> {
        match how {
            How::Kill => self.signal(party, Signal::KILL),
            How::Freeze => self.signal(party, Signal::STOP),
            How::Cut => {
                self.proxies.set(party, false);
                Ok(())
            }
        }
    }

    /// Brings it back.
    pub(super) async fn restore(&mut self, party: Party, how: How) -> Result<(), Failure> {
        match how {
            How::Kill => {
                if let Some(mut child) = self.children.remove(&party) {
                    child
                        .wait()
                        .await
                        .map_err(|error| Failure::new(Exit::Failed, format!("{party}: {error}")))?;
                }
                self.spawn(party, false)
            }
            How::Freeze => self.signal(party, Signal::CONT),
            How::Cut => {
                self.proxies.set(party, true);
                Ok(())
            }
        }
    }

    fn signal(&self, party: Party, signal: Signal) -> Result<(), Failure> {
        let id = self.children.get(&party).and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        let Some(pid) = id.and_then(Pid::from_raw) else {
            return Err(Failure::new(
                Exit::Failed,
                format!("{party} is not running: see {}", self.log(party).display()),
            ));
        };
        kill_process(pid, signal).map_err(|error| Failure::new(Exit::Failed, format!("{party}: {error}")))
    }

    /// What every party says of itself.
    pub(super) async fn overview(&self) -> Overview {
        let known = |(party, address): (&Party, &std::net::SocketAddr)| Known {
            party: Some(*party),
            address: address.to_string(),
        };
        let parties: Vec<Known> = self.layout.admin.iter().map(known).collect();
        Overview::gather(&parties).await
    }

    /// Waits until there is a primary and every party is in sync or in step with it. Returns its number.
    pub(super) async fn wait_whole(&mut self, patience: Duration) -> Result<UnitId, Failure> {
        let begun = Instant::now();
        loop {
            let overview = self.overview().await;
            let problems = overview.problems();
            if let (true, Some(primary)) = (problems.is_empty(), overview.primary()) {
                return Ok(UnitId(primary.unit));
            }
            if let Some(dead) = self.exited() {
                return Err(self.diagnose(&format!("{dead} has ended by itself"), &problems));
            }
            if begun.elapsed() > patience {
                let message = format!("the chassis was not whole after {} s", patience.as_secs());
                return Err(self.diagnose(&message, &problems));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A party whose process has ended though nobody killed it.
    pub(super) fn exited(&mut self) -> Option<Party> {
        let mut children = self.children.iter_mut();
        children.find_map(|(party, child)| matches!(child.try_wait(), Ok(Some(_))).then_some(*party))
    }

    /// A failure with what is known: what is not as it should be, and the last words of each log.
    pub(super) fn diagnose(&self, message: &str, problems: &[String]) -> Failure {
        let mut text = message.to_owned();
        for problem in problems {
            text.push_str("\n  ");
            text.push_str(problem);
        }
        for party in self.children.keys() {
            let log = std::fs::read_to_string(self.log(*party)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(4)..] {
                text.push_str(&format!("\n  {party}: {line}"));
            }
        }
        Failure::new(Exit::Failed, text).hint(format!("configuration and logs are in {}", self.dir.display()))
    }

    /// Kills what is left of it.
    pub(super) async fn stop(&mut self) {
        for child in self.children.values_mut() {
            // SIGKILL ends a frozen process too; one that has ended already needs no signal.
            let _ = child.start_kill();
        }
        for child in self.children.values_mut() {
            let _ = child.wait().await;
        }
        self.children.clear();
    }
}
