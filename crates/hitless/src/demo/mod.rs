//! `hitless demo`: a whole chassis on this machine, whose primary is killed in the middle of churn, and a check from
//! outside that nothing was lost.

mod args;
mod chassis;
mod journal;
mod layout;
mod model;
mod outside;
mod page;
mod proxy;
mod round;
mod router;
mod summary;
mod table;

pub use args::DemoArgs;
pub use router::RouterArgs;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Exit, Failure};
use crate::feed::{Feed, Wait};
use crate::render;
use args::How;
use chassis::Chassis;
use journal::Journal;
use round::{Round, Stage};
use summary::Summary;
use table::Churn;

/// Runs the demo.
///
/// # Errors
/// A check failed, a step took too long, or the chassis could not be started.
pub async fn run(args: &DemoArgs, as_json: bool) -> Result<(), Failure> {
    let teller = Teller { quiet: as_json };
    let daemons = args.router.router.then(|| router::daemons(&args.router)).transpose()?;
    table::check(args)?;
    // The page is written at the end; that it cannot be is said at the beginning.
    std::fs::write(&args.html, "").map_err(|error| {
        Failure::new(Exit::Usage, format!("{}: {error}", args.html.display()))
            .hint("name another file with --html")
    })?;
    let scratch = tempfile::Builder::new()
        .prefix("hitless-demo-")
        .tempdir()
        .map_err(|error| Failure::new(Exit::Failed, format!("no temporary directory: {error}")))?;
    let dir = scratch.path().to_owned();
    if let Some(daemons) = daemons {
        let outcome = router::run(args, (&dir, &daemons), &teller).await;
        return end(args.keep, scratch, outcome, &teller);
    }
    let outcome = tokio::select! {
        outcome = play(args, &dir, &teller) => outcome,
        () = interrupted() => Err(Failure::new(Exit::Failed, "interrupted")),
    };
    end(args.keep, scratch, outcome, &teller)
}

/// What a demo ends with.
trait Ending: Serialize {
    /// All checks hold.
    fn passed(&self) -> bool;
    /// For people.
    fn text(&self) -> String;
    /// Fails where a check does not hold.
    fn verdict(&self) -> Result<(), Failure>;
}

/// Tells how it ended; keeps configuration, state and logs where it did not end well.
fn end(
    keep: bool,
    scratch: TempDir,
    outcome: Result<impl Ending, Failure>,
    teller: &Teller,
) -> Result<(), Failure> {
    let failed = !matches!(&outcome, Ok(summary) if summary.passed());
    if keep || failed {
        let kept: PathBuf = scratch.keep();
        teller.say(&format!("kept     {} (configuration, state, logs)", kept.display()));
    }
    let summary = outcome?;
    if teller.quiet {
        render::json(&summary);
    } else {
        print!("{}", summary.text());
    }
    summary.verdict()
}

/// Returns on SIGINT and SIGTERM: children that are frozen would not hear that the demo has died.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn play(args: &DemoArgs, dir: &Path, teller: &Teller) -> Result<Summary, Failure> {
    let mut chassis = Chassis::start(args, dir).await?;
    let outcome = play_on(args, &mut chassis, teller).await;
    chassis.stop().await;
    outcome
}

async fn play_on(args: &DemoArgs, chassis: &mut Chassis, teller: &Teller) -> Result<Summary, Failure> {
    teller.say(&format!(
        "chassis  {} control units, {} cards, each a process",
        args.standbys + 1,
        args.cards
    ));
    let journal = Journal::new();
    let feed = Feed::start(chassis.unit_addresses(), Wait::Safe, journal.clone());
    let loaded = match table::load(args, &feed).await {
        Ok(loaded) => loaded,
        Err(failure) => {
            let problems = chassis.overview().await.problems();
            return Err(chassis.diagnose(&failure.message, &problems));
        }
    };
    teller.say(&format!(
        "table    {} changes safe on {} cards in {:.1} s",
        render::count(loaded.changes),
        args.cards,
        loaded.seconds
    ));
    let mut churn = Churn::open(args, &loaded)?;
    let mut summary = Summary::new(args, &loaded);
    for number in 1..=args.rounds {
        let mut round = Round { number, ..Round::default() };
        let mut stage = Stage { args, chassis, feed: &feed, journal: &journal };
        let outcome = stage.play(&mut churn, &mut round).await;
        if let Err(failure) = &outcome {
            let detail = failure.to_string();
            round.checks.push(round::Check { what: "the round came to its end", holds: false, detail });
        }
        teller.tell(&round, args.how);
        summary.rounds.push(round);
        if outcome.is_err() {
            break;
        }
    }
    feed.abandon();
    std::fs::write(&args.html, page::render(args, &summary)).map_err(|error| {
        Failure::new(Exit::Failed, format!("{}: {error}", args.html.display()))
            .hint("name another file with --html")
    })?;
    Ok(summary)
}

/// Tells a person how it goes; keeps quiet where a program reads.
#[derive(Clone)]
struct Teller {
    quiet: bool,
}

impl Teller {
    fn say(&self, line: &str) {
        if !self.quiet {
            println!("{line}");
        }
    }

    fn tell(&self, round: &Round, how: How) {
        self.say(&format!("round {}  {} {} in the middle of churn", round.number, round.victim, how.done()));
        if let Some(report) = &round.takeover {
            self.say("");
            for line in render::report::text(report).lines() {
                self.say(&format!("  {line}"));
            }
            self.say("");
        }
        for check in &round.checks {
            let mark = if check.holds { "ok  " } else { "FAIL" };
            self.say(&format!("  {mark} {}: {}", check.what, check.detail));
        }
    }
}
