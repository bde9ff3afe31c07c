//! A chassis of real processes to be measured: `hitless control` and `hitless card`, on loopback.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hitless::commands::status::Overview;
use hitless::commands::target::{Known, ask};
use hitless_admin::{Answer, Request, UnitStatus};
use hitless_proto::ids::{CardId, Party, UnitId};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::process;

/// A step that takes longer has failed: the largest tables take minutes to be brought to a unit that comes back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// Pause between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(5);

/// Lines for a card whose table is the kernel's.
pub(crate) const LINUX: &str = "table = \"linux\"";

/// The other one of two units.
pub(crate) fn other(unit: UnitId) -> UnitId {
    UnitId(3 - unit.0)
}

/// Which parties there are, and what differs from the defaults.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) units: u8,
    pub(crate) cards: u16,
    /// Lines for the first `[[card]]`.
    pub(crate) card: String,
    /// Lines of `[chassis]`.
    pub(crate) chassis: String,
    /// Sections of the chassis file beside these.
    pub(crate) sections: String,
    /// Control units keep their entries on disk, as they do by default.
    pub(crate) keeps: bool,
    /// Where a unit dials another instead of its own address.
    pub(crate) dial: Option<(UnitId, UnitId, SocketAddr)>,
}

impl Shape {
    pub(crate) fn new(units: u8, cards: u16) -> Self {
        let [chassis, card, sections] = [const { String::new() }; 3];
        Self { units, cards, card, chassis, sections, keeps: true, dial: None }
    }
}

/// Free ports, for all that listens.
pub(crate) struct Ports {
    pub(crate) protocol: BTreeMap<UnitId, SocketAddr>,
    admin: BTreeMap<Party, SocketAddr>,
}

impl Ports {
    pub(crate) fn find(shape: &Shape) -> Result<Self> {
        let units = || (1..=shape.units).map(UnitId);
        let parties = units().map(Party::Unit).chain((1..=shape.cards).map(|card| Party::Card(CardId(card))));
        let count = usize::from(shape.units) * 2 + usize::from(shape.cards);
        // All at once, so that no port is given twice.
        let listeners = (0..count)
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<std::io::Result<Vec<_>>>()?;
        let mut free = listeners.iter().map(TcpListener::local_addr);
        let mut next = || free.next().context("a port is missing")?.context("a listener without an address");
        let mut ports = Self { protocol: BTreeMap::new(), admin: BTreeMap::new() };
        for unit in units() {
            ports.protocol.insert(unit, next()?);
        }
        for party in parties {
            ports.admin.insert(party, next()?);
        }
        Ok(ports)
    }

    fn admin(&self, party: Party) -> Result<SocketAddr> {
        self.admin.get(&party).copied().with_context(|| format!("there is no {party}"))
    }
}

/// A running chassis. Its processes end when it is dropped.
pub(crate) struct Chassis {
    program: PathBuf,
    dir: TempDir,
    ports: Ports,
    children: BTreeMap<Party, Child>,
}

impl Chassis {
    /// Starts all parties, and waits until the chassis is whole.
    pub(crate) async fn start(program: &Path, shape: &Shape) -> Result<Self> {
        Self::start_at(program, shape, Ports::find(shape)?).await
    }

    /// Likewise, with ports that are known already.
    pub(crate) async fn start_at(program: &Path, shape: &Shape, ports: Ports) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hitless-bench-").tempdir()?;
        std::fs::write(dir.path().join("chassis.toml"), toml(shape, &ports)?)?;
        let mut chassis = Self { program: program.to_owned(), dir, ports, children: BTreeMap::new() };
        let parties: Vec<Party> = chassis.ports.admin.keys().copied().collect();
        for party in parties {
            chassis.spawn(party, true)?;
        }
        chassis.whole().await?;
        Ok(chassis)
    }

    fn spawn(&mut self, party: Party, init: bool) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log(party))?;
        let mut command = Command::new(&self.program);
        match party {
            Party::Unit(unit) => command.args(["control", "--unit", &unit.0.to_string()]),
            Party::Card(card) => command.args(["card", "--card", &card.0.to_string()]),
        };
        command.arg("--config").arg(self.dir.path().join("chassis.toml")).arg("--exit-with-parent");
        if init {
            command.arg("--init");
        }
        command.env_remove("RUST_LOG").env_remove("HITLESS_CONFIG");
        // The pipe closes when this process ends, however it does; the parties end then.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child =
            command.spawn().with_context(|| format!("{} cannot be started", self.program.display()))?;
        self.children.insert(party, child);
        Ok(())
    }

    fn log(&self, party: Party) -> PathBuf {
        self.dir.path().join(format!("{party}.log"))
    }

    /// Admin addresses of the units.
    pub(crate) fn units(&self) -> Vec<String> {
        let units = self.ports.admin.iter().filter(|(party, _)| matches!(party, Party::Unit(_)));
        units.map(|(_, address)| address.to_string()).collect()
    }

    pub(crate) fn admin(&self, party: Party) -> Result<String> {
        Ok(self.ports.admin(party)?.to_string())
    }

    pub(crate) fn pid(&self, party: Party) -> Result<u32> {
        self.children.get(&party).and_then(Child::id).with_context(|| format!("{party} does not run"))
    }

    /// Seconds on processors so far.
    pub(crate) fn on_processor(&self, party: Party) -> Result<f64> {
        process::on_processor(self.pid(party)?)
    }

    /// Resident memory.
    pub(crate) fn resident(&self, party: Party) -> Result<u64> {
        process::resident(self.pid(party)?)
    }

    /// Kills a party. It is not waited for.
    pub(crate) fn kill(&mut self, party: Party) -> Result<()> {
        self.children.get_mut(&party).with_context(|| format!("{party} does not run"))?.start_kill()?;
        Ok(())
    }

    /// Stops a party where it is, or lets it go on.
    pub(crate) fn freeze(&self, party: Party, frozen: bool) -> Result<()> {
        let pid = i32::try_from(self.pid(party)?).ok().and_then(Pid::from_raw).context("no process")?;
        kill_process(pid, if frozen { Signal::STOP } else { Signal::CONT })?;
        Ok(())
    }

    /// How many lines of all logs have this text.
    pub(crate) fn logged(&self, text: &str) -> Result<u64> {
        let mut lines = 0;
        for party in self.children.keys() {
            let log = std::fs::read_to_string(self.log(*party))?;
            lines += log.lines().filter(|line| line.contains(text)).count() as u64;
        }
        Ok(lines)
    }

    /// Starts a party again that was killed.
    pub(crate) async fn restart(&mut self, party: Party) -> Result<()> {
        if let Some(mut child) = self.children.remove(&party) {
            child.wait().await?;
        }
        self.spawn(party, false)
    }

    /// Waits until every party is in sync or in step; returns the primary.
    pub(crate) async fn whole(&mut self) -> Result<UnitId> {
        let begun = Instant::now();
        loop {
            let known = |(party, address): (&Party, &SocketAddr)| Known {
                party: Some(*party),
                address: address.to_string(),
            };
            let parties: Vec<Known> = self.ports.admin.iter().map(known).collect();
            let overview = Overview::gather(&parties).await;
            let problems = overview.problems();
            if let (true, Some(primary)) = (problems.is_empty(), overview.primary()) {
                return Ok(UnitId(primary.unit));
            }
            self.still_runs()?;
            ensure!(begun.elapsed() < PATIENCE, "the chassis does not become whole: {}", problems.join("; "));
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fails where a party has ended by itself, with its last words.
    fn still_runs(&mut self) -> Result<()> {
        for (party, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                let log = self.dir.path().join(format!("{party}.log"));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{party} has ended ({status}): {}", log.lines().last().unwrap_or_default());
            }
        }
        Ok(())
    }

    pub(crate) async fn status(&self, unit: UnitId) -> Result<UnitStatus> {
        match ask(&self.admin(Party::Unit(unit))?, Request::Status).await? {
            Answer::Unit(status) => Ok(status),
            other => bail!("{unit} answered {other:?}"),
        }
    }

    /// Writes of a card into its forwarding table, since it started.
    pub(crate) async fn written(&self, card: CardId) -> Result<u64> {
        match ask(&self.admin(Party::Card(card))?, Request::Status).await? {
            Answer::Card(status) => Ok(status.channels.iter().map(|channel| channel.writes).sum()),
            other => bail!("{card} answered {other:?}"),
        }
    }

    /// Waits until `unit` has folded everything of this process up to `seq`.
    pub(crate) async fn folded(&self, unit: UnitId, process: u16, seq: u64) -> Result<()> {
        let begun = Instant::now();
        loop {
            let status = self.status(unit).await?;
            if status.processes.iter().any(|row| row.process == process && row.folded >= seq) {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "{unit} does not fold up to {seq}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The chassis file.
fn toml(shape: &Shape, ports: &Ports) -> Result<String> {
    let name = std::process::id();
    let mut text = format!("[chassis]\nname = \"bench-{name}\"\n{}\n\n{}\n", shape.chassis, shape.sections);
    for (unit, address) in &ports.protocol {
        let admin = ports.admin(Party::Unit(*unit))?;
        writeln!(text, "[[unit]]\nid = {}\naddress = \"{address}\"\nadmin = \"{admin}\"", unit.0)?;
        writeln!(text, "state = \"{unit}\"\nkeep_entries = {}", shape.keeps)?;
        if let Some((from, _, address)) = shape.dial.filter(|(_, to, _)| to == unit) {
            writeln!(text, "dial = [{{ from = \"{from}\", address = \"{address}\" }}]")?;
        }
    }
    for card in (1..=shape.cards).map(CardId) {
        let admin = ports.admin(Party::Card(card))?;
        let lines = if card == CardId(1) { &*shape.card } else { "" };
        writeln!(text, "[[card]]\nid = {}\nadmin = \"{admin}\"\nstate = \"{card}\"\n{lines}", card.0)?;
    }
    Ok(text)
}
