//! `hitless load`: changes from a file, standard input or a generator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use hitless_adapters::source;
use hitless_admin::{Bytes, ChangeRow};
use hitless_runtime::source::{BadInput, Source};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::target::Target;
use crate::failure::{Exit, Failure};
use crate::feed::reader::{Pace, Progress, read};
use crate::feed::{Feed, Observer, Wait};
use crate::render;

/// Bad places that are printed; the rest is only counted.
const SHOWN: u64 = 20;

/// Arguments of `hitless load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    target: Target,
    /// The file, plain or packed by gzip, xz or bzip2; `-` is standard input.
    file: Option<PathBuf>,
    /// What the file holds; told by its first bytes where it is not said.
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// Entries to generate, with --format generate.
    #[arg(long, value_name = "N")]
    entries: Option<u64>,
    /// Seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Replay MRT updates so many times faster than they happened; 0: as fast as possible.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    speed: f64,
    /// At most so many changes a second.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Wait until every change is in the cards' tables (programmed), or sure to survive the primary too (safe).
    #[arg(long, value_enum, default_value_t = Until::Safe)]
    wait: Until,
    /// Give up when nothing moves for so many seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Told by the first bytes.
    Auto,
    /// Prefixes, one a line.
    Text,
    /// `+prefix` and `-prefix`, one a line.
    Churn,
    /// An MRT dump of a table.
    Mrt,
    /// MRT updates with their times.
    MrtUpdates,
    /// JSON, one object a line.
    Json,
    /// No file: a seeded generator.
    Generate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    Programmed,
    Safe,
}

#[derive(Debug, Default)]
struct Counts {
    submitted: AtomicU64,
    programmed: AtomicU64,
    safe: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    again: AtomicU64,
}

#[derive(Debug, Serialize)]
struct Outcome {
    submitted: u64,
    programmed: u64,
    safe: u64,
    invalid: u64,
    rejected: u64,
    failed: u64,
    submitted_again: u64,
    /// The input ended before its end: what follows was not read.
    cut_short: bool,
    seconds: f64,
}

struct Counter(Arc<Counts>);

impl Observer for Counter {
    fn submitted(&mut self, _: &ChangeRow) {
        self.0.submitted.fetch_add(1, Ordering::Relaxed);
    }

    fn accepted(&mut self, _: usize) {}

    fn programmed(&mut self, count: usize) {
        self.0.programmed.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn safe(&mut self, _: &ChangeRow) {
        self.0.safe.fetch_add(1, Ordering::Relaxed);
    }

    fn rejected(&mut self, row: &ChangeRow, reason: &str) {
        if self.0.rejected.fetch_add(1, Ordering::Relaxed) < SHOWN {
            eprintln!(
                "rejected: {} of {}: {reason}",
                render::key::text(row.0, &row.1.0),
                render::process(row.0)
            );
        }
    }

    fn failed(&mut self, process: u16, card: u16, key: &Bytes, reason: &str) {
        if self.0.failed.fetch_add(1, Ordering::Relaxed) < SHOWN {
            let (name, key) = (render::process(process), render::key::text(process, &key.0));
            eprintln!("failed on card-{card}: {key} of {name}: {reason}");
        }
    }

    fn connected(&mut self, unit: u8, epoch: u32, again: usize) {
        tracing::info!(unit, epoch, again, "connected with the primary");
        self.0.again.fetch_add(again as u64, Ordering::Relaxed);
    }
}

/// Runs the command.
///
/// # Errors
/// The source cannot be read or has bad lines, there is no primary, a card refused something, or nothing moves.
pub async fn run(args: &LoadArgs, as_json: bool) -> Result<(), Failure> {
    let source = open(args)?;
    // Fails here and now where nobody is primary; later on, the feed waits for the next one.
    drop(args.target.primary().await?);
    let begun = Instant::now();
    let counts = Arc::new(Counts::default());
    let wait = if args.wait == Until::Safe { Wait::Safe } else { Wait::Programmed };
    let bar = bar(source.describe());
    let pace =
        Pace { speed: (args.speed > 0.0).then_some(args.speed), rate: args.rate.filter(|rate| *rate > 0.0) };
    let (mut batches, progress) = read(source, pace);
    let feed = Feed::start(args.target.unit_addresses()?, wait, Counter(Arc::clone(&counts)));
    let (mut invalid, mut cut_short) = (0, false);
    let feeding = async {
        while let Some(batch) = batches.recv().await {
            for bad in batch.bad {
                cut_short |= bad.fatal;
                if invalid < SHOWN {
                    bar.suspend(|| eprintln!("invalid: {bad}"));
                }
                invalid += 1;
            }
            if !batch.rows.is_empty() && !feed.send(batch.rows).await {
                break;
            }
        }
        feed.drained().await;
    };
    tokio::select! {
        () = feeding => {}
        failure = watch(&counts, &progress, &bar, Duration::from_secs(args.patience.max(1))) => return Err(failure),
    }
    bar.finish_and_clear();
    feed.abandon();
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let outcome = Outcome {
        submitted: get(&counts.submitted),
        programmed: get(&counts.programmed),
        safe: get(&counts.safe),
        invalid,
        rejected: get(&counts.rejected),
        failed: get(&counts.failed),
        submitted_again: get(&counts.again),
        cut_short,
        seconds: begun.elapsed().as_secs_f64(),
    };
    tell(&outcome, as_json);
    judge(&outcome)
}

fn open(args: &LoadArgs) -> Result<Box<dyn Source + Send>, Failure> {
    if args.entries.is_some()
        && (args.file.is_some() || !matches!(args.format, Format::Auto | Format::Generate))
    {
        let message = "--entries is for the generator, and something else is to be loaded";
        return Err(Failure::new(Exit::Usage, message).hint("leave out --entries, or the file and --format"));
    }
    if args.format == Format::Generate && args.file.is_some() {
        let message = "--format generate reads no file, and one is named";
        return Err(Failure::new(Exit::Usage, message).hint("leave out the file, or say what it holds"));
    }
    if args.format == Format::Generate || (args.file.is_none() && args.entries.is_some()) {
        let entries = args.entries.unwrap_or(100_000);
        return Ok(Box::new(source::Generator::new(source::GeneratedTable::new(args.seed, entries))));
    }
    let path = match &args.file {
        Some(path) if path.as_os_str() == "-" => Path::new("/dev/stdin"),
        Some(path) => path,
        None => {
            return Err(Failure::new(Exit::Usage, "no file is named")
                .hint("name one, or `-` for standard input, or --format generate"));
        }
    };
    let name = || path.display().to_string();
    let input =
        || source::Input::open(path).map_err(|error| unreadable(format!("{}: {error}", path.display())));
    Ok(match args.format {
        Format::Auto | Format::Generate => {
            source::open(path).map_err(|bad: BadInput| unreadable(bad.to_string()))?
        }
        Format::Text | Format::Churn => Box::new(source::TextFile::new(name(), input()?)),
        Format::Json if path == Path::new("/dev/stdin") => source::standard_input(),
        Format::Json => Box::new(source::JsonLines::new(name(), input()?)),
        Format::Mrt => Box::new(source::MrtRib::new(name(), input()?)),
        Format::MrtUpdates => Box::new(source::MrtUpdates::new(name(), input()?)),
    })
}

fn unreadable(message: String) -> Failure {
    Failure::new(Exit::Usage, message).hint("name a file that can be read; .gz, .xz and .bz2 are unpacked")
}

/// A progress bar on standard error, where that is a terminal.
pub(crate) fn bar(what: String) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3}% {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

/// Shows how far it is; ends when nothing moves any more.
async fn watch(counts: &Counts, progress: &Progress, bar: &ProgressBar, patience: Duration) -> Failure {
    let mut last = (0, 0, 0);
    let mut moved = Instant::now();
    let begun = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (done, total) = progress.get();
        let safe = counts.safe.load(Ordering::Relaxed);
        let now = (done, counts.submitted.load(Ordering::Relaxed), safe);
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
        let rate = (safe as f64 / begun.elapsed().as_secs_f64()) as u64;
        bar.set_message(format!("{} safe, {}/s", render::count(safe), render::count(rate)));
        // A source that gives nothing is no fault; one that gave something that does not get done is.
        if now != last || safe == now.1 {
            (last, moved) = (now, Instant::now());
        } else if moved.elapsed() > patience {
            bar.finish_and_clear();
            let open = now.1 - safe;
            let message =
                format!("{open} changes are not safe after {} s without progress", patience.as_secs());
            return Failure::new(Exit::Failed, message)
                .hint(
                    "`hitless status` shows who is away: without a majority of the voters nothing becomes safe while a \
                     standby has died, and a card that is very slow holds up everything",
                );
        }
    }
}

fn tell(outcome: &Outcome, as_json: bool) {
    if as_json {
        return render::json(outcome);
    }
    let rate = outcome.submitted as f64 / outcome.seconds.max(0.001);
    print!(
        "{} changes in {:.1} s ({}/s)",
        render::count(outcome.submitted),
        outcome.seconds,
        render::count(rate as u64)
    );
    print!(", {} programmed, {} safe", render::count(outcome.programmed), render::count(outcome.safe));
    let extra = [
        (outcome.invalid, "invalid"),
        (outcome.rejected, "rejected"),
        (outcome.failed, "refused by a card"),
        (outcome.submitted_again, "submitted again"),
    ];
    for (count, what) in extra.into_iter().filter(|(count, _)| *count > 0) {
        print!(", {} {what}", render::count(count));
    }
    println!();
    if outcome.submitted + outcome.invalid == 0 {
        println!("the input holds no change");
    }
}

fn judge(outcome: &Outcome) -> Result<(), Failure> {
    if outcome.cut_short {
        let message = "the input is damaged: what follows the place named above was not read";
        return Err(
            Failure::new(Exit::Usage, message).hint("what came before it was applied; load a whole file")
        );
    }
    let wrong = outcome.invalid + outcome.rejected;
    if wrong > 0 {
        let named = if wrong > SHOWN {
            format!("the first {SHOWN} are named above")
        } else {
            "they are named above".into()
        };
        let message = format!("{wrong} changes were not applied");
        return Err(Failure::new(Exit::Usage, message).hint(format!("{named}; the others were applied")));
    }
    if outcome.failed > 0 {
        let message = format!("{} refusals by forwarding tables", outcome.failed);
        return Err(Failure::new(Exit::Failed, message)
            .hint("they are tried again; `hitless status` shows what is left"));
    }
    Ok(())
}
