//! `cargo xtask fix`: what can be mended without judgement.

use anyhow::Result;

use crate::command::{cargo, loudly};

/// Applies the lints' machine-applicable corrections, then formats.
pub(crate) fn fix() -> Result<bool> {
    let lints = ["clippy", "--fix", "--workspace", "--all-targets", "--allow-dirty", "--allow-staged"];
    let mended = loudly(&mut cargo(&lints))?;
    let formatted = loudly(&mut cargo(&["fmt", "--all"]))?;
    Ok(mended && formatted)
}
