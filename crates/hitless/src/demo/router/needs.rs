//! What a router on this machine needs: root, iproute2 and FRR. What is missing is named with the command that brings it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::args::RouterArgs;
use crate::failure::{Exit, Failure};

/// Where distributions put FRR's daemons.
const DAEMONS: [&str; 3] = ["/usr/lib/frr", "/usr/libexec/frr", "/usr/sbin"];
/// Debian's packages.
const PACKAGES: [&str; 2] = ["frr", "iproute2"];

/// Where FRR's daemons are. Installs what is missing only if asked to.
///
/// # Errors
/// Not root; or something is missing, with how to get it.
pub(in crate::demo) fn find(args: &RouterArgs) -> Result<PathBuf, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::new(
            Exit::Usage,
            "demo --router needs root: it makes network namespaces and writes routes in them",
        )
        .hint("run it as `sudo hitless demo --router`; `hitless demo` needs no root"));
    }
    let mut found = look();
    if found.is_err() && args.install {
        install()?;
        found = look();
    }
    found.map_err(|missing| {
        Failure::new(Exit::Usage, format!("demo --router needs what is not here: {}", missing.join(", ")))
            .hint(format!(
                "apt-get install {}; or give --install, which does that on Debian",
                PACKAGES.join(" ")
            ))
    })
}

/// The directory of FRR's daemons, or what is missing.
fn look() -> Result<PathBuf, Vec<String>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_ip = std::env::split_paths(&path).any(|dir| dir.join("ip").is_file());
    let daemons = DAEMONS.iter().map(Path::new).find(|dir| dir.join("zebra").is_file());
    let mut missing = Vec::new();
    if !has_ip {
        missing.push("the program `ip`".to_owned());
    }
    match daemons {
        None => missing.push(format!("FRR's zebra (looked for in {})", DAEMONS.join(", "))),
        Some(dir) if !dir.join("bgpd").is_file() => missing.push(format!("FRR's bgpd in {}", dir.display())),
        Some(dir) if missing.is_empty() => return Ok(dir.to_owned()),
        Some(_) => {}
    }
    Err(missing)
}

fn install() -> Result<(), Failure> {
    for arguments in [vec!["update"], [&["install", "-y", "--no-install-recommends"], &PACKAGES[..]].concat()]
    {
        eprintln!("apt-get {}", arguments.join(" "));
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(&arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let done = command.stdout(std::io::stderr()).status();
        if !done.is_ok_and(|status| status.success()) {
            let message = format!("apt-get {} has failed", arguments.join(" "));
            return Err(Failure::new(Exit::Failed, message)
                .hint("on other systems than Debian: install FRR with its FPM module, and iproute2"));
        }
    }
    Ok(())
}
