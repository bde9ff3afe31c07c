//! `cargo xtask bench`: builds what is measured and what measures it, and starts it.

use anyhow::Result;

use crate::command::{cargo, loudly};

/// Hands its arguments on; true if everything was measured.
pub(crate) fn run(arguments: &[&str]) -> Result<bool> {
    // Both in one build, so that they are of the same source.
    let build = ["build", "--release", "--locked", "-p", "hitless", "-p", "hitless-bench", "--bins"];
    if !loudly(&mut cargo(&build))? {
        return Ok(false);
    }
    let run = ["run", "--release", "--locked", "-q", "-p", "hitless-bench", "--"];
    loudly(cargo(&run).args(arguments))
}
