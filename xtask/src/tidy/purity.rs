//! hitless-proto cannot reach a clock, a socket, a thread or a file.
//!
//! Usually that is shown by a build for wasm32, but a plain Rust installation has no other target than its own, and the
//! checks must not need a download. So the proof has two parts. The crate is `#![no_std]` and never says
//! `extern crate std`: the compiler then refuses every path into std. And what it depends on links no std either: a
//! crate with a panic handler of its own is compiled against it, and against each dependency to name the culprit. The
//! compiler refuses that where std, and with it a second panic handler, is in the graph. See docs/adr/0001-proto-is-no-std.md.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::Value;

use super::rust::words;
use crate::command::{cargo, output_of, rustc};
use crate::step::Finding;
use crate::tree::{File, Tree};

const CRATE: &str = "hitless-proto";
const FOLDER: &str = "crates/hitless-proto/src/";

pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = tree.files.iter().flat_map(names_std).collect();
    match tree.file(&format!("{FOLDER}lib.rs")) {
        Some(lib) => findings.extend(is_no_std(lib)),
        None => findings.push(Finding::Fault(format!("{FOLDER}lib.rs does not exist"))),
    }
    let libraries = built_libraries()?;
    for name in compiled_crates()? {
        let Some(library) = libraries.get(&name.replace('-', "_")) else {
            findings.push(Finding::Fault(format!("{CRATE} needs {name}, but cargo built no library of it")));
            continue;
        };
        if links_std(Some(library))? {
            findings.push(Finding::Fault(format!("{name} links std: {CRATE} and what it needs must not")));
        }
    }
    Ok(findings)
}

/// `#![no_std]`, without a condition, before the first item.
fn is_no_std(lib: &File) -> Vec<Finding> {
    let found =
        lib.rust.as_ref().is_some_and(|rust| rust.product_code().any(|(_, code)| code == "#![no_std]"));
    if found { Vec::new() } else { vec![Finding::at(&lib.path, 1, "no `#![no_std]`")] }
}

/// Outside tests nothing brings std back.
fn names_std(file: &File) -> Vec<Finding> {
    let Some(rust) = file.rust.as_ref().filter(|_| file.path.starts_with(FOLDER)) else { return Vec::new() };
    rust.product_code()
        .filter(|(_, code)| words(code).any(|word| word.text == "std"))
        .map(|(line, _)| Finding::at(&file.path, line, "`std` in the core: use `core` or `alloc`"))
        .collect()
}

/// All that is compiled into the crate, directly or not, and itself.
fn compiled_crates() -> Result<Vec<String>> {
    let edges = ["-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}"];
    let tree = output_of(cargo(&["tree", "-q", "--locked", "-p", CRATE]).args(edges))?;
    let mut names: Vec<String> =
        tree.lines().filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Paths of the libraries that cargo built for the crate, by their name in Rust.
fn built_libraries() -> Result<BTreeMap<String, String>> {
    let build =
        ["build", "-q", "--locked", "-p", CRATE, "--lib", "--message-format", "json-render-diagnostics"];
    let mut libraries = BTreeMap::new();
    for line in output_of(&mut cargo(&build))?.lines() {
        let message: Value = serde_json::from_str(line).context("cargo did not answer in JSON")?;
        let files = message["filenames"].as_array().into_iter().flatten();
        let library = files.filter_map(Value::as_str).find(|file| file.ends_with(".rlib"));
        if let (Some(name), Some(library)) = (message["target"]["name"].as_str(), library) {
            libraries.insert(name.to_owned(), library.to_owned());
        }
    }
    Ok(libraries)
}

/// Whether std is in the graph of a compiled library; `None` stands for std itself.
fn links_std(library: Option<&str>) -> Result<bool> {
    let subject = if library.is_some() { "use subject as _;" } else { "extern crate std;" };
    let probe = format!(
        "#![no_std]\n{subject}\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo<'_>) -> ! {{ loop {{}} }}\n"
    );
    let mut command = rustc(&["-", "--crate-type", "lib", "--crate-name", "probe", "--edition", "2024"]);
    command.args(["--emit", "metadata=-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(library) = library {
        let folder = library.rsplit_once('/').map_or(".", |(folder, _)| folder);
        command.arg("--extern").arg(format!("subject={library}"));
        // Libraries of the workspace lie one folder above those they need.
        command.arg("-L").arg(format!("dependency={folder}"));
        command.arg("-L").arg(format!("dependency={folder}/deps"));
    }
    let mut child = command.spawn().context("cannot start rustc")?;
    // Dropped at the end of the statement: rustc sees the end of its input.
    child
        .stdin
        .take()
        .context("rustc has no input")?
        .write_all(probe.as_bytes())
        .context("rustc does not read")?;
    let output = child.wait_with_output().context("cannot wait for rustc")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let duplicate = errors.contains("E0152");
    anyhow::ensure!(output.status.success() || duplicate, "the probe does not compile:\n{errors}");
    Ok(duplicate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core_file(text: &str) -> File {
        File::new("crates/hitless-proto/src/a.rs", text)
    }

    #[test]
    fn std_in_the_core_fails() {
        for text in ["use std::time::Instant;", "extern crate std;", "fn f() { std::thread::yield_now() }"] {
            assert_eq!(names_std(&core_file(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn std_elsewhere_and_in_tests_passes() {
        assert_eq!(names_std(&core_file("use core::fmt; // not std\n")), []);
        assert_eq!(names_std(&core_file("#[cfg(test)]\nextern crate std;\n")), []);
        assert_eq!(names_std(&File::new("crates/hitless/src/main.rs", "use std::fs;")), []);
    }

    #[test]
    fn a_core_without_no_std_fails() {
        assert_eq!(is_no_std(&core_file("//! Doc.\n#![no_std]\n")), []);
        for text in ["//! Doc.\n", "// #![no_std]\n", "#![cfg_attr(not(test), no_std)]\n"] {
            assert_eq!(is_no_std(&core_file(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_probe_finds_std() {
        assert!(links_std(None).unwrap());
    }
}
