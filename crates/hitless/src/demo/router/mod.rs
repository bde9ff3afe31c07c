//! `hitless demo --router`: FRR as source, the kernel's tables at the cards, packets through them all the while, and one
//! thing after another that must not lose any.

mod announced;
mod args;
mod bgp;
mod compare;
mod frr;
mod kernel;
mod lab;
mod namespaces;
mod needs;
mod plan;
mod speaker;

pub use args::RouterArgs;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::args::DemoArgs;
use super::{Teller, interrupted};
use crate::failure::{Exit, Failure};
use crate::render;
use announced::Announced;
use lab::Lab;
use namespaces::Namespaces;

/// Runs the demo of a router.
///
/// # Errors
/// Something that it needs is missing, a step took too long, or a verdict is not as it must be.
pub(super) async fn run(args: &DemoArgs, dir: &Path, teller: &Teller) -> Result<(), Failure> {
    let daemons = needs::find(&args.router)?;
    // FRR's user goes through it to its own.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o711))
        .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", dir.display())))?;
    let announced = Announced::load(&args.router, args.seed)?;
    let namespaces = Arc::new(Namespaces::lay()?);
    let (args, dir, teller) = (args.clone(), dir.to_owned(), teller.clone());
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
) -> Result<(), Failure> {
    let begun = Instant::now();
    let routes = announced.announced();
    let mut lab = Lab::start(args, (namespaces, daemons), announced, dir).await?;
    teller.say("router   2 control units with FRR, 2 cards with the kernel's tables, a source and a sink");
    let bar = crate::commands::load::bar("BGP announces".to_owned());
    bar.set_length(routes);
    let settled = lab.settle(|held| bar.set_position(held)).await?;
    bar.finish_and_clear();
    teller.say(&format!(
        "table    {} routes from BGP through FRR into 2 kernels in {:.1} s",
        render::count(routes),
        begun.elapsed().as_secs_f64()
    ));
    teller.say(&format!("{:?} {:?} {:?}", settled.primary, settled.writes, settled.comparison));
    Ok(())
}
