//! The page of a router's demo: every event with the packets that were sent and lost, over time.

use std::fmt::Write;

use super::flow::BUCKET_MS;
use super::summary::Summary;
use super::verdict::{COLUMNS, Outcome};
use crate::demo::page::{STYLE, WIDTH, escape, verdict};
use crate::render::{count, millis};

const HEIGHT: f64 = 150.0;
/// Room for the names of what happened, above the packets.
const NAMES: f64 = 44.0;
/// Room for the times, below.
const TIMES: f64 = 18.0;
const SENT: &str = "#1a7f4b";
const LOST: &str = "#c02626";

// Writing to a string does not fail: the results are dropped on purpose.

/// The whole page.
pub(super) fn render(summary: &Summary) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>hitless demo --router</title><style>{STYLE}</style>\n\
         <h1>hitless demo --router: packets across a router whose control units die</h1>\n\
         <p>FRR (BGP, {} routes, loaded in {:.1} s) feeds two control units; two cards program Linux kernels; {} UDP packets a \
         second to {} destinations, through each card in turn. Every party, the source and the sink are in network namespaces \
         of their own. Seed {}.</p>\n",
        count(summary.routes),
        summary.load_s,
        count(summary.packets_a_second),
        summary.destinations,
        summary.seed,
    );
    let _ = writeln!(
        page,
        "<p class=\"key\">per {BUCKET_MS} ms:<b style=\"background:{SENT}\">&nbsp;</b>packets sent\
         <b style=\"background:{LOST}\">&nbsp;</b>of these lost</p>"
    );
    page.push_str("<table class=\"n\"><tr>");
    for (name, _) in COLUMNS {
        let _ = write!(page, "<th>{}", name.to_lowercase());
    }
    page.push_str("</tr>\n");
    for outcome in &summary.events {
        page.push_str("<tr>");
        for cell in outcome.row() {
            let _ = write!(page, "<td>{}", escape(&cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n");
    for outcome in &summary.events {
        event(&mut page, outcome);
    }
    page.push_str("</html>\n");
    page
}

fn event(page: &mut String, outcome: &Outcome) {
    let _ = writeln!(page, "<h2>{} {}</h2>", escape(&outcome.event.name()), verdict(outcome.passed()));
    let _ = writeln!(page, "<p>{}</p>", escape(&outcome.story.join("; ")));
    chart(page, outcome);
    page.push_str("<table><tr><th>check<th>result<th>detail</tr>\n");
    for check in &outcome.checks {
        let detail = escape(&check.detail);
        let _ = writeln!(page, "<tr><td>{}<td>{}<td>{detail}</tr>", escape(check.what), verdict(check.holds));
    }
    let flow = &outcome.flow;
    let _ = writeln!(
        page,
        "</table>\n<p class=\"key\">Longest time without an arrival: {} through a card, {} on one stream; slowest packet: {}; \
         {} packets reordered; {:.1} s in all.</p>",
        millis(flow.longest_gap_us),
        millis(flow.longest_stream_gap_us),
        millis(flow.longest_delay_us),
        count(flow.reordered),
        outcome.seconds
    );
}

fn chart(page: &mut String, outcome: &Outcome) {
    let buckets = &outcome.flow.buckets;
    if buckets.is_empty() {
        return;
    }
    let span = (buckets.len() as u64 * BUCKET_MS) as f64;
    let top = f64::from(buckets.iter().map(|bucket| bucket.0).max().unwrap_or(1).max(1));
    let x = |millis: f64| millis / span * WIDTH;
    let y = |count: u32| NAMES + HEIGHT - f64::from(count) / top * HEIGHT;
    let bottom = NAMES + HEIGHT;
    let _ = writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">", bottom + TIMES);
    let mut sent = format!("M0 {bottom}");
    let mut lost = String::new();
    for (index, (all, missing)) in buckets.iter().copied().enumerate() {
        let (left, right) =
            (x((index as u64 * BUCKET_MS) as f64), x(((index as u64 + 1) * BUCKET_MS) as f64));
        let _ = write!(sent, "L{left:.1} {:.1}H{right:.1}", y(all));
        if missing > 0 {
            // A single lost packet must be seen.
            let height = (bottom - y(missing)).max(3.0);
            let _ = write!(
                lost,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{LOST}\"><title>{missing} lost</title></rect>",
                bottom - height,
                (right - left).max(1.5),
            );
        }
    }
    let _ = writeln!(page, "<path d=\"{sent}V{bottom}Z\" fill=\"{SENT}\" fill-opacity=\".65\"/>{lost}");
    marks(page, outcome, &x);
    let step = if span > 8_000.0 { 2_000.0 } else { 500.0 };
    let mut tick = 0.0;
    while tick < span {
        let _ = writeln!(
            page,
            "<text x=\"{:.1}\" y=\"{:.1}\">{:.1} s</text>",
            x(tick) + 2.0,
            bottom + 13.0,
            tick / 1_000.0
        );
        tick += step;
    }
    page.push_str("</svg>\n");
}

fn marks(page: &mut String, outcome: &Outcome, x: &impl Fn(f64) -> f64) {
    for (index, (at, what)) in outcome.marks.iter().enumerate() {
        let left = x(*at);
        let anchor = if left > WIDTH * 0.75 { "end" } else { "start" };
        let inward = if anchor == "end" { -3 } else { 3 };
        let _ = writeln!(
            page,
            "<line x1=\"{left:.1}\" x2=\"{left:.1}\" y1=\"0\" y2=\"{}\" stroke=\"#8a99a8\"/>\
             <text x=\"{left:.1}\" dx=\"{inward}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            NAMES + HEIGHT,
            12 + index % 3 * 13,
            escape(what)
        );
    }
}
