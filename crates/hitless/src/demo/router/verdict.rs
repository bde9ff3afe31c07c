//! What an event has done, and whether it is as it must be.

use std::collections::BTreeMap;

use hitless_admin::TakeoverReport;
use serde::Serialize;

use super::args::Event;
use super::compare::Comparison;
use super::flow::Flow;
use super::plan::CARDS;
use crate::demo::round::Check;
use crate::render::{count, millis};

/// How many writes the kernels may have taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Allowed {
    /// Each card exactly so many: the true difference.
    Exactly(u64),
    /// At most [`WRITES`] on each card for each change that BGP announced, and one for each key that was replayed.
    Changes,
    /// Any number: what the kernel itself dropped is written again.
    Any,
}

/// What happened at one event.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) event: Event,
    /// What was done, in words.
    pub(super) story: Vec<String>,
    pub(super) flow: Flow,
    /// Packets that may be lost: the link lost them before the kernel knew. Sent from, until, in ticks; through which card.
    #[serde(skip)]
    pub(super) excused: Option<(u32, u32)>,
    /// Changes that BGP announced meanwhile.
    pub(super) changes: u64,
    /// Writes to each card's kernel.
    pub(super) writes: BTreeMap<u16, u64>,
    pub(super) allowed: Allowed,
    pub(super) takeover: Option<TakeoverReport>,
    pub(super) comparison: Comparison,
    pub(super) seconds: f64,
    pub(super) checks: Vec<Check>,
    /// What happened when: milliseconds, words.
    pub(super) marks: Vec<(f64, String)>,
}

/// Writes of a key that BGP changed once. Usually one; but a successor whose own zebra is behind the state that it has taken over
/// goes back to what that zebra says, and then follows it.
const WRITES: u64 = 3;

/// Cards by index, as in [`Flow::lost_by_card`]: whose link or table is harmed on purpose.
pub(super) const HARMED: usize = 0;

impl Outcome {
    pub(super) fn new(event: Event) -> Self {
        Self {
            event,
            story: Vec::new(),
            flow: Flow::default(),
            excused: None,
            changes: 0,
            writes: BTreeMap::new(),
            allowed: Allowed::Changes,
            takeover: None,
            comparison: Comparison::default(),
            seconds: 0.0,
            checks: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// All checks hold.
    pub(super) fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.holds)
    }

    pub(super) fn check(&mut self, what: &'static str, holds: bool, detail: String) {
        self.checks.push(Check { what, holds, detail });
    }

    /// Sum over the channels of the takeover, if there was one.
    pub(super) fn total(&self, of: fn(&hitless_admin::ChannelReport) -> u64) -> Option<u64> {
        self.takeover.as_ref().map(|report| report.total(of))
    }

    /// Judges what is filled in.
    pub(super) fn judge(&mut self) {
        self.judge_packets();
        self.judge_takeover();
        self.judge_writes();
        let compared = &self.comparison;
        let mut detail = format!(
            "{} routes announced, {} of them wrong at the primary; {} equal and {} different entries in {} kernels",
            count(compared.announced),
            compared.wrong,
            count(compared.equal),
            compared.different,
            CARDS.len()
        );
        for example in &compared.examples {
            detail.push_str("; ");
            detail.push_str(example);
        }
        self.check("kernels, primary and BGP are the same", compared.holds(), detail);
    }

    fn judge_packets(&mut self) {
        let flow = &self.flow;
        let (sent, lost) = (flow.sent, flow.lost);
        let mut detail = format!(
            "{} of {}, on {} of {} streams",
            count(lost),
            count(sent),
            flow.streams_with_loss,
            flow.streams
        );
        if lost > 0 && flow.dropped_by_machine > 0 {
            let dropped = count(flow.dropped_by_machine);
            detail.push_str(&format!(
                " (this machine's own queues overran meanwhile, and dropped {dropped} packets)"
            ));
        }
        let others = flow.lost - flow.lost_by_card[HARMED];
        match (self.event, self.excused) {
            (Event::Flush, _) => {
                let detail = format!("lost {detail}; {others} of them not through {}", CARDS[HARMED]);
                self.check("the probes see a table that was flushed", lost > 0 && others == 0, detail);
            }
            (Event::Link, Some((from, until))) => {
                let beyond = flow.lost_at.iter().filter(|at| !(from..=until).contains(at)).count();
                let detail = format!(
                    "lost {detail}; {beyond} of them when the kernel knew, {others} not through {}",
                    CARDS[HARMED]
                );
                let holds = sent > 0 && beyond == 0 && others == 0;
                self.check("only the link lost packets, before the kernel knew", holds, detail);
            }
            (
                Event::Kill
                | Event::Freeze
                | Event::Cut
                | Event::Switchover
                | Event::Zebra
                | Event::Card
                | Event::Link
                | Event::Both,
                _,
            ) => self.check("no packet is lost", sent > 0 && lost == 0, format!("lost {detail}")),
        }
        let flow = &self.flow;
        let (again, unsent) = (flow.duplicated, flow.not_sent);
        self.check("no packet comes twice", again == 0, format!("{again} duplicated"));
        self.check(
            "all packets were sent",
            unsent == 0,
            format!("{unsent} refused by the source's own kernel"),
        );
    }

    fn judge_takeover(&mut self) {
        let Some(report) = &self.takeover else { return };
        let verified = report.channels.iter().filter(|channel| channel.verified).count();
        let (doubt, replayed) =
            (report.total(|channel| channel.in_doubt), report.total(|channel| channel.replayed));
        let complete = report.verified() && report.channels.len() == CARDS.len();
        let planned = report.planned;
        self.check("every channel is verified", complete, format!("{verified} of {}", CARDS.len()));
        if planned {
            self.check("the planned switchover replayed nothing", replayed == 0, format!("{replayed} keys"));
        } else {
            let detail = format!("{replayed} replayed, {doubt} in doubt");
            self.check("only what was in doubt was replayed", replayed <= doubt, detail);
        }
    }

    fn judge_writes(&mut self) {
        let written: u64 = self.writes.values().sum();
        match self.allowed {
            Allowed::Any => {}
            Allowed::Exactly(each) => {
                let detail = self.writes.iter().map(|(card, writes)| format!("{writes} on card-{card}"));
                let detail = format!("{}, where {each} differ", detail.collect::<Vec<_>>().join(", "));
                let holds = self.writes.values().all(|writes| *writes == each);
                self.check("the kernels were written the true difference", holds, detail);
            }
            Allowed::Changes => {
                let replayed = self.total(|channel| channel.replayed + channel.adopted).unwrap_or(0);
                let most = self.changes * WRITES * CARDS.len() as u64 + replayed;
                let detail = format!(
                    "{} writes for {} changes on {} cards, {replayed} replayed",
                    count(written),
                    count(self.changes),
                    CARDS.len()
                );
                self.check(
                    "the kernels were written only what changed or was in doubt",
                    written <= most,
                    detail,
                );
            }
        }
    }

    /// Its line of the table.
    pub(super) fn row(&self) -> [String; COLUMNS.len()] {
        let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
        let kernels = if self.comparison.holds() {
            format!("{} x {} equal", CARDS.len(), count(self.comparison.entries))
        } else {
            format!("{} DIFFER", count(self.comparison.different + self.comparison.wrong))
        };
        let verdict = match (self.passed(), self.event, self.flow.lost) {
            (false, _, _) => "FAILED",
            (true, Event::Flush, _) => "ok: loss is seen",
            (true, Event::Link, 1..) => "ok: the link's loss",
            (true, _, _) => "ok",
        };
        [
            self.event.name(),
            count(self.flow.sent),
            count(self.flow.lost),
            count(self.flow.duplicated),
            millis(self.flow.longest_gap_us),
            count(self.changes),
            count(self.writes.values().sum()),
            shown(self.total(|channel| channel.in_doubt)),
            shown(self.total(|channel| channel.replayed)),
            kernels,
            verdict.to_owned(),
        ]
    }
}

/// Columns of the table, with their widths: it is printed while the demo runs.
pub(super) const COLUMNS: [(&str, usize); 11] = [
    ("EVENT", 10),
    ("SENT", 9),
    ("LOST", 8),
    ("TWICE", 5),
    ("LONGEST GAP", 11),
    ("CHANGES", 8),
    ("WRITES", 9),
    ("IN DOUBT", 8),
    ("REPLAYED", 8),
    ("KERNELS", 20),
    ("VERDICT", 0),
];

/// A line of the table: the first and the last two columns to the left, numbers to the right.
pub(super) fn line(cells: &[String]) -> String {
    let mut text = String::new();
    for (index, (cell, (_, width))) in cells.iter().zip(COLUMNS).enumerate() {
        let left = index == 0 || index + 2 >= COLUMNS.len();
        let padded = if left { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
        text.push_str(&padded);
        text.push_str("  ");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use hitless_admin::ChannelReport;

    use super::*;

    /// An event after which all is well, but for what `change` makes of it: which checks do not hold?
    fn failing(event: Event, change: impl Fn(&mut Outcome)) -> Vec<&'static str> {
        let mut outcome = Outcome::new(event);
        outcome.flow = Flow { sent: 1_000, streams: 10, ..Flow::default() };
        outcome.comparison = Comparison { announced: 5, entries: 7, equal: 14, ..Comparison::default() };
        outcome.changes = 3;
        outcome.writes = BTreeMap::from([(1, 3), (2, 3)]);
        change(&mut outcome);
        outcome.judge();
        let failing = outcome.checks.iter().filter(|check| !check.holds);
        failing.map(|check| check.what).collect()
    }

    fn lose(outcome: &mut Outcome, card: usize, at: &[u32]) {
        outcome.flow.lost = at.len() as u64;
        outcome.flow.lost_by_card[card] = at.len() as u64;
        outcome.flow.lost_at = at.to_vec();
    }

    #[test]
    fn a_packet_that_is_lost_or_comes_twice_fails_an_event() {
        for event in [
            Event::Kill,
            Event::Freeze,
            Event::Cut,
            Event::Switchover,
            Event::Zebra,
            Event::Card,
            Event::Both,
        ] {
            assert_eq!(failing(event, |_| {}), Vec::<&str>::new());
            assert_eq!(failing(event, |outcome| lose(outcome, 0, &[5])), ["no packet is lost"]);
            assert_eq!(failing(event, |outcome| outcome.flow.sent = 0), ["no packet is lost"]);
            assert_eq!(failing(event, |outcome| outcome.flow.duplicated = 1), ["no packet comes twice"]);
        }
    }

    #[test]
    fn the_positive_control_fails_without_loss_and_with_loss_elsewhere() {
        let what = ["the probes see a table that was flushed"];
        assert_eq!(failing(Event::Flush, |_| {}), what);
        assert_eq!(failing(Event::Flush, |outcome| lose(outcome, 1, &[5])), what);
        assert_eq!(failing(Event::Flush, |outcome| lose(outcome, HARMED, &[5])), Vec::<&str>::new());
    }

    #[test]
    fn a_link_may_lose_packets_until_the_kernel_knows_and_no_others() {
        let what = ["only the link lost packets, before the kernel knew"];
        let lost = |card: usize, at: u32| {
            failing(Event::Link, move |outcome| {
                outcome.excused = Some((100, 200));
                lose(outcome, card, &[at]);
            })
        };
        assert_eq!(lost(HARMED, 150), Vec::<&str>::new());
        assert_eq!(
            (lost(HARMED, 99), lost(HARMED, 201), lost(1, 150)),
            (what.to_vec(), what.to_vec(), what.to_vec())
        );
    }

    #[test]
    fn tables_that_differ_fail_an_event() {
        let what = ["kernels, primary and BGP are the same"];
        assert_eq!(failing(Event::Kill, |outcome| outcome.comparison.wrong = 1), what);
        assert_eq!(failing(Event::Kill, |outcome| outcome.comparison.different = 1), what);
        assert_eq!(failing(Event::Kill, |outcome| outcome.comparison.equal = 13), what);
        assert_eq!(failing(Event::Kill, |outcome| outcome.comparison = Comparison::default()), what);
    }

    #[test]
    fn writes_beyond_the_true_difference_fail_an_event() {
        let changes = "the kernels were written only what changed or was in doubt";
        assert_eq!(
            failing(Event::Kill, |outcome| outcome.writes = BTreeMap::from([(1, 9), (2, 10)])),
            [changes]
        );
        assert_eq!(failing(Event::Kill, |outcome| outcome.changes = 0), [changes]);
        let exactly =
            |each: u64| failing(Event::Zebra, move |outcome| outcome.allowed = Allowed::Exactly(each));
        assert_eq!(exactly(3), Vec::<&str>::new());
        assert_eq!(exactly(4), ["the kernels were written the true difference"]);
    }

    #[test]
    fn a_takeover_must_be_verified_everywhere_and_replay_no_more_than_was_in_doubt() {
        let channel = ChannelReport { verified: true, in_doubt: 2, replayed: 2, ..ChannelReport::default() };
        let report = |planned: bool, channels: Vec<ChannelReport>| {
            failing(Event::Kill, move |outcome| {
                let channels = channels.clone();
                outcome.takeover = Some(TakeoverReport { planned, channels, ..TakeoverReport::default() });
            })
        };
        let both = vec![channel.clone(), channel.clone()];
        assert_eq!(report(false, both.clone()), Vec::<&str>::new());
        assert_eq!(report(true, both), ["the planned switchover replayed nothing"]);
        assert_eq!(report(false, vec![channel.clone()]), ["every channel is verified"]);
        let more = ChannelReport { replayed: 5, ..channel.clone() };
        assert_eq!(report(false, vec![channel, more]), ["only what was in doubt was replayed"]);
    }
}
