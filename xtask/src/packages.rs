//! Debian packages that some tests need: FRR and iproute2, for the tests of a whole router. Installed where that is possible;
//! elsewhere those tests say that they are skipped, and why.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::{loudly, output_of};

/// A program, and the package that brings it.
const NEEDED: &[(&str, &str)] =
    &[("/usr/lib/frr/zebra", "frr"), ("/usr/lib/frr/bgpd", "frr"), ("/usr/sbin/ip", "iproute2")];

/// Sees to it that the packages are there; says what it does. That they cannot be had is told, and is no failure.
pub(crate) fn install() -> Result<()> {
    let missing = missing(|path| Path::new(path).exists());
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if output_of(Command::new("id").arg("-u"))?.trim() != "0" || !Path::new("/usr/bin/apt-get").exists() {
        println!(
            "set-up: {names} not installed: the tests of a whole router are skipped, as are all that need root"
        );
        return Ok(());
    }
    println!("set-up: apt-get install {names}, for the tests of a whole router");
    for arguments in [vec!["update"], [&["install", "-y", "--no-install-recommends"], &missing[..]].concat()]
    {
        let mut command = Command::new("apt-get");
        command.arg("-qq").args(&arguments).env("DEBIAN_FRONTEND", "noninteractive");
        // Keeps init scripts from starting FRR here: the tests start what they need, in network namespaces.
        command.env("RUNLEVEL", "1");
        if !loudly(&mut command)? {
            println!("set-up: apt-get {} has failed: the tests of a whole router are skipped", arguments[0]);
            return Ok(());
        }
    }
    Ok(())
}

/// The packages of programs that are not there.
fn missing(exists: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_is_named_once_and_only_where_something_of_it_is_missing() {
        assert_eq!(missing(|_| true), Vec::<&str>::new());
        assert_eq!(missing(|_| false), ["frr", "iproute2"]);
        assert_eq!(missing(|path| path.ends_with("ip")), ["frr"]);
    }
}
