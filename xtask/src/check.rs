//! `cargo xtask check`: the list of steps. It reads only; `--locked` keeps cargo from writing the lock file.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::{cargo, quietly};
use crate::step::{Finding, Step, run_all};
use crate::tidy;
use crate::tree::Tree;

/// In the order in which they run: what is quick to find comes first.
const STEPS: &[Step] = &[
    Step { name: "fmt", run: fmt },
    Step { name: "tidy", run: |tree| Ok(tidy::tidy(tree)) },
    Step { name: "links", run: |tree| Ok(tidy::links::check(tree)) },
    Step { name: "crates", run: |_| tidy::crates::check() },
    Step { name: "purity", run: tidy::purity::check },
    Step { name: "clippy", run: clippy },
    Step {
        name: "doc",
        run: |_| {
            let mut command = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
            quietly(command.env("RUSTDOCFLAGS", "-D warnings"))
        },
    },
];

fn fmt(tree: &Tree) -> Result<Vec<Finding>> {
    let check = ["--check", "--", "-l"];
    let mut findings = quietly(cargo(&["fmt", "--all"]).args(check))?;
    findings.extend(quietly(cargo(&["fmt", "--manifest-path"]).arg(fuzz_manifest(tree)).args(check))?);
    Ok(findings)
}

fn clippy(tree: &Tree) -> Result<Vec<Finding>> {
    let strict = ["--all-targets", "--locked", "--", "-D", "warnings"];
    let mut findings = quietly(cargo(&["clippy", "--workspace"]).args(strict))?;
    let mut fuzz = cargo(&["clippy", "--target-dir"]);
    fuzz.arg(tree.root.join("target")).arg("--manifest-path").arg(fuzz_manifest(tree)).args(strict);
    // Nothing is linked, so libFuzzer need not be built.
    findings.extend(quietly(fuzz.env("CUSTOM_LIBFUZZER_PATH", "/dev/null"))?);
    Ok(findings)
}

/// The fuzz targets are a workspace of their own.
fn fuzz_manifest(tree: &Tree) -> PathBuf {
    tree.root.join("fuzz").join("Cargo.toml")
}

/// Runs the named steps, or all of them where none is named.
pub(crate) fn check(tree: &Tree, names: &[&str]) -> Result<bool> {
    for name in names {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        anyhow::ensure!(known.contains(name), "no step `{name}`: there are {}", known.join(", "));
    }
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect();
    Ok(run_all(&chosen, tree))
}
