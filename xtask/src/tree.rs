//! The files of the repository, read once: those that git tracks, and those that it would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::output_of;
use crate::tidy::rust::Rust;

/// Every text file of the repository.
pub(crate) struct Tree {
    /// Its root.
    pub(crate) root: PathBuf,
    /// Ascending by path.
    pub(crate) files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// From the root, with `/` between the parts.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// What the rules for code look at, of a `.rs` file.
    pub(crate) rust: Option<Rust>,
}

impl File {
    /// A file that need not exist: rules are tested with it.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs").then(|| Rust::new(text, is_test_path(path)));
        Self { path: path.to_owned(), text: text.to_owned(), rust }
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// What follows the last dot of the file's name.
    pub(crate) fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

impl Tree {
    /// Reads the repository that this program was built from. Files that are not text are left out.
    pub(crate) fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in a workspace")?;
        let mut git = Command::new("git");
        git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let list =
            output_of(&mut git).context("`check` asks git for the list of files: run it in a clone")?;
        let paths: BTreeSet<&str> = list.split_terminator('\0').collect();
        let mut files = Vec::new();
        for path in paths {
            // A path that is listed and cannot be read was removed and not committed yet, or is no plain file.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            let Ok(text) = String::from_utf8(bytes) else { continue };
            files.push(File::new(path, &text));
        }
        mark_test_modules(&mut files);
        Ok(Self { root: root.to_owned(), files })
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn is_test_path(path: &str) -> bool {
    path.ends_with("tests.rs") || path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz"))
}

/// A file that is a module declared under `#[cfg(test)]` is a test as a whole, whatever its name.
fn mark_test_modules(files: &mut [File]) {
    let mut modules = BTreeSet::new();
    for file in files.iter() {
        let Some(rust) = &file.rust else { continue };
        let stem = file.path.trim_end_matches(".rs");
        let folder =
            ["/mod", "/lib", "/main"].iter().find_map(|name| stem.strip_suffix(name)).unwrap_or(stem);
        modules.extend(rust.test_modules().map(|module| format!("{folder}/{module}")));
    }
    for file in files {
        let inside = modules.iter().any(|module| {
            file.path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
        if let Some(rust) = file.rust.as_mut().filter(|_| inside) {
            rust.mark_as_test();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_test(file: &File) -> bool {
        file.rust.as_ref().unwrap().is_test(1)
    }

    #[test]
    fn modules_declared_for_tests_only_are_tests() {
        let mut files = [
            File::new("a/src/lib.rs", "#[cfg(test)]\nmod world;\nmod real;\n"),
            File::new("a/src/world.rs", "fn f() {}\n"),
            File::new("a/src/world/inner.rs", "fn f() {}\n"),
            File::new("a/src/real.rs", "fn f() {}\n"),
        ];
        mark_test_modules(&mut files);
        assert_eq!(files.each_ref().map(is_test), [true, true, true, false]);
    }

    #[test]
    fn test_folders_are_tests() {
        assert!(is_test(&File::new("a/tests/kill.rs", "fn f() {}\n")));
        assert!(is_test(&File::new("a/src/card/tests.rs", "fn f() {}\n")));
        assert!(!is_test(&File::new("a/src/contests/kill.rs", "fn f() {}\n")));
    }
}
