//! Reads any source file and counts what is in it: `cargo run --release --example count_changes FILE...`

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hitless_adapters::source;
use hitless_proto::entry::Blob;
use hitless_proto::process::Process;
use hitless_proto::process::fib::{Fib, FibKey};
use hitless_runtime::source::{BadInput, Source};

#[derive(Default)]
struct Counts {
    next_hops: u64,
    put: u64,
    deleted: u64,
    prefixes: HashSet<Blob>,
    bad: u64,
    invalid: u64,
    last: Duration,
}

fn count(path: &Path) -> Result<(Box<dyn Source + Send>, Counts), BadInput> {
    let mut source = source::open(path)?;
    let mut counts = Counts::default();
    while let Some(item) = source.next() {
        match item {
            Ok(item) => {
                counts.last = item.at.unwrap_or_default();
                counts.invalid += u64::from(Fib.validate(&item.change).is_err());
                match (FibKey::decode(&item.change.key), &item.change.content) {
                    (Ok(FibKey::NextHop(_)), Some(_)) => counts.next_hops += 1,
                    (Ok(FibKey::Route { .. }), Some(_)) => {
                        counts.put += 1;
                        counts.prefixes.insert(item.change.key);
                    }
                    (Ok(_), None) => counts.deleted += 1,
                    (Err(_), Some(_) | None) => {}
                }
            }
            Err(error) => {
                counts.bad += 1;
                if counts.bad <= 10 {
                    eprintln!("{error}");
                }
            }
        }
    }
    Ok((source, counts))
}

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in std::env::args_os().skip(1) {
        let start = Instant::now();
        match count(Path::new(&file)) {
            Ok((source, counts)) => println!(
                "{}: {} next hops, {} put, {} deleted, {} different prefixes, {} bad, {} invalid, {:?} long, read in {:?}",
                source.describe(),
                counts.next_hops,
                counts.put,
                counts.deleted,
                counts.prefixes.len(),
                counts.bad,
                counts.invalid,
                counts.last,
                start.elapsed(),
            ),
            Err(error) => {
                eprintln!("{error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
