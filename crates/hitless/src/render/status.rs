//! The chassis in one table.

use std::fmt::Write;

use hitless_admin::{ChannelState, ChannelStatus, Role, UnitStatus};

use super::{Grid, count, process};
use crate::commands::status::Overview;
use crate::commands::target::role_name;

/// Name of a channel's state for people.
#[must_use]
pub fn state_name(state: ChannelState) -> &'static str {
    match state {
        ChannelState::Away => "away",
        ChannelState::Claimed => "claimed",
        ChannelState::Comparing => "comparing",
        ChannelState::Filling => "filling",
        ChannelState::InStep => "in step",
    }
}

/// One row per process of a unit, and per channel of a card; then what is wrong.
#[must_use]
pub fn text(overview: &Overview) -> String {
    let mut grid = Grid::new(&[
        "PARTY", "ROLE", "EPOCH", "PROCESS", "ENTRIES", "ACKED", "PENDING", "IN DOUBT", "FAILED", "VERIFIED",
    ]);
    let primary = overview.primary();
    for unit in &overview.units {
        unit_rows(&mut grid, unit, primary);
    }
    for card in &overview.cards {
        for client in &card.channels {
            let follower = format!("card-{}", card.card);
            let channel = primary.and_then(|primary| channel(primary, client.process, &follower));
            let issued = primary.and_then(|primary| issued(primary, client.process));
            grid.row([
                follower,
                "card".to_owned(),
                card.promised.to_string(),
                process(client.process),
                count(client.entries),
                channel.map_or_else(|| client.applied.to_string(), |channel| channel.acked.to_string()),
                in_step(channel).map_or_else(String::new, |channel| behind(issued, channel)),
                out_of_step(channel).map_or_else(|| "0".to_owned(), |channel| behind(issued, channel)),
                count(client.failed),
                verified(channel),
            ]);
        }
    }
    for missing in &overview.missing {
        let blank = String::new;
        let cells = [blank(), blank(), blank(), blank(), blank(), blank(), blank()];
        let [epoch, process, entries, acked, pending, doubt, failed] = cells;
        let role = "no answer".to_owned();
        grid.row([
            missing.party.clone(),
            role,
            epoch,
            process,
            entries,
            acked,
            pending,
            doubt,
            failed,
            "NO".to_owned(),
        ]);
    }
    let mut text = grid.to_string();
    text.push_str(&sources(overview));
    text.push_str(&kept(overview));
    for problem in overview.problems() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "! {problem}");
    }
    text
}

/// One row per source of a unit.
fn sources(overview: &Overview) -> String {
    let mut grid = Grid::new(&[
        "UNIT", "SOURCE", "SESSION", "SIGNAL", "ROUTES", "HELD", "STALE", "WAITING", "PENDING", "KEPT OUT",
        "REFUSED",
    ]);
    let mut any = false;
    for unit in &overview.units {
        for source in &unit.sources {
            any = true;
            grid.row([
                format!("unit-{}", unit.unit),
                source.source.clone(),
                source.session.clone().unwrap_or_else(|| "none".to_owned()),
                if source.signalled { "yes".to_owned() } else { "no".to_owned() },
                count(source.routes),
                count(source.held),
                count(source.stale),
                count(source.waiting),
                count(source.pending),
                count(source.kept_out),
                count(source.refused),
            ]);
        }
    }
    if any { format!("\n{grid}") } else { String::new() }
}

/// One line per unit that keeps its state on disk: how far, and of how much.
fn kept(overview: &Overview) -> String {
    let mut text = String::new();
    for unit in &overview.units {
        let kept = unit
            .processes
            .iter()
            .filter_map(|state| Some(format!("{} {} of {}", state.name, state.kept?, state.folded)));
        let kept: Vec<String> = kept.collect();
        if !kept.is_empty() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "unit-{} keeps on disk: {}", unit.unit, kept.join(", "));
        }
    }
    text
}

fn unit_rows(grid: &mut Grid, unit: &UnitStatus, primary: Option<&UnitStatus>) {
    for state in &unit.processes {
        let name = format!("unit-{}", unit.unit);
        let channel = primary.and_then(|primary| channel(primary, state.process, &name));
        let is_primary = primary.is_some_and(|primary| primary.unit == unit.unit);
        grid.row([
            name,
            role_name(unit.role).to_owned(),
            unit.epoch.to_string(),
            state.name.clone(),
            count(state.entries),
            if is_primary { state.programmed.to_string() } else { state.folded.to_string() },
            count(state.pending),
            // What waits for acks is in doubt from the moment its primary is gone.
            if unit.role == Role::TakingOver || primary.is_none() {
                count(state.pending)
            } else {
                "0".to_owned()
            },
            String::new(),
            if is_primary { "self".to_owned() } else { verified(channel) },
        ]);
    }
}

fn channel<'a>(primary: &'a UnitStatus, process: u16, follower: &str) -> Option<&'a ChannelStatus> {
    primary.channels.iter().find(|channel| channel.process == process && channel.follower == follower)
}

fn issued(primary: &UnitStatus, process: u16) -> Option<u64> {
    primary.processes.iter().find(|state| state.process == process).map(|state| state.received)
}

fn in_step(channel: Option<&ChannelStatus>) -> Option<&ChannelStatus> {
    channel.filter(|channel| channel.state == ChannelState::InStep)
}

fn out_of_step(channel: Option<&ChannelStatus>) -> Option<&ChannelStatus> {
    channel.filter(|channel| channel.state != ChannelState::InStep)
}

/// Ops between the last ack and the last op issued. An upper bound: ops for other cards count too.
fn behind(issued: Option<u64>, channel: &ChannelStatus) -> String {
    if channel.in_flight == 0 && channel.state == ChannelState::InStep {
        return "0".to_owned();
    }
    count(issued.unwrap_or(0).saturating_sub(channel.acked))
}

fn verified(channel: Option<&ChannelStatus>) -> String {
    match channel {
        Some(channel) if channel.state == ChannelState::InStep => "yes".to_owned(),
        Some(channel) => state_name(channel.state).to_owned(),
        None => "no channel".to_owned(),
    }
}
