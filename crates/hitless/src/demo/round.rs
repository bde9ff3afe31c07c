//! One round: churn, strike, takeover, check, return, planned switchover, check.

use std::time::{Duration, Instant};

use hitless_adapters::source::Random;
use hitless_admin::{Answer, Client, Fault, Request, TakeoverReport};
use hitless_proto::ids::{CardId, Party, UnitId};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

use super::args::{DemoArgs, Kill};
use super::chassis::Chassis;
use super::journal::{Counts, Journal};
use super::outside::{Comparison, compare};
use super::table::Churn;
use crate::commands::switchover::hand_over;
use crate::commands::target::{PATIENCE, ask};
use crate::config::ProcessKind;
use crate::failure::{Exit, Failure};
use crate::feed::{Feed, find_primary};

/// What happened in a round.
#[derive(Debug, Default, Serialize)]
pub(super) struct Round {
    pub(super) number: u32,
    pub(super) victim: String,
    /// The unplanned takeover, if there was one.
    pub(super) takeover: Option<TakeoverReport>,
    /// The planned switchover at the end.
    pub(super) switchover: Option<TakeoverReport>,
    /// From the strike until the takeover was reported, in milliseconds.
    pub(super) takeover_ms: f64,
    /// The longest time without any op becoming safe, in milliseconds.
    pub(super) longest_gap_ms: f64,
    pub(super) submitted: u64,
    pub(super) safe: u64,
    pub(super) submitted_again: u64,
    /// Seconds from the return of the victim until the chassis was whole.
    pub(super) return_s: f64,
    pub(super) after_takeover: Option<Comparison>,
    pub(super) after_switchover: Option<Comparison>,
    pub(super) checks: Vec<Check>,
    #[serde(skip)]
    pub(super) timeline: Timeline,
}

/// One thing that must be so.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) holds: bool,
    pub(super) detail: String,
}

/// What the page draws.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) buckets: Vec<(u32, u32)>,
    pub(super) marks: Vec<(f64, String)>,
    pub(super) strike: f64,
    pub(super) reported: Option<f64>,
}

impl Round {
    /// All checks hold.
    pub(super) fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    fn check(&mut self, what: &'static str, holds: bool, detail: String) {
        self.checks.push(Check { what, holds, detail });
    }
}

/// What a round works with.
pub(super) struct Stage<'a> {
    pub(super) args: &'a DemoArgs,
    pub(super) chassis: &'a mut Chassis,
    pub(super) feed: &'a Feed<Journal>,
    pub(super) journal: &'a Journal,
}

impl Stage<'_> {
    /// Plays a round. The round is filled in as far as it got.
    pub(super) async fn play(&mut self, churn: &mut Churn, round: &mut Round) -> Result<(), Failure> {
        let primary = self.chassis.wait_whole(self.deadline()).await?;
        let epoch = self.epoch().await?;
        let victim = self.victim(primary, round.number);
        round.victim = victim.to_string();
        self.slow_down().await?;
        self.journal.turn();
        let (stop, stopped) = watch::channel(false);
        let feed = self.feed;
        let scene = async {
            let outcome = self.strike(primary, epoch, victim, round).await;
            stop.send_replace(true);
            outcome
        };
        let (outcome, ended) = tokio::join!(scene, churn.run(feed, stopped));
        outcome?;
        if ended {
            tracing::info!("the churn has come to its end");
        }
        self.drain().await?;
        self.close_timeline(round);
        let acting = self.acting(victim, primary).await?;
        let cards = self
            .chassis
            .cards()
            .iter()
            .copied()
            .filter(|card| Party::Card(*card) != victim)
            .collect::<Vec<_>>();
        let comparison = compare(self.chassis, acting, &cards, self.journal).await?;
        let when = if round.takeover.is_some() {
            "after the takeover".to_owned()
        } else {
            format!("after {victim} was {}", self.args.how.done())
        };
        judge(round, &comparison, &when);
        round.after_takeover = Some(comparison);
        self.come_back(victim, acting, round).await?;
        self.switch_back(victim, acting, round).await
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(self.args.deadline)
    }

    async fn epoch(&self) -> Result<u32, Failure> {
        let found = find_primary(&self.chassis.unit_addresses()).await;
        found.map(|found| found.epoch).ok_or_else(|| Failure::new(Exit::Failed, "no control unit is primary"))
    }

    fn victim(&self, primary: UnitId, round: u32) -> Party {
        let mut random = Random::new(self.args.seed ^ u64::from(round) << 32);
        let mut pick = |count: usize| random.below(count as u64) as usize;
        match self.args.kill {
            Kill::Primary => Party::Unit(primary),
            Kill::Standby => {
                let standbys: Vec<&UnitId> =
                    self.chassis.units().iter().filter(|unit| **unit != primary).collect();
                Party::Unit(*standbys[pick(standbys.len())])
            }
            Kill::Card => {
                let cards: &[CardId] = self.chassis.cards();
                Party::Card(cards[pick(cards.len())])
            }
        }
    }

    /// Lets the churn run, strikes in its midst, and waits until the chassis has got over it.
    async fn strike(
        &mut self,
        primary: UnitId,
        epoch: u32,
        victim: Party,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let mut random = Random::new(self.args.seed.wrapping_add(u64::from(round.number)));
        let jitter = random.below(self.args.churn_ms / 2 + 1);
        tokio::time::sleep(Duration::from_millis(self.args.churn_ms + jitter)).await;
        self.wait_for_burst().await;
        round.timeline.strike = self.journal.pages().now();
        let submitted = self.journal.pages().counts.submitted;
        let struck = Instant::now();
        self.chassis.strike(victim, self.args.how).await?;
        self.journal.mark(format!("{victim} {}", self.args.how.done()));
        if victim == Party::Unit(primary) {
            let report = self.wait_takeover(epoch, primary).await?;
            round.takeover_ms = struck.elapsed().as_secs_f64() * 1_000.0;
            round.timeline.reported = Some(self.journal.pages().now());
            check_takeover(round, &report, self.chassis.cards());
            round.takeover = Some(report);
        } else {
            self.wait_going_on(submitted).await?;
            round.takeover_ms = struck.elapsed().as_secs_f64() * 1_000.0;
            let same = find_primary(&self.chassis.unit_addresses()).await;
            let holds = same.as_ref().is_some_and(|found| found.unit == primary.0 && found.epoch == epoch);
            let now = same.map_or_else(
                || "nobody is primary now".to_owned(),
                |found| format!("unit-{} in epoch {} now", found.unit, found.epoch),
            );
            round.check("the primary goes on", holds, format!("{primary} in epoch {epoch} before, {now}"));
        }
        tokio::time::sleep(Duration::from_millis(self.args.churn_ms)).await;
        Ok(())
    }

    /// Waits until much of a burst has just been issued, so that the strike finds ops under way.
    async fn wait_for_burst(&self) {
        let burst = self.args.churn_rate * self.args.burst_ms / 1_000;
        let begun = Instant::now();
        while self.journal.pages().issued < burst / 2 && begun.elapsed() < Duration::from_secs(1) {
            // Milliseconds count here, and a timer has no finer ones.
            tokio::task::yield_now().await;
        }
    }

    /// Makes the cards' tables as slow as real ones. A card that was restarted is fast again until then.
    async fn slow_down(&self) -> Result<(), Failure> {
        for card in self.chassis.cards() {
            let fault = Fault { slow_micros: self.args.write_micros, ..Fault::default() };
            ask(&self.chassis.admin(Party::Card(*card)), Request::Fault(fault)).await?;
        }
        Ok(())
    }

    async fn wait_takeover(&mut self, epoch: u32, old: UnitId) -> Result<TakeoverReport, Failure> {
        let begun = Instant::now();
        let survivors: Vec<UnitId> =
            self.chassis.units().iter().copied().filter(|unit| *unit != old).collect();
        while begun.elapsed() < self.deadline() {
            for unit in &survivors {
                if let Ok(Answer::Reports(reports)) =
                    ask(&self.chassis.admin(Party::Unit(*unit)), Request::Report).await
                    && let Some(report) = reports.into_iter().rev().find(|report| report.epoch > epoch)
                {
                    return Ok(report);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let message = format!("no takeover was reported {} s after {old} was lost", self.args.deadline);
        let problems = self.chassis.overview().await.problems();
        Err(self.chassis.diagnose(&message, &problems))
    }

    /// Waits until everything submitted before the strike is safe, and more.
    async fn wait_going_on(&mut self, submitted: u64) -> Result<(), Failure> {
        let begun = Instant::now();
        while self.journal.pages().counts.safe <= submitted {
            if begun.elapsed() > self.deadline() {
                let message = format!("nothing became safe for {} s after the loss", self.args.deadline);
                let problems = self.chassis.overview().await.problems();
                return Err(self.chassis.diagnose(&message, &problems));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        if timeout(self.deadline(), self.feed.drained()).await.is_ok() {
            return Ok(());
        }
        let Counts { submitted, safe, .. } = self.journal.pages().counts;
        let message = format!(
            "{} ops were not safe {} s after the churn",
            submitted.saturating_sub(safe),
            self.args.deadline
        );
        let problems = self.chassis.overview().await.problems();
        Err(self.chassis.diagnose(&message, &problems))
    }

    fn close_timeline(&self, round: &mut Round) {
        let pages = self.journal.pages();
        round.timeline.buckets.clone_from(&pages.buckets);
        round.timeline.marks.clone_from(&pages.marks);
        round.longest_gap_ms = pages.longest_gap;
        let counts = pages.counts;
        drop(pages);
        (round.submitted, round.safe, round.submitted_again) = (counts.submitted, counts.safe, counts.again);
        let detail = format!("{} rejected, {} refused by a card", counts.rejected, counts.failed);
        round.check("every change was taken", counts.rejected + counts.failed == 0, detail);
    }

    /// Who is primary now.
    async fn acting(&self, victim: Party, before: UnitId) -> Result<UnitId, Failure> {
        if victim != Party::Unit(before) {
            return Ok(before);
        }
        let found = find_primary(&self.chassis.unit_addresses()).await;
        let acting = found.map(|found| UnitId(found.unit)).filter(|unit| *unit != before);
        acting.ok_or_else(|| self.chassis.diagnose("no other control unit is primary", &[]))
    }

    async fn come_back(&mut self, victim: Party, acting: UnitId, round: &mut Round) -> Result<(), Failure> {
        let begun = Instant::now();
        self.chassis.restore(victim, self.args.how).await?;
        let primary = self.chassis.wait_whole(self.deadline()).await?;
        round.return_s = begun.elapsed().as_secs_f64();
        let detail = format!("{victim} in {:.2} s; primary {primary}", round.return_s);
        round.check("it came back and nobody else was disturbed", primary == acting, detail);
        Ok(())
    }

    /// A planned switchover: to the victim if it is a unit, else to any standby.
    async fn switch_back(&mut self, victim: Party, acting: UnitId, round: &mut Round) -> Result<(), Failure> {
        let to = match victim {
            Party::Unit(unit) => Some(unit.0),
            Party::Card(_) => None,
        };
        let mut client = Client::connect(&self.chassis.admin(Party::Unit(acting)), PATIENCE).await?;
        let addresses = self.chassis.unit_addresses();
        let report = hand_over(&mut client, &addresses, to, self.deadline()).await?;
        let (bytes, replayed) =
            (report.total(|channel| channel.bytes), report.total(|channel| channel.replayed));
        let nothing = bytes == 0 && replayed == 0 && report.planned && report.verified();
        let (rows, expected) = coverage(&report, self.chassis.cards());
        let detail = format!(
            "{replayed} keys, {bytes} bytes on {rows} of {expected} channels, to unit-{}",
            report.unit
        );
        round.check("the planned switchover replayed nothing", nothing && rows == expected, detail);
        let primary = UnitId(report.unit);
        round.switchover = Some(report);
        self.chassis.wait_whole(self.deadline()).await?;
        let cards = self.chassis.cards().to_vec();
        let comparison = compare(self.chassis, primary, &cards, self.journal).await?;
        judge(round, &comparison, "after the switchover");
        round.after_switchover = Some(comparison);
        Ok(())
    }
}

/// How many channels the report has, and how many there are: one per process and card. A report without rows proves nothing.
fn coverage(report: &TakeoverReport, cards: &[CardId]) -> (usize, usize) {
    let all = ProcessKind::ALL.iter().flat_map(|kind| cards.iter().map(|card| (kind.number(), card.0)));
    let (mut found, mut expected) = (0, 0);
    for wanted in all {
        expected += 1;
        found += usize::from(report.channels.iter().any(|row| (row.process, row.card) == wanted));
    }
    (found, expected)
}

fn check_takeover(round: &mut Round, report: &TakeoverReport, cards: &[CardId]) {
    let verified = report.channels.iter().filter(|channel| channel.verified).count();
    let (rows, expected) = coverage(report, cards);
    let detail = format!("{verified} of {expected}");
    round.check("every channel is verified", report.verified() && rows == expected, detail);
    let (doubt, replayed) =
        (report.total(|channel| channel.in_doubt), report.total(|channel| channel.replayed));
    let detail = format!("{replayed} replayed, {doubt} in doubt");
    round.check("only what was in doubt was replayed", replayed <= doubt, detail);
}

fn judge(round: &mut Round, comparison: &Comparison, when: &str) {
    let detail = format!("{} of {} keys {when}", comparison.lost, comparison.safe_keys);
    round.check(
        "no safe op is lost",
        comparison.lost == 0 && comparison.safe_keys > 0,
        with(detail, comparison),
    );
    let detail = format!("{} equal, {} different {when}", comparison.equal, comparison.different);
    round.check("the cards hold what the primary holds", comparison.different == 0, with(detail, comparison));
}

fn with(mut detail: String, comparison: &Comparison) -> String {
    for example in &comparison.examples {
        detail.push_str("; ");
        detail.push_str(example);
    }
    detail
}

#[cfg(test)]
mod tests {
    use hitless_admin::{ChannelReport, TakeoverReport};
    use hitless_proto::ids::CardId;

    use super::{Round, check_takeover, coverage};

    fn report(rows: &[(u16, u16)]) -> TakeoverReport {
        let row = |(process, card): &(u16, u16)| ChannelReport {
            process: *process,
            card: *card,
            verified: true,
            ..ChannelReport::default()
        };
        TakeoverReport { channels: rows.iter().map(row).collect(), ..TakeoverReport::default() }
    }

    #[test]
    fn a_report_that_lacks_a_channel_verifies_nothing() {
        let cards = [CardId(1), CardId(2)];
        assert_eq!(coverage(&report(&[]), &cards), (0, 4));
        for (rows, holds) in [
            (vec![], false),
            (vec![(1, 1), (2, 1), (1, 2)], false),
            (vec![(1, 1), (2, 1), (1, 2), (2, 2)], true),
        ] {
            let mut round = Round::default();
            check_takeover(&mut round, &report(&rows), &cards);
            assert_eq!(round.checks[0].holds, holds, "{rows:?}");
        }
    }
}
