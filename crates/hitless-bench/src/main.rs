//! `hitless-bench`: measures hitless against what people would use instead, in the same run; `cargo xtask bench` builds and
//! starts it. Nothing here decides a test by time.

mod baseline;
mod chassis;
mod machine;
mod measure;
mod namespace;
mod notices;
mod process;
mod proxy;
mod rows;
mod sample;
mod show;
mod single;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};

use measure::{Name, Setting, Size};
use show::{agree, page, table};

/// Measures hitless against what people would use instead.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", max_term_width = 110)]
struct Arguments {
    /// What to measure; everything where nothing is named.
    #[arg(value_enum)]
    names: Vec<Name>,
    /// Smaller tables and fewer rounds: some minutes for everything. Written to target/bench unless --out says otherwise.
    #[arg(long)]
    quick: bool,
    /// Only as much as shows that everything works. The figures mean nothing.
    #[arg(long, conflicts_with = "quick")]
    tiny: bool,
    /// Print the raw samples as JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Where the page `performance.md` goes, and beside it the folder `performance` with raw samples and plots.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Say how far the figures agree with those of an earlier run, whose raw samples are in this folder.
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    /// At most so many failovers per size of the table: 1,000 of a million entries take most of an hour.
    #[arg(long, value_name = "N")]
    failovers: Option<usize>,
    /// The binary that is measured; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    hitless: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let size = match (arguments.tiny, arguments.quick) {
        (true, _) => Size::Tiny,
        (false, true) => Size::Quick,
        (false, false) => Size::Full,
    };
    let program = match arguments.hitless {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("hitless"),
    };
    ensure!(program.is_file(), "{} is not there: cargo build --release -p hitless", program.display());
    let setting = Setting { program, size, failovers: arguments.failovers };
    let out = arguments.out.unwrap_or_else(|| default_folder(size));
    let folder = out.join("performance");
    let names = if arguments.names.is_empty() { Name::value_variants().to_vec() } else { arguments.names };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for name in names {
        let text = name_of(name);
        eprintln!("bench: {text} ({})", size.name());
        let mut measured = runtime.block_on(measure::run(name, &setting)).with_context(|| text.clone())?;
        if let Some(earlier) = &arguments.against {
            for earlier in page::kept(earlier, std::slice::from_ref(&text))? {
                let sentence = agree::sentence(&earlier, &measured);
                measured.remarks.push(sentence);
            }
        }
        page::keep(&folder, &measured)?;
        if arguments.json {
            println!("{}", serde_json::to_string(&measured)?);
        } else {
            println!(
                "{}: {}\n\n{}\n{}",
                measured.title,
                measured.size,
                table::ratios(&measured),
                table::figures(&measured)
            );
            measured.remarks.iter().for_each(|remark| println!("{remark}"));
        }
        // After each: what was measured is not lost when the next one fails.
        let all: Vec<String> = Name::value_variants().iter().copied().map(name_of).collect();
        page::update(&out.join("performance.md"), "performance", &page::kept(&folder, &all)?)?;
    }
    eprintln!("bench: {}", out.join("performance.md").display());
    Ok(())
}

fn name_of(name: Name) -> String {
    name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The documents show full runs only.
fn default_folder(size: Size) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    match size {
        Size::Full => root.join("docs"),
        Size::Tiny | Size::Quick => root.join("target").join("bench"),
    }
}
