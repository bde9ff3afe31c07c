//! `hitless demo --router`: FRR as source, the kernel's tables at the cards, packets through them all the while, and one
//! thing after another that must not lose any.

mod announced;
mod args;
mod bgp;
mod churn;
mod compare;
mod events;
mod flow;
mod frr;
mod kernel;
mod lab;
mod namespaces;
mod needs;
mod page;
mod plan;
mod probes;
mod speaker;
mod summary;
mod verdict;

pub use args::RouterArgs;
pub(super) use needs::find as daemons;
pub(super) use summary::Summary;

use std::collections::HashSet;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::args::DemoArgs;
use super::{Teller, interrupted};
use crate::failure::{Exit, Failure};
use crate::render;
use announced::Announced;
use churn::Churn;
use events::Stage;
use lab::Lab;
use namespaces::Namespaces;
use probes::Probes;
use verdict::Outcome;

/// Runs the demo of a router.
///
/// # Errors
/// Something that it needs is missing, a step took too long, or a verdict is not as it must be.
pub(super) async fn run(
    args: &DemoArgs,
    (dir, daemons): (&Path, &Path),
    teller: &Teller,
) -> Result<Summary, Failure> {
    // FRR's user goes through it to its own.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o711))
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", dir.display())))?;
    let announced = Announced::load(&args.router, args.seed)?;
    let namespaces = Arc::new(Namespaces::lay()?);
    let (args, teller) = (args.clone(), teller.clone());
    let (dir, daemons) = (dir.to_owned(), daemons.to_owned());
    let shared = Arc::clone(&namespaces);
    // All tasks run in threads of the hub: their sockets reach every party, and nothing of the host's network.
    let work = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, format!("no threads: {error}")))?;
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = play(&args, (shared, &daemons), announced, (&dir, &teller)) => outcome,
                () = interrupted() => Err(Failure::new(Exit::Failed, "interrupted")),
            }
        });
        runtime.shutdown_background();
        outcome
    };
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("the hub: {error}"));
    tokio::task::spawn_blocking(move || namespaces.inside("hub", work).map_err(failed)?)
        .await
        .map_err(|error| Failure::new(Exit::Failed, format!("the demo has died: {error}")))?
}

async fn play(
    args: &DemoArgs,
    (namespaces, daemons): (Arc<Namespaces>, &Path),
    announced: Announced,
    (dir, teller): (&Path, &Teller),
) -> Result<Summary, Failure> {
    let begun = Instant::now();
    let routes = announced.announced();
    let mut lab = Lab::start(args, (Arc::clone(&namespaces), daemons), announced, dir).await?;
    teller.say("router   2 control units with FRR, 2 cards with the kernel's tables, a source and a sink");
    let bar = crate::commands::load::bar("BGP announces".to_owned());
    bar.set_length(routes);
    let comparison = lab.settle(|held| bar.set_position(held)).await?;
    bar.finish_and_clear();
    if !comparison.holds() {
        let message = format!("kernels, primary and BGP differ: {:?}", comparison.examples);
        return Err(Failure::new(Exit::Failed, message));
    }
    let load_s = begun.elapsed().as_secs_f64();
    teller.say(&format!(
        "table    {} routes from BGP through FRR into 2 kernels in {load_s:.1} s; all equal",
        render::count(routes)
    ));
    let (numbers, destinations): (HashSet<u32>, Vec<IpAddr>) =
        probes::destinations(lab.announced.prefixes()).into_iter().unzip();
    if destinations.is_empty() {
        let message = "every address of the table has several routes: a missing one would not be seen";
        return Err(
            Failure::new(Exit::Usage, message).hint("give a table in which not all prefixes are nested")
        );
    }
    let mut summary = Summary::new(args, (routes, load_s), destinations.len());
    teller.say(&format!(
        "probes   {} packets a second to {} destinations, through each card in turn",
        render::count(args.router.probes),
        destinations.len()
    ));
    let probes = Probes::start(&namespaces, destinations, args.router.probes)?;
    let churn = Churn::prepare(&lab.announced, numbers, args.seed, args.router.bgp_churn);
    let mut stage = Stage::new(lab, churn, probes);
    teller.say(&format!("\n{}", verdict::line(&verdict::COLUMNS.map(|(name, _)| name.to_owned()))));
    for event in &args.router.events {
        let mut outcome = Outcome::new(*event);
        let played = stage.play(*event, &mut outcome).await;
        if let Err(failure) = &played {
            outcome.check("the event came to its end", false, failure.to_string());
        }
        tell(teller, &outcome);
        summary.events.push(outcome);
        if played.is_err() {
            break;
        }
    }
    stage.lab.chassis.stop().await;
    fs::write(&args.html, page::render(&summary)).map_err(|error| {
        Failure::new(Exit::Failed, format!("{}: {error}", args.html.display()))
            .hint("name another file with --html")
    })?;
    Ok(summary)
}

fn tell(teller: &Teller, outcome: &Outcome) {
    teller.say(&verdict::line(&outcome.row()));
    teller.say(&format!("           {}", outcome.story.join("; ")));
    for check in outcome.checks.iter().filter(|check| !check.holds) {
        teller.say(&format!("  FAIL {}: {}", check.what, check.detail));
    }
}
