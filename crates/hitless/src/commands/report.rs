//! `hitless report`: the last takeovers.

use clap::Args;
use hitless_admin::{Answer, Request, TakeoverReport};

use super::target::{Target, ask};
use crate::failure::{Exit, Failure};
use crate::render;

/// Arguments of `hitless report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    target: Target,
    /// Show so many, the newest last.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
}

/// Runs the command.
///
/// # Errors
/// No control unit answers, or there was no takeover.
pub async fn run(args: &ReportArgs, as_json: bool) -> Result<(), Failure> {
    let mut reports: Vec<TakeoverReport> = Vec::new();
    let mut problem = None;
    let mut answered = false;
    for address in args.target.unit_addresses()? {
        match ask(&address, Request::Report).await {
            Ok(Answer::Reports(more)) => {
                answered = true;
                reports.extend(more);
            }
            Ok(_) => {}
            Err(error) => problem = Some(error),
        }
    }
    if let (false, Some(error)) = (answered, problem) {
        return Err(error.into());
    }
    // Each takeover is reported by one unit, its new primary.
    reports.sort_by_key(|report| report.epoch);
    let shown = &reports[reports.len().saturating_sub(args.last.into())..];
    if as_json {
        render::json(&shown);
    } else {
        for report in shown {
            println!("{}", render::report::text(report));
        }
    }
    if shown.is_empty() {
        return Err(Failure::new(
            Exit::NotFound,
            "no control unit that answers has taken over since it started",
        ));
    }
    Ok(())
}
