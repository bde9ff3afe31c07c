//! The repository's own verbs, run as `cargo xtask VERB`: one looks (`check`), one mends (`fix`), one tests (`test`),
//! one searches for inputs that break something (`fuzz`), one measures (`bench`).

mod bench;
mod check;
mod command;
mod fix;
mod fuzz;
mod packages;
mod step;
mod suite;
mod tidy;
mod tree;

use std::process::ExitCode;

use anyhow::Result;

use crate::tree::Tree;

const USAGE: &str = "\
usage: cargo xtask VERB

  check          format, lints, tidy rules, crate directions, purity, docs; changes no file
  check STEP...  only these steps
  fix            format the code and apply the lints' own safe corrections
  test           build what the tests run (as root on Debian, install FRR and iproute2 too), run all tests and doc tests,
                 then check
  test FILTER    only the tests whose names contain FILTER, without doc tests and check
  fuzz           all fuzz targets: what was found before, then some seconds each
  fuzz TARGET --runs N   one target for N executions
  fuzz TARGET FILE...    one target on these inputs
  bench          all measurements with their baselines, and docs/performance.md from them; --help says more
  bench NAME...  only these; --quick: smaller, and the documents stay as they are
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all that was asked for went well; an error where it could not be tried.
fn run(words: &[&str]) -> Result<bool> {
    match words {
        ["check", names @ ..] => check::check(&Tree::read()?, names),
        ["fix"] => fix::fix(),
        ["test"] => suite::all(),
        ["test", filter] => suite::filtered(filter),
        ["bench", arguments @ ..] => bench::run(arguments),
        ["fuzz"] => fuzz::all(),
        ["fuzz", target, "--runs", runs] => fuzz::long(target, runs),
        ["fuzz", target, inputs @ ..] if !inputs.is_empty() => fuzz::replay(target, inputs),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(!words.is_empty())
        }
        _ => {
            eprint!("xtask: cannot do `{}`\n\n{USAGE}", words.join(" "));
            Ok(false)
        }
    }
}
