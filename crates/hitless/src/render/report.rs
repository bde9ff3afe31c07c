//! A takeover report for people.

use std::fmt::Write;

use hitless_admin::{ChannelReport, Method, TakeoverReport};

use super::{Grid, bytes, count, millis, process};

/// The report as a heading, a table per channel, and what a full resend would have cost.
#[must_use]
pub fn text(report: &TakeoverReport) -> String {
    let kind = match (report.planned, report.recovered) {
        (true, _) => "switchover",
        // The first epoch of a chassis follows nobody's.
        (false, _) if report.epoch == 1 => "first start",
        (false, true) => "recovery",
        (false, false) => "failover",
    };
    let mut grid = Grid::new(&[
        "PROCESS",
        "CARD",
        "METHOD",
        "FOLDED",
        "IN DOUBT",
        "REPLAYED",
        "ADOPTED",
        "FAILED",
        "BYTES",
        "TIME",
        "VERIFIED",
        "FULL RESEND",
    ]);
    for channel in &report.channels {
        grid.row(cells(channel));
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{kind} to unit-{}, epoch {}: granted {}, promised {}, replayed {}, verified {}, opened {}",
        report.unit,
        report.epoch,
        millis(report.phases.granted),
        millis(report.phases.promised),
        millis(report.phases.replayed),
        millis(report.phases.verified),
        millis(report.phases.opened),
    );
    let _ = write!(text, "{grid}");
    if !report.absent.is_empty() {
        let absent: Vec<String> = report.absent.iter().map(|card| format!("card-{card}")).collect();
        let _ = writeln!(text, "absent: {} (fenced, and compared when back)", absent.join(", "));
    }
    let _ = writeln!(
        text,
        "replayed {} of {} entries: {} instead of {} for a full resend",
        count(report.total(|channel| channel.replayed)),
        count(report.total(|channel| channel.entries)),
        bytes(report.total(|channel| channel.bytes)),
        bytes(report.total(|channel| channel.full_bytes)),
    );
    text
}

/// Name of a method for people.
#[must_use]
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Replay => "replay",
        Method::Reconcile => "reconcile",
    }
}

fn cells(channel: &ChannelReport) -> [String; 12] {
    [
        process(channel.process),
        format!("card-{}", channel.card),
        method_name(channel.method).to_owned(),
        count(channel.folded),
        count(channel.in_doubt),
        count(channel.replayed),
        count(channel.adopted),
        count(channel.failed),
        bytes(channel.bytes),
        millis(channel.micros),
        if channel.verified { "yes".to_owned() } else { "NO".to_owned() },
        bytes(channel.full_bytes),
    ]
}
