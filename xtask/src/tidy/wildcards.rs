//! No `_ =>` in a match on an enum of ours: a new variant must be thought about everywhere.
//!
//! The patterns tell what is matched on, so this finds a match of which at least one arm begins with the path of such
//! an enum. A match on a tuple or a reference to one is let be.

use std::collections::BTreeSet;

use super::rust::{Rust, words};
use crate::step::Finding;
use crate::tree::{File, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let sources = || tree.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)));
    let ours: BTreeSet<&str> =
        sources().flat_map(|(_, rust)| rust.names_after("enum")).map(|(_, name)| name).collect();
    sources().flat_map(|(file, rust)| wildcards(file, rust, &ours)).collect()
}

fn wildcards(file: &File, rust: &Rust, ours: &BTreeSet<&str>) -> Vec<Finding> {
    let code = rust.code();
    let mut findings = Vec::new();
    for word in words(code).filter(|word| word.text == "match") {
        let patterns: Vec<(usize, &str)> = Arms::of(code, word.start).collect();
        let Some(name) = patterns.iter().find_map(|(_, pattern)| enum_of(pattern, ours)) else { continue };
        for (start, _) in patterns.iter().filter(|(_, pattern)| *pattern == "_") {
            let line = rust.line_of(*start);
            if !rust.is_test(line) {
                findings.push(Finding::at(
                    &file.path,
                    line,
                    format!("`_` in a match on `{name}`: name the variants"),
                ));
            }
        }
    }
    findings
}

/// The enum of ours that the pattern begins with, if any. `Self` before a variant can only be one.
fn enum_of<'a>(pattern: &'a str, ours: &BTreeSet<&str>) -> Option<&'a str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let pattern = pattern.trim_start_matches(['|', '&', ' ', '\n']);
    let path = pattern.split(|c| !is_path(c)).next()?;
    let (front, variant) = path.rsplit_once("::")?;
    let name = front.rsplit("::").next()?;
    let is_variant =
        variant.contains(|c: char| c.is_ascii_lowercase()) && variant.starts_with(char::is_uppercase);
    (is_variant && (name == "Self" || ours.contains(name))).then_some(name)
}

/// The patterns of a match, each with where it starts.
struct Arms<'a> {
    code: &'a str,
    at: usize,
}

impl<'a> Arms<'a> {
    fn of(code: &'a str, keyword: usize) -> Self {
        Self { code, at: (end_of(code, keyword, |rest| rest.starts_with('{')) + 1).min(code.len()) }
    }
}

impl<'a> Iterator for Arms<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at + self.code[self.at..].find(|c: char| !c.is_whitespace() && c != ',')?;
        let arrow = end_of(self.code, start, |rest| rest.starts_with("=>"));
        let after = self.code[arrow..].strip_prefix("=>")?.trim_start();
        let body = self.code.len() - after.len();
        self.at = if after.starts_with('{') {
            end_of(self.code, body + 1, |_| false) + 1
        } else {
            end_of(self.code, body, |rest| rest.starts_with(','))
        };
        self.at = self.at.min(self.code.len());
        Some((start, self.code[start..arrow].trim_end()))
    }
}

/// The first place at or after `from`, outside all brackets opened since, that `is_end` says yes to, or where the bracket
/// that `from` is in closes.
fn end_of(code: &str, from: usize, is_end: impl Fn(&str) -> bool) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        let closes = matches!(byte, b')' | b']' | b'}');
        if depth == 0 && byte.is_ascii() && (closes || is_end(&code[at..])) {
            return at;
        }
        if matches!(byte, b'(' | b'[' | b'{') {
            depth += 1;
        } else if closes {
            depth -= 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let file = File::new("a.rs", text);
        wildcards(&file, file.rust.as_ref().unwrap(), &BTreeSet::from(["Role"])).len()
    }

    #[test]
    fn a_wildcard_on_an_enum_of_ours_fails() {
        for text in [
            "match role { Role::Primary => 1, _ => 2 }",
            "match self { Self::Primary | Self::Joining => { f(); } _ => {} }",
            "match f(|x| { x }) { io::Role::Primary { epoch, .. } if g(1, 2) => [1, 2],\n    _ => [3, 4],\n}",
            "match a { 1 => match role { Role::Primary => 1, _ => 2 }, _ => 3 }",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn other_matches_pass() {
        for text in [
            "match role { Role::Primary => 1, Role::Joining => match n { 1 => 2, _ => 3 } }",
            "match number { Role::LIMIT => 1, _ => 2 }",
            "match kind { ErrorKind::NotFound => Role::Primary, _ => Role::Joining }",
            "match (a, b) { (Role::Primary, true) => 1, _ => 2 }",
            "match maybe { Some(Role::Primary) => 1, _ => 2 }",
            "#[cfg(test)]\nmod tests { fn f() { match role { Role::Primary => 1, _ => 2 } } }",
            "// match role { Role::Primary => 1, _ => 2 }",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn torn_code_does_not_hang() {
        for text in [
            "match",
            "match a {",
            "match a { Role::Primary",
            "match a { Role::Primary =>",
            "match a { _ => {",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
