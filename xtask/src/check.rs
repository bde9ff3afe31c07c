//! `cargo xtask check`: the list of steps. It reads only; `--locked` keeps cargo from writing the lock file.

use anyhow::Result;

use crate::command::{cargo, quietly};
use crate::step::{Step, run_all};
use crate::tidy;
use crate::tree::Tree;

/// In the order in which they run: what is quick to find comes first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: |_| {
            let mut findings = quietly(&mut cargo(&["fmt", "--all", "--check", "--", "-l"]))?;
            let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check", "--", "-l"];
            findings.extend(quietly(&mut cargo(&fuzz))?);
            Ok(findings)
        },
    },
    Step { name: "tidy", run: |tree| Ok(tidy::tidy(tree)) },
    Step { name: "links", run: |tree| Ok(tidy::links::check(tree)) },
    Step { name: "crates", run: |_| tidy::crates::check() },
    Step { name: "purity", run: tidy::purity::check },
    Step {
        name: "clippy",
        run: |_| {
            quietly(&mut cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]))
        },
    },
    Step {
        name: "doc",
        run: |_| {
            let mut command = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
            quietly(command.env("RUSTDOCFLAGS", "-D warnings"))
        },
    },
];

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
