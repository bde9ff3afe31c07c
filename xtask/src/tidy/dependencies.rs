//! Each dependency has its reason in docs/dependencies.md: a line `` - `name`: why``.

use std::collections::BTreeSet;

use crate::step::Finding;
use crate::tree::Tree;

/// Manifests, each with the section that lists what is depended on.
const MANIFESTS: [(&str, &str); 2] =
    [("Cargo.toml", "[workspace.dependencies]"), ("fuzz/Cargo.toml", "[dependencies]")];
const REASONS: &str = "docs/dependencies.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let text = |path| tree.file(path).map_or("", |file| file.text.as_str());
    compare(&MANIFESTS.map(|(path, section)| (text(path), section)), text(REASONS))
}

fn compare(manifests: &[(&str, &str)], reasons: &str) -> Vec<Finding> {
    let used: BTreeSet<&str> =
        manifests.iter().flat_map(|(manifest, section)| dependencies(manifest, section)).collect();
    let mut reasoned: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    for (index, line) in reasons.lines().enumerate() {
        let Some((name, reason)) = line.strip_prefix("- `").and_then(|rest| rest.split_once("`:")) else {
            continue;
        };
        if reason.trim().is_empty() {
            findings.push(Finding::at(REASONS, index + 1, format!("`{name}` has no reason")));
        }
        if !used.contains(name) {
            findings.push(Finding::at(REASONS, index + 1, format!("`{name}` is not a dependency any more")));
        }
        if reasoned.contains(&name) {
            findings.push(Finding::at(REASONS, index + 1, format!("`{name}` has two lines")));
        }
        reasoned.push(name);
    }
    for name in used.into_iter().filter(|name| !reasoned.contains(name)) {
        findings.push(Finding::Fault(format!("{REASONS}: no line \"- `{name}`: why\"")));
    }
    findings
}

/// Names in this section, our own crates left out.
fn dependencies<'a>(manifest: &'a str, section: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .skip_while(move |line| line.trim() != section)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim_start().starts_with('#') && !line.contains("path ="))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "[workspace.dependencies]";
    const MANIFEST: &str = "\
[workspace.dependencies]
hitless-proto = { path = \"crates/hitless-proto\" }
bytes = \"1\"
libc = \"0.2\"

[profile.dev]
debug = true
";

    #[test]
    fn each_dependency_with_a_reason_passes() {
        assert_eq!(
            compare(&[(MANIFEST, SECTION)], "# Why\n\n- `bytes`: shared buffers.\n- `libc`: signals.\n"),
            []
        );
    }

    #[test]
    fn what_two_manifests_use_has_one_reason() {
        let manifests =
            [(MANIFEST, SECTION), ("[dependencies]\nbytes = \"1\"\ncc = \"1\"\n", "[dependencies]")];
        assert_eq!(compare(&manifests, "- `bytes`: shared.\n- `libc`: signals.\n- `cc`: C.\n"), []);
        assert_eq!(compare(&manifests, "- `bytes`: shared.\n- `libc`: signals.\n").len(), 1);
    }

    #[test]
    fn a_missing_empty_stale_or_double_reason_fails() {
        for reasons in [
            "- `bytes`: shared buffers.\n",
            "- `bytes`: shared buffers.\n- `libc`:\n",
            "- `bytes`: shared buffers.\n- `libc`: signals.\n- `serde`: gone.\n",
            "- `bytes`: shared buffers.\n- `libc`: signals.\n- `libc`: again.\n",
        ] {
            assert_eq!(compare(&[(MANIFEST, SECTION)], reasons).len(), 1, "{reasons}");
        }
    }
}
