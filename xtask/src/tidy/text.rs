//! Rules of plain text: trailing space, the first line of a module, paths of one machine.

use crate::step::Finding;
use crate::tree::File;

/// Files in which trailing space is never meant; recorded samples are left alone.
const TIDIED: &[&str] = &["rs", "md", "toml", "sh", "html", "yml"];
/// Paths that exist on one machine only. Written in two halves, so that this file does not find itself.
const MACHINE: &[&str] = &[concat!("/wo", "rk/"), concat!("/tmp/hit", "less"), concat!("/ro", "ot")];

pub(super) fn trailing_space(file: &File) -> Vec<Finding> {
    if !TIDIED.contains(&file.extension()) {
        return Vec::new();
    }
    file.lines()
        .filter(|(_, line)| line.ends_with([' ', '\t', '\r']))
        .map(|(number, _)| Finding::at(&file.path, number, "trailing space"))
        .collect()
}

pub(super) fn module_doc(file: &File) -> Vec<Finding> {
    if file.rust.is_none() || file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![Finding::at(&file.path, 1, "the first line is not a `//!` comment that says what the file is for")]
}

pub(super) fn machine_path(file: &File) -> Vec<Finding> {
    file.lines()
        .filter_map(|(number, line)| {
            let path = MACHINE.iter().find(|path| has_path(line, path))?;
            Some(Finding::at(&file.path, number, format!("`{path}` is a path of one machine")))
        })
        .collect()
}

/// Whether `path` is in `line` as the beginning of an absolute path, and not as a part of longer names.
fn has_path(line: &str, path: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | '*');
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let longer = !path.ends_with('/') && after.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !before.is_some_and(is_part) && !longer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_space_fails() {
        for text in ["a \n", "a\t\nb\n", "a\r \n"] {
            assert_eq!(trailing_space(&File::new("a.md", text)).len(), 1, "{text:?}");
        }
        assert_eq!(trailing_space(&File::new("a.md", " a\n\nb\n")), []);
        assert_eq!(trailing_space(&File::new("recorded.snap", "a \n")), []);
    }

    #[test]
    fn a_module_without_its_comment_fails() {
        assert_eq!(module_doc(&File::new("a.rs", "use core::fmt;\n")).len(), 1);
        assert_eq!(module_doc(&File::new("a.rs", "")).len(), 1);
        assert_eq!(module_doc(&File::new("a.rs", "//! Says why.\n")), []);
        assert_eq!(module_doc(&File::new("a.md", "text\n")), []);
    }

    #[test]
    fn machine_paths_fail() {
        for path in MACHINE {
            let text = format!("see `{}/a`\n", path.trim_end_matches('/'));
            assert_eq!(machine_path(&File::new("a.md", &text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn parts_of_other_paths_pass() {
        let text = "the tree's digest/root, ./work/a, /rooted, /tmp/other, $HOME/work/a\n";
        assert_eq!(machine_path(&File::new("a.md", text)), []);
    }
}
