//! A step of `check`: runs all of them, even when one fails, and says of each how it went and how long it took.

use std::fmt;
use std::time::Instant;

use anyhow::Result;

use crate::tree::Tree;

/// Something a step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The step fails.
    Fault(String),
    /// Worth a look; the step passes.
    Warning(String),
}

impl Finding {
    /// A fault at a line (from 1) of a file.
    pub(crate) fn at(path: &str, line: usize, what: impl fmt::Display) -> Self {
        Self::Fault(format!("{path}:{line}: {what}"))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(text) => f.write_str(text),
            Self::Warning(text) => write!(f, "warning: {text}"),
        }
    }
}

/// One line of the list in `check.rs`.
pub(crate) struct Step {
    /// Its name, as printed and as given to `check STEP`.
    pub(crate) name: &'static str,
    /// Looks at the tree, changes nothing.
    pub(crate) run: fn(&Tree) -> Result<Vec<Finding>>,
}

/// Runs every step; true if all passed.
pub(crate) fn run_all(steps: &[&Step], tree: &Tree) -> bool {
    let mut failed = Vec::new();
    for step in steps {
        let begin = Instant::now();
        let findings = (step.run)(tree).unwrap_or_else(|error| vec![Finding::Fault(format!("{error:#}"))]);
        let passed = !findings.iter().any(|finding| matches!(finding, Finding::Fault(_)));
        let word = if passed { "ok" } else { "FAIL" };
        println!("{:<10} {word:<4} {:>6.1} s", step.name, begin.elapsed().as_secs_f64());
        for finding in &findings {
            println!("  {finding}");
        }
        if !passed {
            failed.push(step.name);
        }
    }
    if failed.is_empty() {
        println!("check: ok");
    } else {
        println!("check: FAIL ({})", failed.join(", "));
    }
    failed.is_empty()
}
