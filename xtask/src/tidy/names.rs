//! Names that say nothing, or that the glossary has better words for.

use crate::step::Finding;
use crate::tree::File;

/// Never part of a name.
const NEVER: &[&str] = &["manager", "helper", "helpers", "util", "utils", "misc", "master", "slave"];
/// Never the whole of a name, nor its last word: `PeerInfo` says no more than `Peer`, but `common_prefix` is a word.
const NEVER_LAST: &[&str] = &["common", "data", "info"];
/// What the names of modules, functions and types follow.
const KEYWORDS: &[&str] = &["mod", "fn", "struct", "enum", "union", "trait", "type"];

pub(super) fn banned(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in file.path.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        if let Some(word) = banned_word(stem) {
            findings.push(Finding::at(&file.path, 1, format!("`{word}` in the path: see docs/glossary.md")));
        }
    }
    let Some(rust) = &file.rust else { return findings };
    for keyword in KEYWORDS {
        for (line, name) in rust.names_after(keyword) {
            if let Some(word) = banned_word(name) {
                let text = format!("`{word}` in the name of {keyword} `{name}`: see docs/glossary.md");
                findings.push(Finding::at(&file.path, line, text));
            }
        }
    }
    findings
}

fn banned_word(name: &str) -> Option<String> {
    let words = words_of(name);
    let never = words.iter().find(|word| NEVER.contains(&word.as_str()));
    never.or_else(|| words.last().filter(|word| NEVER_LAST.contains(&word.as_str()))).cloned()
}

/// The words of a `snake_case`, `kebab-case` or `CamelCase` name, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        banned(&File::new(path, text)).len()
    }

    #[test]
    fn banned_names_of_items_fail() {
        for text in
            ["mod utils;", "struct LinkManager;", "fn helper() {}", "type PeerInfo = u8;", "enum Data {}"]
        {
            assert_eq!(found("src/link.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn banned_names_of_files_fail() {
        for path in ["src/common.rs", "src/misc/link.rs", "docs/master-plan.md", "src/peer_info.rs"] {
            assert_eq!(found(path, ""), 1, "{path}");
        }
    }

    #[test]
    fn words_that_merely_contain_a_banned_one_pass() {
        let text = "fn common_prefix() {}\nstruct Metadata;\nmod database;\nfn f() { let data = 1; }\n// mod utils;\n";
        assert_eq!(found("src/informed.rs", text), 0);
    }
}
