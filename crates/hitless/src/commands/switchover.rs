//! `hitless switchover`: a planned change of the primary.

use std::time::{Duration, Instant};

use clap::Args;
use hitless_admin::{Answer, Client, Request, Role, TakeoverReport};

use super::target::{PATIENCE, Target, ask};
use crate::config::parse_party;
use crate::failure::{Exit, Failure};
use crate::render;
use hitless_proto::ids::Party;

/// A primary that has its role, not handing over, so long after the beginning has given up.
const GIVEN_UP: Duration = Duration::from_millis(500);

/// Arguments of `hitless switchover`.
#[derive(Debug, Args)]
pub struct SwitchoverArgs {
    #[command(flatten)]
    target: Target,
    /// The control unit that becomes primary; without it, the best standby.
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    to: Option<u8>,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
}

/// Reads `2` or `unit-2`.
///
/// # Errors
/// It is neither.
pub fn unit(text: &str) -> Result<u8, String> {
    match (text.parse(), parse_party(text)) {
        (Ok(id), _) => Ok(id),
        (_, Some(Party::Unit(id))) => Ok(id.0),
        (Err(_), Some(Party::Card(_)) | None) => Err("write 2 or unit-2".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// It was refused, or given up.
pub async fn run(args: &SwitchoverArgs, as_json: bool) -> Result<(), Failure> {
    let mut primary = args.target.primary().await?;
    let report =
        hand_over(&mut primary, &args.target.unit_addresses()?, args.to, Duration::from_secs(args.timeout))
            .await?;
    if as_json {
        render::json(&report);
    } else {
        print!("{}", render::report::text(&report));
    }
    if report.verified() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "not every channel is verified").hint("`hitless status` shows which"))
}

/// Begins a switchover and waits for the new primary's report.
///
/// # Errors
/// It was refused, or is not over after `patience`.
pub async fn hand_over(
    primary: &mut Client,
    units: &[String],
    to: Option<u8>,
    patience: Duration,
) -> Result<TakeoverReport, Failure> {
    let Answer::Unit(before) = primary.call(Request::Status, PATIENCE).await? else {
        return Err(Failure::new(Exit::Failed, "the primary is no control unit"));
    };
    let begun = Instant::now();
    let Answer::SwitchoverBegun { to } = primary.call(Request::Switchover { to }, PATIENCE).await? else {
        return Err(Failure::new(Exit::Failed, "the primary answered something else to a switchover"));
    };
    while begun.elapsed() < patience {
        for address in units {
            if let Ok(Answer::Reports(reports)) = ask(address, Request::Report).await
                && let Some(report) = reports.into_iter().rev().find(|report| report.epoch > before.epoch)
            {
                return Ok(report);
            }
        }
        if begun.elapsed() > GIVEN_UP
            && let Ok(Answer::Unit(now)) = primary.call(Request::Status, PATIENCE).await
            && (now.role, now.epoch) == (Role::Primary, before.epoch)
        {
            let message =
                format!("the switchover to unit-{to} was given up: unit-{} is primary still", now.unit);
            return Err(Failure::new(Exit::Refused, message).hint("the log of the primary says why"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let message = format!("the switchover to unit-{to} was not over after {} s", patience.as_secs());
    Err(Failure::new(Exit::Failed, message)
        .hint("the log of the primary says why it was given up; `hitless status` shows who is primary"))
}
