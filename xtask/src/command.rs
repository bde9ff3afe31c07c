//! Runs cargo and friends: quietly, with the output shown only on failure, or with the output passed through.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::step::Finding;

/// `cargo ARGS...`, by the cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// `rustc ARGS...`.
pub(crate) fn rustc(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(args);
    command
}

/// Runs to the end; a failure is one finding with all that was printed.
pub(crate) fn quietly(command: &mut Command) -> Result<Vec<Finding>> {
    let output = command.output().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(vec![Finding::Fault(format!("{command:?}: {}\n{}", output.status, text.trim_end()))])
}

/// What the command prints on its standard output; its failure is an error.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    anyhow::ensure!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed what is not text"))
}

/// Runs with everything passed through; true if it succeeded.
pub(crate) fn loudly(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    Ok(status.success())
}

/// As [`loudly`], but each line that is printed is also given to `see`.
pub(crate) fn watched(command: &mut Command, mut see: impl FnMut(&str)) -> Result<bool> {
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot copy the pipe")?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    // The command keeps the pipe's writing ends; while they are open here, the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("cannot read what the command prints")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        see(&line);
    }
    Ok(child.wait().context("cannot wait for the command")?.success())
}
