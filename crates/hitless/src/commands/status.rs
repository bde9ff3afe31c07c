//! `hitless status`: the chassis in one table.

use std::time::Duration;

use clap::Args;
use hitless_admin::{Answer, CardStatus, Request, SourceStatus, UnitStatus};
use hitless_proto::ids::Party;
use serde::Serialize;
use tokio::task::JoinSet;

use super::target::{Known, Target, ask};
use crate::config::parse_party;
use crate::failure::{Exit, Failure};
use crate::render;

/// Arguments of `hitless status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    target: Target,
    /// Show again every so many seconds, until interrupted.
    #[arg(long, value_name = "SECONDS")]
    watch: Option<f64>,
    /// Wait until the chassis is whole, at most so many seconds.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<f64>,
}

/// What every party says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overview {
    /// Control units that answer.
    pub units: Vec<UnitStatus>,
    /// Cards that answer.
    pub cards: Vec<CardStatus>,
    /// Who does not answer, and why.
    pub missing: Vec<Missing>,
}

/// A party that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Who.
    pub party: String,
    /// Why.
    pub reason: String,
}

impl Overview {
    /// Asks all parties at once.
    pub async fn gather(parties: &[Known]) -> Self {
        let mut asked = JoinSet::new();
        for known in parties.iter().cloned() {
            asked.spawn(async move { (ask(&known.address, Request::Status).await, known) });
        }
        let mut overview = Self::default();
        while let Some(joined) = asked.join_next().await {
            let Ok((answer, known)) = joined else { continue };
            let reason = match answer {
                Ok(Answer::Unit(status)) => {
                    overview.units.push(status);
                    continue;
                }
                Ok(Answer::Card(status)) => {
                    overview.cards.push(status);
                    continue;
                }
                Ok(other) => format!("answered {other:?} to a status request"),
                Err(error) => error.to_string(),
            };
            overview.missing.push(Missing { party: known.name(), reason });
        }
        overview.units.sort_by_key(|unit| unit.unit);
        overview.cards.sort_by_key(|card| card.card);
        overview.missing.sort_by(|a, b| a.party.cmp(&b.party));
        overview
    }

    /// The unit that is primary in the highest epoch.
    #[must_use]
    pub fn primary(&self) -> Option<&UnitStatus> {
        let primaries = self.units.iter().filter(|unit| unit.role == hitless_admin::Role::Primary);
        primaries.max_by_key(|unit| unit.epoch)
    }

    /// What is not as it should be, in words; empty: the chassis is whole.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.missing.iter().map(|missing| format!("{}: {}", missing.party, missing.reason)).collect();
        let Some(primary) = self.primary() else {
            problems.push("no control unit is primary".to_owned());
            for unit in &self.units {
                problems.extend(unit.waiting.iter().map(|reason| format!("unit-{}: {reason}", unit.unit)));
            }
            return problems;
        };
        problems.extend(primary.sources.iter().flat_map(|source| source_problems(primary, source)));
        for unit in self.units.iter().filter(|unit| unit.unit != primary.unit) {
            if unit.role != hitless_admin::Role::Standby || !primary.in_sync.contains(&unit.unit) {
                problems.push(format!("unit-{} is not in sync", unit.unit));
            }
        }
        for channel in &primary.channels {
            let place = format!("{} on {}", render::process(channel.process), channel.follower);
            if channel.state != hitless_admin::ChannelState::InStep {
                problems.push(format!("{place} is {}", render::status::state_name(channel.state)));
            }
            if channel.failed > 0 {
                problems.push(format!("{place}: {} keys refused by the forwarding table", channel.failed));
            }
        }
        for unit in &self.units {
            let not_kept = unit.not_kept.iter();
            problems.extend(not_kept.map(|why| format!("unit-{} does not keep its state: {why}", unit.unit)));
        }
        let has_channel = |card: u16| {
            let follower = Party::Card(hitless_proto::ids::CardId(card));
            primary.channels.iter().any(|channel| parse_party(&channel.follower) == Some(follower))
        };
        for unit in &self.units {
            let unlinked = self.cards.iter().map(|card| format!("card-{}", card.card));
            let unlinked = unlinked.filter(|card| !unit.connected.contains(card));
            problems.extend(unlinked.map(|card| format!("unit-{} is not linked with {card}", unit.unit)));
        }
        let unknown = self.cards.iter().filter(|card| !has_channel(card.card));
        problems.extend(unknown.map(|card| format!("card-{} has no channel at the primary", card.card)));
        problems
    }
}

/// What is wrong with a source of the primary.
fn source_problems(primary: &UnitStatus, source: &SourceStatus) -> Vec<String> {
    let place = format!("{} at unit-{}", source.source, primary.unit);
    let mut problems = Vec::new();
    if source.session.is_none() {
        let held = render::count(source.held);
        problems.push(format!("{place}: no session; {held} routes are held as they were"));
    } else if source.stale > 0 {
        let stale = render::count(source.stale);
        problems
            .push(format!("{place}: {stale} stale routes; when all others are announced: `hitless sweep`"));
    }
    if source.waiting > 0 {
        let waiting = render::count(source.waiting);
        problems.push(format!("{place}: {waiting} routes wait for their next hops or interfaces"));
    }
    problems
}

/// Runs the command.
///
/// # Errors
/// The chassis is not whole, or nobody answers.
pub async fn run(args: &StatusArgs, as_json: bool) -> Result<(), Failure> {
    let parties = args.target.parties()?;
    let deadline =
        args.wait.map(|seconds| tokio::time::Instant::now() + Duration::from_secs_f64(seconds.max(0.0)));
    let mut overview = Overview::gather(&parties).await;
    while let Some(deadline) = deadline
        && !overview.problems().is_empty()
        && tokio::time::Instant::now() < deadline
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
        overview = Overview::gather(&parties).await;
    }
    loop {
        print(&overview, as_json);
        let Some(seconds) = args.watch else { break };
        tokio::time::sleep(Duration::from_secs_f64(seconds.max(0.1))).await;
        overview = Overview::gather(&parties).await;
    }
    judge(&overview, as_json)
}

fn print(overview: &Overview, as_json: bool) {
    if as_json {
        render::json(overview);
    } else {
        print!("{}", render::status::text(overview));
    }
}

fn judge(overview: &Overview, as_json: bool) -> Result<(), Failure> {
    let problems = overview.problems();
    if overview.units.is_empty() && overview.cards.is_empty() {
        return Err(Failure::new(Exit::NotFound, "no party answers")
            .hint("start them with `hitless control` and `hitless card`, or try `hitless demo`"));
    }
    if problems.is_empty() {
        return Ok(());
    }
    // The table has named each of them.
    let message =
        if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) };
    let failure = Failure::new(Exit::Failed, format!("the chassis is not whole: {message}"));
    Err(if as_json { Failure { message: problems.join("; "), ..failure } } else { failure })
}
