//! What libFuzzer printed, in one line.

use std::fmt;

/// Lines shown of a run that failed: the panic, its place, and where the input is.
const TAIL: usize = 60;

/// The numbers of one run. What was not printed is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    executions: Option<u64>,
    per_second: Option<u64>,
    edges: Option<u64>,
    features: Option<u64>,
    /// The input that failed.
    artifact: Option<String>,
}

impl Report {
    fn of(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("stat::number_of_executed_units:") {
                report.executions = value.trim().parse().ok();
            } else if let Some(value) = line.strip_prefix("stat::average_exec_per_sec:") {
                report.per_second = value.trim().parse().ok();
            } else if let Some((_, path)) = line.split_once("Test unit written to ") {
                report.artifact = Some(path.trim().to_owned());
            } else if line.starts_with('#') {
                let after = |name| line.split_once(name)?.1.split_whitespace().next()?.parse().ok();
                report.edges = after(" cov: ").or(report.edges);
                report.features = after(" ft: ").or(report.features);
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let (executions, per_second) = (shown(self.executions), shown(self.per_second));
        write!(f, "{executions:>9} executions, {per_second:>7}/s, ")?;
        write!(f, "{:>5} edges, {:>6} features", shown(self.edges), shown(self.features))
    }
}

/// Says how a run went, and how to have a failure again. Whether it passed.
pub(super) fn tell(target: &str, passed: bool, text: &str) -> bool {
    let report = Report::of(text);
    println!("{target:<11} {} {report}", if passed { "ok  " } else { "FAIL" });
    if !passed {
        println!("{}", tail(text));
        match report.artifact {
            Some(path) => println!("REPRODUCE WITH: cargo xtask fuzz {target} {path}"),
            None => println!("{target}: it failed without an input that does it"),
        }
    }
    passed
}

/// From the panic on, or the last lines.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from_panic = lines.iter().position(|line| line.contains("panicked at"));
    let start = from_panic.unwrap_or(lines.len().saturating_sub(TAIL));
    lines[start..].iter().take(TAIL).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
#2\tINITED cov: 7 ft: 8 corp: 1/1b exec/s: 0 rss: 30Mb
#262144\tpulse  cov: 12 ft: 34 corp: 5/9b lim: 128 exec/s: 87381 rss: 40Mb
stat::number_of_executed_units: 300000
stat::average_exec_per_sec:     60000
";

    #[test]
    fn the_last_numbers_count() {
        let expected = Report {
            executions: Some(300_000),
            per_second: Some(60_000),
            edges: Some(12),
            features: Some(34),
            artifact: None,
        };
        assert_eq!(Report::of(GOOD), expected);
    }

    #[test]
    fn a_failure_names_its_input_and_shows_its_panic() {
        let text = "#2\tINITED cov: 7 ft: 8\nthread panicked at a.rs:1\nartifact_prefix='x/'; Test unit written to x/crash-1\n";
        assert_eq!(Report::of(text).artifact.as_deref(), Some("x/crash-1"));
        assert!(tail(text).starts_with("thread panicked"));
    }
}
