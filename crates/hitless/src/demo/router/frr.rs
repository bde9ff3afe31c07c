//! FRR beside a control unit, unmodified: zebra, which pushes its routes to the unit by FPM, and bgpd.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command as Plain, Stdio};
use std::time::{Duration, Instant};

use hitless_proto::ids::{Party, UnitId};
use tokio::process::{Child, Command};

use super::namespaces::{FRR_RUN, Namespaces, run};
use super::plan;
use crate::failure::{Exit, Failure};

/// zebra makes its socket for the other daemons so soon.
const START: Duration = Duration::from_secs(30);
/// Bytes of zebra's buffer for the kernel's notifications: Debian's own setting.
const NETLINK_BUFFER: &str = "90000000";
/// Number that the kernel knows zebra's next hops by.
const ZEBRA: &str = "11";

/// FRR's daemons in the namespace of one unit.
pub(super) struct Frr {
    unit: UnitId,
    daemons: PathBuf,
    namespace: String,
    /// Configurations and logs.
    dir: PathBuf,
    /// Run files: FRR takes no other place for them.
    run: PathBuf,
    children: Vec<Child>,
    user: [u32; 2],
}

impl Frr {
    /// Prepares it, and starts nothing.
    pub(super) fn prepare(
        unit: UnitId,
        daemons: &Path,
        namespaces: &Namespaces,
        dir: &Path,
    ) -> Result<Self, Failure> {
        let namespace = namespaces.name(&unit.to_string());
        let frr = Self {
            unit,
            daemons: daemons.to_owned(),
            run: Path::new(FRR_RUN).join(&namespace),
            namespace,
            dir: dir.to_owned(),
            children: Vec::new(),
            user: [id("-u")?, id("-g")?],
        };
        for place in [&frr.dir, &frr.run] {
            fs::create_dir_all(place)
                .and_then(|()| chown(place, Some(frr.user[0]), Some(frr.user[1])))
                .map_err(|error| frr.failed(place, &error))?;
        }
        Ok(frr)
    }

    /// Starts zebra, and bgpd when zebra is ready.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        let fpm = plan::FPM.replace(':', " port ");
        self.daemon(
            "zebra",
            &format!("fpm address {fpm}\n"),
            &["-M", "dplane_fpm_nl", "-s", NETLINK_BUFFER],
        )?;
        let socket = self.run.join("zserv.api");
        let begun = Instant::now();
        while !socket.exists() {
            if begun.elapsed() > START
                || self.children.iter_mut().any(|child| child.try_wait().is_ok_and(|ended| ended.is_some()))
            {
                let log = fs::read_to_string(self.dir.join("zebra.log")).unwrap_or_default();
                return Err(Failure::new(
                    Exit::Failed,
                    format!("zebra of {} does not come up: {log}", self.unit),
                )
                .hint("the demo's zebra loads the module dplane_fpm_nl, of Debian's package frr"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.daemon("bgpd", &self.bgp(), &[])
    }

    fn bgp(&self) -> String {
        let (hub, asn) = (plan::hub_on(Party::Unit(self.unit)), plan::AS);
        let own = plan::bgp(self.unit).ip();
        format!(
            "router bgp {asn}\n bgp router-id {own}\n neighbor {hub} remote-as internal\n neighbor {hub} passive\n \
             address-family ipv6 unicast\n  neighbor {hub} activate\n exit-address-family\n"
        )
    }

    fn daemon(&mut self, name: &str, config: &str, more: &[&str]) -> Result<(), Failure> {
        let path = self.dir.join(format!("{name}.conf"));
        fs::write(&path, config)
            .and_then(|()| chown(&path, Some(self.user[0]), Some(self.user[1])))
            .map_err(|error| self.failed(&path, &error))?;
        let program = self.daemons.join(name);
        let log = format!("file:{}", self.dir.join(format!("{name}.log")).display());
        let child = Command::new("ip")
            .args(["netns", "exec", &self.namespace])
            .arg(&program)
            // No port for vtysh by TCP; its socket is among the run files.
            .args(["-N", &self.namespace, "-P", "0", "--log", &log, "-f"])
            .arg(&path)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(&program, &error))?;
        self.children.push(child);
        Ok(())
    }

    /// Kills zebra, and with it the rest: so does FRR's own watchfrr, before it starts all of them again.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        for mut child in self.children.drain(..) {
            // One that has ended needs no signal.
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
        for entry in fs::read_dir(&self.run).map_err(|error| self.failed(&self.run, &error))?.flatten() {
            fs::remove_file(entry.path()).map_err(|error| self.failed(&entry.path(), &error))?;
        }
        Ok(())
    }

    /// Takes out of the unit's own kernel what a killed zebra left: the next one would take some of it over as its own, and
    /// announce it though no daemon wants it any more (seen with FRR 8.4.4).
    pub(super) fn flush(&self) -> Result<(), Failure> {
        run(Plain::new("ip").args(["-n", &self.namespace, "nexthop", "flush", "protocol", ZEBRA]))
            .map(drop)
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: what zebra left: {error}", self.unit)))
    }

    fn failed(&self, what: &Path, error: &std::io::Error) -> Failure {
        Failure::new(Exit::Failed, format!("FRR at {}: {}: {error}", self.unit, what.display()))
    }
}

/// Number of the user or group `frr`: its daemons do not run as root.
fn id(flag: &str) -> Result<u32, Failure> {
    let text = run(Plain::new("id").args([flag, "frr"]));
    text.ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
        Failure::new(Exit::Failed, "there is no user `frr`, as whom FRR's daemons run")
            .hint("Debian's package frr makes it: apt-get install frr")
    })
}
