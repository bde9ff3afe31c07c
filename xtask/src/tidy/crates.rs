//! Which crate of the workspace may depend on which: `proto <- runtime <- adapters <- hitless -> admin`, and the
//! simulator on the protocol only.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command::{cargo, output_of};
use crate::step::Finding;

/// Each crate with what it may depend on, in its tests too.
const ALLOWED: &[(&str, &[&str])] = &[
    ("hitless-proto", &[]),
    ("hitless-runtime", &["hitless-proto"]),
    ("hitless-adapters", &["hitless-proto", "hitless-runtime"]),
    ("hitless-admin", &["hitless-proto"]),
    ("hitless-sim", &["hitless-proto"]),
    ("hitless-model", &["hitless-proto"]),
    ("hitless", &["hitless-proto", "hitless-runtime", "hitless-adapters", "hitless-admin"]),
    ("hitless-bench", &["hitless", "hitless-proto", "hitless-runtime", "hitless-adapters", "hitless-admin"]),
    ("xtask", &[]),
];

/// What the rules look at in a package.
struct Package {
    name: String,
    has_binary: bool,
    dependencies: Vec<String>,
}

pub(crate) fn check() -> Result<Vec<Finding>> {
    let text = output_of(&mut cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata did not answer in JSON")?;
    let packages: Vec<Package> = metadata["packages"].as_array().into_iter().flatten().map(package).collect();
    anyhow::ensure!(!packages.is_empty(), "cargo metadata names no package");
    Ok(directions(&packages))
}

fn package(value: &Value) -> Package {
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let list = |field: &str| value[field].as_array().cloned().unwrap_or_default();
    let is_binary =
        |target: &Value| target["kind"].as_array().is_some_and(|kind| kind.contains(&"bin".into()));
    Package {
        name: name(value),
        has_binary: list("targets").iter().any(is_binary),
        dependencies: list("dependencies").iter().map(name).collect(),
    }
}

fn directions(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Package { name, has_binary, dependencies } in packages {
        let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| crate_name == name) else {
            let text =
                format!("{name}: a new crate; say in {} what it may depend on, and why it is one", file!());
            findings.push(Finding::Fault(text));
            continue;
        };
        for dependency in dependencies {
            let ours = packages.iter().any(|package| package.name == *dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                findings.push(Finding::Fault(format!(
                    "{name} must not depend on {dependency}: see ARCHITECTURE.md"
                )));
            }
            if dependency == "anyhow" && !has_binary {
                findings.push(Finding::Fault(format!("{name} is a library: it has error types, not anyhow")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, has_binary: bool, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|&dependency| dependency.to_owned()).collect();
        Package { name: name.to_owned(), has_binary, dependencies }
    }

    #[test]
    fn the_allowed_directions_pass() {
        let packages: Vec<Package> = ALLOWED
            .iter()
            .map(|(name, allowed)| package(name, false, &[allowed, &["serde"][..]].concat()))
            .collect();
        assert_eq!(directions(&packages), []);
    }

    #[test]
    fn the_opposite_direction_fails() {
        for (from, to) in [
            ("hitless-proto", "hitless-runtime"),
            ("hitless-sim", "hitless-runtime"),
            ("hitless-admin", "hitless-adapters"),
            ("hitless-runtime", "hitless-adapters"),
        ] {
            let packages = [package(from, false, &[to]), package(to, false, &[])];
            assert_eq!(directions(&packages).len(), 1, "{from} on {to}");
        }
    }

    #[test]
    fn an_unknown_crate_fails() {
        assert_eq!(directions(&[package("hitless-extras", false, &[])]).len(), 1);
    }

    #[test]
    fn anyhow_is_for_binaries() {
        assert_eq!(directions(&[package("hitless-runtime", false, &["anyhow"])]).len(), 1);
        assert_eq!(directions(&[package("hitless", true, &["anyhow"])]), []);
    }
}
