//! FRR's zebra: what it holds of a route that it has read from the kernel.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ipnet::IpNet;

use super::netlink;
use crate::namespace::{LINK, ip};
use crate::process;

const PROGRAM: &str = "/usr/lib/frr/zebra";
/// zebra reads some 100,000 routes a second.
const PATIENCE: Duration = Duration::from_secs(300);
/// Memory that stays as it is for so long has settled.
const SETTLED: Duration = Duration::from_secs(3);

/// Of all routes.
const NEXT_HOP: u32 = 9_999;

pub(crate) fn available() -> bool {
    Path::new(PROGRAM).exists()
}

/// Bytes of memory per route. To be called in a network namespace, where the routes are added.
pub(crate) fn bytes_per_route(prefixes: &[IpNet]) -> Result<f64> {
    let before = settled()?;
    let gateway = if prefixes.iter().all(|net| net.addr().is_ipv6()) { "fd00::1" } else { "192.0.2.1" };
    // Afterwards: at its start zebra deletes next hops that it does not know.
    ip(&format!("nexthop add id {NEXT_HOP} via {gateway} dev {LINK}"))?;
    netlink::add(prefixes, NEXT_HOP)?;
    let after = settled()?;
    ensure!(after > before, "zebra has read no routes");
    Ok((after - before) as f64 / prefixes.len() as f64)
}

/// Starts zebra, and gives its memory when it does not change any more.
fn settled() -> Result<u64> {
    let dir = tempfile::Builder::new().prefix("hitless-bench-zebra-").tempdir()?;
    // It leaves root behind, for the user that its package made.
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777))?;
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("zebra.conf"), "")?;
    let mut command = Command::new(PROGRAM);
    command
        .arg("-f")
        .arg(path("zebra.conf"))
        .arg("-i")
        .arg(path("zebra.pid"))
        .arg("-z")
        .arg(path("zserv.api"));
    // Without a terminal of its own; with room for what the kernel tells at once.
    command.arg("--vty_socket").arg(dir.path()).args(["-u", "frr", "-g", "frr", "-P", "0", "-s", "90000000"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Ended(command.spawn().context("zebra cannot be started")?);
    let begun = Instant::now();
    let (mut last, mut since) = (0, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(100));
        ensure!(child.0.try_wait()?.is_none(), "zebra has ended by itself");
        let now = process::resident(child.0.id())?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > SETTLED {
            return Ok(now);
        }
        ensure!(begun.elapsed() < PATIENCE, "zebra's memory does not settle");
    }
}

/// A child that ends when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
