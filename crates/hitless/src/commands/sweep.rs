//! `hitless sweep`: the operator says that a source has announced all that it has.

use clap::Args;
use hitless_admin::{Answer, Request};
use serde_json::json;

use super::target::{PATIENCE, Target};
use crate::failure::{Exit, Failure};
use crate::render;

/// Arguments of `hitless sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    #[command(flatten)]
    target: Target,
    /// Also without a session: every route of the source is deleted.
    #[arg(long)]
    disconnected: bool,
}

/// Runs the command.
///
/// # Errors
/// There is no primary, it has no such source, or it refused.
pub async fn run(args: &SweepArgs, as_json: bool) -> Result<(), Failure> {
    let mut primary = args.target.primary().await?;
    let request = Request::Sweep { disconnected: args.disconnected };
    let Answer::Swept { entries } = primary.call(request, PATIENCE).await? else {
        return Err(Failure::new(Exit::Failed, "the primary answered something else to a sweep"));
    };
    if as_json {
        render::json(&json!({ "swept": entries }));
    } else {
        println!("{} stale routes are deleted", render::count(entries));
    }
    Ok(())
}
