//! The page of the timeline: one file, no scripts, nothing from elsewhere.

use std::fmt::Write;

use super::args::DemoArgs;
use super::journal::BUCKET_MS;
use super::round::Round;
use super::summary::Summary;
use crate::render::report::method_name;
use crate::render::{bytes, count, millis};

/// Of a chart.
pub(super) const WIDTH: f64 = 980.0;
const HEIGHT: f64 = 200.0;
const PHASES: f64 = 14.0;
/// Rounds that are drawn; all are in the table.
const DRAWN: usize = 20;

/// How every page looks.
pub(super) const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#1d2733;background:#fff;max-width:1020px;margin:2em auto;\
    padding:0 1em}h1{font-size:1.5em}h2{font-size:1.1em;margin:2em 0 .3em}table{border-collapse:collapse;margin:.5em 0}\
    th,td{padding:.15em .8em;text-align:right;border-bottom:1px solid #e3e8ee}th{font-weight:600;color:#5a6b7d}\
    td:first-child,th:first-child{text-align:left}.n{width:100%}.n th,.n td{white-space:nowrap;padding:.15em .5em;font-size:.93em}.ok{color:#1a7f4b}.bad{color:#c02626;font-weight:600}\
    svg{width:100%;height:auto;background:#fafbfc;border:1px solid #e3e8ee;border-radius:4px}svg text{font-size:11px;fill:#5a6b7d}\
    .key{color:#5a6b7d;font-size:.9em}.key b{padding:0 .6em;margin:0 .3em 0 1em;border-radius:2px}";

/// The whole page.
pub(super) fn render(args: &DemoArgs, summary: &Summary) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>hitless demo</title><style>{STYLE}</style>\n\
         <h1>hitless demo: {} in the middle of churn</h1>\n\
         <p>{} control units and {} cards, each an operating-system process; {} changes loaded in {:.1} s; seed {}.</p>\n",
        escape(&format!("{:?} {}", args.kill, args.how.done()).to_lowercase()),
        summary.units,
        summary.cards,
        count(summary.loaded),
        summary.load_s,
        summary.seed,
    );
    page.push_str(
        "<p class=\"key\">per 10 ms:<b style=\"background:#c9d6e4\">&nbsp;</b>ops submitted\
         <b style=\"background:#1a7f4b\">&nbsp;</b>ops told to be safe<b style=\"background:#c02626\">&nbsp;</b>the strike\
         <b style=\"background:#e8a33d\">&nbsp;</b>takeover, by phase</p>\n",
    );
    overview(&mut page, summary);
    for round in summary.rounds.iter().take(DRAWN) {
        draw_round(&mut page, round);
    }
    page.push_str("</html>\n");
    page
}

// Writing to a string does not fail: the results are dropped on purpose.

fn overview(page: &mut String, summary: &Summary) {
    page.push_str(
        "<table class=\"n\"><tr><th>round<th>victim<th>takeover<th>longest gap<th>churn<th>replayed<th>bytes<th>full resend<th>result</tr>\n",
    );
    for round in &summary.rounds {
        let total =
            |of: fn(&hitless_admin::ChannelReport) -> u64| round.takeover.as_ref().map_or(0, |r| r.total(of));
        let _ = writeln!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            round.number,
            escape(&round.victim),
            millis((round.takeover_ms * 1_000.0) as u64),
            millis((round.longest_gap_ms * 1_000.0) as u64),
            count(round.submitted),
            count(total(|channel| channel.replayed)),
            bytes(total(|channel| channel.bytes)),
            bytes(total(|channel| channel.full_bytes)),
            verdict(round.passed()),
        );
    }
    page.push_str("</table>\n");
}

fn draw_round(page: &mut String, round: &Round) {
    let _ = writeln!(page, "<h2>Round {}: {}</h2>", round.number, escape(&round.victim));
    chart(page, round);
    page.push_str("<table><tr><th>check<th>result<th>detail</tr>\n");
    for check in &round.checks {
        let detail = escape(&check.detail);
        let _ = writeln!(page, "<tr><td>{}<td>{}<td>{detail}</tr>", escape(check.what), verdict(check.holds));
    }
    page.push_str("</table>\n");
    let Some(report) = &round.takeover else { return };
    page.push_str(
        "<table class=\"n\"><tr><th>channel<th>method<th>folded<th>in doubt<th>replayed<th>adopted<th>failed<th>bytes<th>full resend\
         <th>time<th>verified</tr>\n",
    );
    for channel in &report.channels {
        let _ = writeln!(
            page,
            "<tr><td>{} on card-{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            crate::render::process(channel.process),
            channel.card,
            method_name(channel.method),
            count(channel.folded),
            count(channel.in_doubt),
            count(channel.replayed),
            count(channel.adopted),
            count(channel.failed),
            bytes(channel.bytes),
            bytes(channel.full_bytes),
            millis(channel.micros),
            verdict(channel.verified),
        );
    }
    page.push_str("</table>\n");
}

fn chart(page: &mut String, round: &Round) {
    let line = &round.timeline;
    let span = (line.buckets.len().max(1) as u64 * BUCKET_MS) as f64;
    let top = f64::from(
        line.buckets.iter().map(|(submitted, safe)| *submitted.max(safe)).max().unwrap_or(0).max(1),
    );
    let x = |millis: f64| millis / span * WIDTH;
    let y = |count: u32| HEIGHT - f64::from(count) / top * (HEIGHT - 30.0);
    let _ = writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">", HEIGHT + PHASES + 22.0);
    let bar = WIDTH / line.buckets.len().max(1) as f64;
    let mut submitted = format!("M0 {HEIGHT}");
    let mut safe = submitted.clone();
    for (index, bucket) in line.buckets.iter().enumerate() {
        let left = index as f64 * bar;
        let _ = write!(submitted, "L{left:.1} {:.1}H{:.1}", y(bucket.0), left + bar);
        let _ = write!(safe, "L{left:.1} {:.1}H{:.1}", y(bucket.1), left + bar);
    }
    let _ = writeln!(page, "<path d=\"{submitted}V{HEIGHT}Z\" fill=\"#c9d6e4\"/>");
    let _ = writeln!(page, "<path d=\"{safe}V{HEIGHT}Z\" fill=\"#1a7f4b\" fill-opacity=\".65\"/>");
    marks(page, round, &x);
    phases(page, round, &x);
    let mut tick = 0.0;
    let step = if span > 4_000.0 { 1_000.0 } else { 250.0 };
    while tick < span {
        let _ = writeln!(
            page,
            "<text x=\"{:.1}\" y=\"{:.1}\">{tick} ms</text>",
            x(tick) + 2.0,
            HEIGHT + PHASES + 17.0
        );
        tick += step;
    }
    page.push_str("</svg>\n");
}

fn marks(page: &mut String, round: &Round, x: &impl Fn(f64) -> f64) {
    for (index, (at, what)) in round.timeline.marks.iter().enumerate() {
        let strike = (*at - round.timeline.strike).abs() < 5.0 || what.starts_with(&round.victim);
        let colour = if strike { "#c02626" } else { "#8a99a8" };
        let left = x(*at);
        let anchor = if left > WIDTH * 0.75 { "end" } else { "start" };
        let _ = writeln!(
            page,
            "<line x1=\"{left:.1}\" x2=\"{left:.1}\" y1=\"0\" y2=\"{HEIGHT}\" stroke=\"{colour}\"/>\
             <text x=\"{left:.1}\" dx=\"3\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            12 + index % 3 * 12,
            escape(what)
        );
    }
}

/// The phases of the takeover, under the chart. The report has their lengths; it ended when it was seen.
fn phases(page: &mut String, round: &Round, x: &impl Fn(f64) -> f64) {
    let (Some(report), Some(end)) = (&round.takeover, round.timeline.reported) else { return };
    let times = &report.phases;
    let last = times.opened.max(times.verified);
    let begin = end - last as f64 / 1_000.0;
    let named = [
        ("granted", times.granted, "#f4d6a0"),
        ("promised", times.promised, "#eebd6c"),
        ("replayed", times.replayed, "#e8a33d"),
        ("verified", times.verified, "#c98018"),
        ("opened", times.opened, "#96600f"),
    ];
    let mut from = 0;
    for (name, until, colour) in named {
        if until > from {
            let left = x(begin + from as f64 / 1_000.0);
            let right = x(begin + until as f64 / 1_000.0);
            let _ = writeln!(
                page,
                "<rect x=\"{left:.2}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{PHASES}\" fill=\"{colour}\"><title>{name} after {}</title></rect>",
                HEIGHT + 2.0,
                (right - left).max(0.5),
                millis(until)
            );
            from = until;
        }
    }
}

/// A cell that says how a check went.
pub(super) fn verdict(holds: bool) -> &'static str {
    if holds { "<span class=\"ok\">ok</span>" } else { "<span class=\"bad\">FAILED</span>" }
}

/// Text as it stands in a page.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
