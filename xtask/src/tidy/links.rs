//! Relative links of the documents lead to files of this repository.

use std::path::Path;

use crate::step::Finding;
use crate::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files.iter().filter(|file| file.extension() == "md");
    documents.flat_map(|file| broken(file, |target| tree.root.join(target).exists())).collect()
}

fn broken(file: &File, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_sample = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_sample = !in_sample;
        }
        if in_sample {
            continue;
        }
        for target in targets(line) {
            let found = resolve(&file.path, target).is_some_and(|path| exists(Path::new(&path)));
            if !found {
                findings.push(Finding::at(&file.path, number, format!("the link `{target}` leads nowhere")));
            }
        }
    }
    findings
}

/// Relative targets of `[text](target)` and `[name]: target` in a line, without the part after `#`.
fn targets(line: &str) -> Vec<&str> {
    // What is between back-quotes is code, not a link: every other piece.
    let outside = line.split('`').step_by(2);
    let inline =
        outside.flat_map(|piece| piece.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    // The text of a link may be code: then its end and its target are in the next piece, which begins with `](`.
    let named = line.strip_prefix('[').and_then(|rest| Some(rest.split_once("]: ")?.1));
    inline
        .chain(named)
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// The target from the root of the repository; `None` where it leads out of it.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[&str] = &["README.md", "docs/glossary.md", "docs"];

    fn found(path: &str, text: &str) -> usize {
        broken(&File::new(path, text), |target| FILES.iter().any(|file| Path::new(file) == target)).len()
    }

    #[test]
    fn links_that_lead_nowhere_fail() {
        for text in [
            "[a](missing.md)",
            "[a](../../outside.md)",
            "[`a`](missing.md#b)",
            "[a]: missing.md",
            "![](a.svg)",
        ] {
            assert_eq!(found("docs/a.md", text), 1, "{text}");
        }
    }

    #[test]
    fn links_to_files_and_folders_pass() {
        let text =
            "[a](glossary.md#card) and [b](../README.md) and [`c`](../docs/)\n[d]: ./glossary.md \"title\"\n";
        assert_eq!(found("docs/a.md", text), 0);
    }

    #[test]
    fn other_links_and_samples_pass() {
        let text = "[a](https://example.org) [b](#here) `[c](missing.md)`\n```\n[d](missing.md)\n```\n";
        assert_eq!(found("README.md", text), 0);
    }
}
