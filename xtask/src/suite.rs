//! `cargo xtask test`: set-up, all tests, doc tests, the searches, the fuzz targets, then `check`; the last line counts the tests.

use anyhow::{Context, Result};

use crate::check;
use crate::command::{cargo, loudly, watched};
use crate::fuzz;
use crate::packages;
use crate::tree::Tree;

/// Tests that ran, summed over the runners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Takes in one line of a runner: the summary of nextest, or the result of one binary of `cargo test`.
    ///
    /// nextest counts a test that ran out of time apart; here it failed. What it quotes of a test's own output is indented, and
    /// is no summary.
    fn count(&mut self, line: &str) {
        let Some(counts) = line
            .split_once(" tests run: ")
            .or_else(|| line.split_once(" test run: "))
            .map(|(_, counts)| counts)
            .or_else(|| line.strip_prefix("test result: "))
        else {
            return;
        };
        let words: Vec<&str> =
            counts.split([' ', ',', ';', '.', '(']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Runs everything, whatever fails on the way; true if nothing did.
pub(crate) fn all() -> Result<bool> {
    let mut tally = Tally::default();
    let mut good = set_up()?;
    good &= run_tests(None, &mut tally)?;
    good &= watched(&mut cargo(&["test", "--workspace", "--doc", "--locked"]), |line| tally.count(line))?;
    good &= searches()?;
    good &= fuzz::all()?;
    good &= check::check(&Tree::read()?, &[])?;
    Ok(close(good, tally))
}

/// What looks for faults that no test names: the simulator over many seeds, and over some of them twice; the model checker
/// over small chassis; and of each the proof that it sees what is wrong.
fn searches() -> Result<bool> {
    let sim = ["run", "--release", "-q", "-p", "hitless-sim", "--locked"];
    let model = ["run", "--release", "-q", "-p", "hitless-model", "--locked"];
    let mutants: &[&str] = &["--features", "mutants", "--"];
    let mut good = true;
    let mut search = |program: &[&str], rest: &[&str]| -> Result<()> {
        println!("search: {} {}", program[4], rest.join(" "));
        good &= loudly(&mut cargo(&[program, rest].concat()))?;
        Ok(())
    };
    search(&sim, &["--", "sweep", "--seeds", "0..1500", "--coverage", "--require-coverage"])?;
    search(&sim, &["--", "sweep", "--seeds", "500..540", "--twice"])?;
    search(&sim, &[mutants, &["mutants"]].concat())?;
    search(&model, &["--", "--per-commit"])?;
    search(&model, &[mutants, &["--mutants"]].concat())?;
    for of in ["hitless-sim", "hitless-model"] {
        let test =
            ["test", "--release", "-q", "-p", of, "--locked", "--features", "mutants", "--test", "mutants"];
        good &= loudly(&mut cargo(&test))?;
    }
    Ok(good)
}

/// Runs the tests whose names contain `filter`.
pub(crate) fn filtered(filter: &str) -> Result<bool> {
    let mut tally = Tally::default();
    let mut good = set_up()?;
    good &= run_tests(Some(filter), &mut tally)?;
    anyhow::ensure!(tally != Tally::default(), "no test has `{filter}` in its name");
    Ok(close(good, tally))
}

/// Installs what tests of a whole router need, and builds the binaries, which some tests start as separate processes.
fn set_up() -> Result<bool> {
    packages::install()?;
    loudly(&mut cargo(&["build", "--workspace", "--exclude", "xtask", "--bins", "--locked"]))
}

/// By nextest where it is installed (it runs each test in a process of its own), else by `cargo test`.
fn run_tests(filter: Option<&str>, tally: &mut Tally) -> Result<bool> {
    let has_nextest =
        cargo(&["nextest", "--version"]).output().context("cannot start cargo")?.status.success();
    let mut command = if has_nextest {
        cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
    } else {
        cargo(&["test", "--workspace", "--all-targets", "--locked", "--no-fail-fast"])
    };
    watched(command.args(filter), |line| tally.count(line))
}

/// The closing line, and whether all is well. Tests that could not be built are no failed tests, so it is said apart.
fn close(good: bool, tally: Tally) -> bool {
    let good = good && tally.failed == 0 && tally.passed > 0;
    if !good {
        println!("xtask test: FAIL, see above");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally_of(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.count(line));
        tally
    }

    #[test]
    fn summaries_of_both_runners_are_counted() {
        let lines = [
            "     Summary [   0.012s] 45 tests run: 40 passed (1 slow), 2 failed, 3 timed out, 1 skipped",
            "     Summary [   0.012s] 1 test run: 1 passed, 0 skipped",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        assert_eq!(tally_of(&lines), Tally { passed: 46, failed: 6 });
    }

    #[test]
    fn other_lines_are_not_counted() {
        let lines = [
            "        PASS [   0.004s] hitless-proto ids::tests::three_passed",
            "running 3 tests",
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored",
        ];
        assert_eq!(tally_of(&lines), Tally::default());
    }
}
