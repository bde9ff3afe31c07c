//! What happens to the router, one event after another, while packets cross it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hitless_admin::{Answer, Client, Request, TakeoverReport};
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::fib;

use super::args::Event;
use super::churn::Churn;
use super::compare::compare;
use super::flow::{Span, dropped_by_machine, flow};
use super::lab::Lab;
use super::plan::{self, CARDS};
use super::probes::{Probes, TICK_US};
use super::verdict::{Allowed, HARMED, Outcome};
use crate::commands::switchover::hand_over;
use crate::commands::target::{PATIENCE, ask};
use crate::demo::args::How;
use crate::failure::{Exit, Failure};

/// Churn before something happens, and again behind it.
const CHURNING: Duration = Duration::from_millis(1_000);
/// Somebody stays away for so long.
const AWAY: Duration = Duration::from_millis(1_000);
/// The last packets are waited for.
const LAST: Duration = Duration::from_millis(300);
/// Prefixes that get another next hop while somebody is away, where the difference must be known.
const MOVED: usize = 50;
/// ... and that are withdrawn.
const WITHDRAWN: usize = 50;
/// One prefix in so many changes at once, so that a strike finds some of them under way.
const UNDER_WAY: u64 = 10;
/// ... but no more than these, which FRR takes half a second for.
const MOST_UNDER_WAY: u64 = 20_000;
/// They are waited for so long at most.
const SOON: Duration = Duration::from_millis(500);
/// Between two looks whether it has happened.
const LOOK: Duration = Duration::from_millis(3);

/// What events work with.
pub(super) struct Stage {
    pub(super) lab: Lab,
    pub(super) churn: Churn,
    pub(super) probes: Probes,
    /// Writes of each card: its life, and how many since that began.
    written: BTreeMap<CardId, (u64, u64)>,
    /// When the present event began, in ticks.
    begun: u32,
}

impl Stage {
    pub(super) fn new(lab: Lab, churn: Churn, probes: Probes) -> Self {
        Self { lab, churn, probes, written: BTreeMap::new(), begun: 0 }
    }

    /// Plays an event, and judges it. The outcome is filled in as far as it got.
    pub(super) async fn play(&mut self, event: Event, outcome: &mut Outcome) -> Result<(), Failure> {
        let clock = Instant::now();
        let primary = self.primary().await?;
        self.take_written().await;
        let changes = self.lab.announced.changes();
        let dropped = dropped_by_machine();
        let (first, begun) = self.probes.traffic.mark();
        self.begun = begun;
        self.churn.run(churns(event));
        tokio::time::sleep(CHURNING).await;
        let acted = self.act(event, primary, outcome).await;
        if churns(event) {
            tokio::time::sleep(CHURNING).await;
        }
        self.churn.run(false);
        acted?;
        self.mark(outcome, "all are to agree");
        let comparison = self.lab.settle(|_| {}).await?;
        self.mark(outcome, "all agree");
        self.probes.check()?;
        let (behind, _) = self.probes.traffic.mark();
        tokio::time::sleep(LAST).await;
        outcome.flow = flow(&self.probes.traffic, Span { packets: (first, behind), begun });
        outcome.flow.dropped_by_machine = dropped_by_machine().saturating_sub(dropped);
        outcome.changes = (self.lab.announced.changes() - changes) as u64;
        outcome.writes = self.take_written().await;
        outcome.comparison = comparison;
        outcome.seconds = clock.elapsed().as_secs_f64();
        outcome.judge();
        Ok(())
    }

    async fn act(&mut self, event: Event, primary: UnitId, outcome: &mut Outcome) -> Result<(), Failure> {
        match event {
            Event::Kill => self.strike(primary, How::Kill, outcome).await,
            Event::Freeze => self.strike(primary, How::Freeze, outcome).await,
            Event::Cut => self.cut(primary, outcome).await,
            Event::Switchover => self.switch_over(primary, outcome).await,
            Event::Zebra => self.zebra(primary, outcome).await,
            Event::Card => self.card(primary, outcome).await,
            Event::Link => self.link(outcome).await,
            Event::Both => self.both(outcome).await,
            Event::Flush => self.flush(outcome).await,
        }
    }

    async fn strike(&mut self, primary: UnitId, how: How, outcome: &mut Outcome) -> Result<(), Failure> {
        let epoch = self.epoch().await;
        self.amid_changes(primary).await;
        let struck = Instant::now();
        self.mark(outcome, format!("{primary} {}", how.done()));
        outcome.story.push(format!("{primary} {} in the midst of changes", how.done()));
        self.lab.chassis.strike(Party::Unit(primary), how).await?;
        self.wait_takeover((epoch, primary), struck, outcome).await?;
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, format!("{primary} comes back"));
        self.lab.chassis.restore(Party::Unit(primary), how).await
    }

    /// Lets BGP announce much at once, and returns when the primary has submitted a part of it.
    async fn amid_changes(&self, primary: UnitId) {
        let address = plan::admin(Party::Unit(primary)).to_string();
        let submitted = async || match ask(&address, Request::Status).await {
            Ok(Answer::Unit(status)) => status.sources.iter().map(|source| source.submitted).sum::<u64>(),
            Ok(_) | Err(_) => 0,
        };
        // The steady churn would be taken for it.
        self.churn.run(false);
        tokio::time::sleep(LAST).await;
        let before = submitted().await;
        let count = (self.lab.announced.len() as u64 / UNDER_WAY).min(MOST_UNDER_WAY);
        self.churn.at_once(count);
        let begun = Instant::now();
        while submitted().await < before + count / 4 && begun.elapsed() < SOON {}
        self.churn.run(true);
    }

    async fn cut(&mut self, primary: UnitId, outcome: &mut Outcome) -> Result<(), Failure> {
        let epoch = self.epoch().await;
        let link = plan::hub_link(Party::Unit(primary));
        self.amid_changes(primary).await;
        let struck = Instant::now();
        self.mark(outcome, format!("link of {primary} down"));
        outcome.story.push(format!("{primary} cut off in the midst of changes: its link is down"));
        self.lab.namespaces.ip("hub", &format!("link set {link} down"))?;
        self.wait_takeover((epoch, primary), struck, outcome).await?;
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, format!("link of {primary} up"));
        self.lab.namespaces.ip("hub", &format!("link set {link} up")).map(drop)
    }

    async fn switch_over(&mut self, primary: UnitId, outcome: &mut Outcome) -> Result<(), Failure> {
        let address = plan::admin(Party::Unit(primary)).to_string();
        let mut client = Client::connect(&address, PATIENCE).await?;
        self.mark(outcome, format!("{primary} hands over"));
        outcome.story.push(format!("{primary} hands over as planned, in the midst of changes"));
        let begun = Instant::now();
        let units = self.lab.chassis.unit_addresses();
        let report = hand_over(&mut client, &units, None, self.lab.patience).await?;
        self.note_takeover(report, begun, outcome);
        Ok(())
    }

    async fn zebra(&mut self, primary: UnitId, outcome: &mut Outcome) -> Result<(), Failure> {
        outcome.allowed = Allowed::Exactly((MOVED + WITHDRAWN) as u64);
        self.mark(outcome, format!("zebra at {primary} killed"));
        let Some(frr) = self.lab.frr.get_mut(&primary) else { return Ok(()) };
        frr.kill().await?;
        self.churn.known(MOVED, WITHDRAWN);
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, format!("FRR at {primary} started"));
        let Some(frr) = self.lab.frr.get_mut(&primary) else { return Ok(()) };
        frr.flush()?;
        frr.start().await?;
        outcome.story.push(format!(
            "zebra at {primary} killed, FRR started {:.1} s later; meanwhile BGP moved {MOVED} prefixes and withdrew {WITHDRAWN}",
            AWAY.as_secs_f64()
        ));
        Ok(())
    }

    async fn card(&mut self, primary: UnitId, outcome: &mut Outcome) -> Result<(), Failure> {
        outcome.allowed = Allowed::Exactly((MOVED + WITHDRAWN) as u64);
        let card = CARDS[HARMED];
        self.mark(outcome, format!("{card} killed"));
        self.lab.chassis.strike(Party::Card(card), How::Kill).await?;
        let left = compare(&self.lab.namespaces, primary, &self.lab.announced).await?;
        let detail =
            format!("{} equal, {} different {}", left.equal, left.different, left.examples.join("; "));
        outcome.check("the kernel's table is whole while the card's process is dead", left.holds(), detail);
        self.churn.known(MOVED, WITHDRAWN);
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, format!("{card} started"));
        outcome.story.push(format!(
            "{card} killed and started again; meanwhile BGP moved {MOVED} prefixes and withdrew {WITHDRAWN}"
        ));
        self.lab.chassis.restore(Party::Card(card), How::Kill).await
    }

    async fn link(&mut self, outcome: &mut Outcome) -> Result<(), Failure> {
        outcome.allowed = Allowed::Any;
        let (card, out) = (CARDS[HARMED], plan::OUTS[0]);
        let far = plan::sink_link(card, out);
        let (_, from) = self.probes.traffic.mark();
        self.mark(outcome, format!("out{out} of {card} down"));
        self.lab.namespaces.ip("sink", &format!("link set {far} down"))?;
        let begun = Instant::now();
        while !self.lab.namespaces.ip(&card.to_string(), &format!("nexthop show dev out{out}"))?.is_empty() {
            if begun.elapsed() > self.lab.patience {
                return Err(Failure::new(
                    Exit::Failed,
                    format!("{card} has next hops on a link that is down"),
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        let (_, until) = self.probes.traffic.mark();
        outcome.excused = Some((from, until));
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, format!("out{out} of {card} up"));
        self.lab.namespaces.ip("sink", &format!("link set {far} up"))?;
        outcome.story.push(format!(
            "link out{out} of {card} down: the kernel knew after {:.1} ms; up again",
            f64::from(until - from) * TICK_US as f64 / 1_000.0
        ));
        Ok(())
    }

    async fn both(&mut self, outcome: &mut Outcome) -> Result<(), Failure> {
        outcome.allowed = Allowed::Exactly((MOVED + WITHDRAWN) as u64);
        let epoch = self.epoch().await;
        self.mark(outcome, "both units killed");
        for unit in plan::UNITS {
            self.lab.chassis.strike(Party::Unit(unit), How::Kill).await?;
        }
        self.churn.known(MOVED, WITHDRAWN);
        tokio::time::sleep(AWAY).await;
        self.mark(outcome, "both units started");
        let begun = Instant::now();
        for unit in plan::UNITS {
            self.lab.chassis.restore(Party::Unit(unit), How::Kill).await?;
        }
        outcome.story.push(format!(
            "both units killed, both started {:.1} s later; meanwhile BGP moved {MOVED} prefixes and withdrew {WITHDRAWN}",
            AWAY.as_secs_f64()
        ));
        let report = self.await_report(epoch, &plan::UNITS).await?;
        self.note_takeover(report, begun, outcome);
        Ok(())
    }

    async fn flush(&mut self, outcome: &mut Outcome) -> Result<(), Failure> {
        outcome.allowed = Allowed::Any;
        let card = CARDS[HARMED];
        self.mark(outcome, format!("table of {card} flushed"));
        // Each once: `ip nexthop flush` would go on against the card, which writes them again.
        let place = card.to_string();
        let protocol = hitless_adapters::linux::PROTOCOL;
        let hops = self.lab.namespaces.ip(&place, &format!("nexthop show protocol {protocol}"))?;
        let groups = hops.lines().filter(|line| line.contains(" group "));
        let ids = groups.filter_map(|line| line.split_whitespace().nth(1));
        self.lab.namespaces.ip_all(&place, ids.map(|id| format!("nexthop delete id {id}")).collect())?;
        outcome.story.push(format!(
            "all groups in the kernel of {card} deleted on purpose, and all routes with them; the card writes them again"
        ));
        Ok(())
    }

    /// Waits until another unit has taken over.
    async fn wait_takeover(
        &mut self,
        (epoch, old): (u32, UnitId),
        struck: Instant,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        let survivors: Vec<UnitId> = plan::UNITS.into_iter().filter(|unit| *unit != old).collect();
        let report = self.await_report(epoch, &survivors).await?;
        self.note_takeover(report, struck, outcome);
        Ok(())
    }

    async fn await_report(&mut self, epoch: u32, units: &[UnitId]) -> Result<TakeoverReport, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < self.lab.patience {
            for unit in units {
                let address = plan::admin(Party::Unit(*unit)).to_string();
                if let Ok(Answer::Reports(reports)) = ask(&address, Request::Report).await
                    && let Some(report) = reports.into_iter().rev().find(|report| report.epoch > epoch)
                {
                    return Ok(report);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        let problems = self.lab.chassis.overview().await.problems();
        let message = format!("no takeover was reported after {} s", self.lab.patience.as_secs());
        Err(self.lab.chassis.diagnose(&message, &problems))
    }

    fn note_takeover(&mut self, report: TakeoverReport, since: Instant, outcome: &mut Outcome) {
        let millis = since.elapsed().as_secs_f64() * 1_000.0;
        self.mark(outcome, format!("unit-{} took over", report.unit));
        let how = if report.recovered { "took over from what the cards hold" } else { "took over" };
        outcome
            .story
            .push(format!("unit-{} {how} after {millis:.1} ms, epoch {}", report.unit, report.epoch));
        outcome.takeover = Some(report);
    }

    fn mark(&self, outcome: &mut Outcome, what: impl Into<String>) {
        let (_, now) = self.probes.traffic.mark();
        let millis = f64::from(now.saturating_sub(self.begun)) * TICK_US as f64 / 1_000.0;
        outcome.marks.push((millis, what.into()));
    }

    async fn primary(&self) -> Result<UnitId, Failure> {
        let overview = self.lab.chassis.overview().await;
        let primary = overview.primary().map(|unit| UnitId(unit.unit));
        primary.ok_or_else(|| self.lab.chassis.diagnose("no control unit is primary", &overview.problems()))
    }

    async fn epoch(&self) -> u32 {
        self.lab.chassis.overview().await.units.iter().map(|unit| unit.epoch).max().unwrap_or(0)
    }

    /// Writes to each kernel since it was asked last. A card that was started since counts from its start.
    async fn take_written(&mut self) -> BTreeMap<u16, u64> {
        let mut since = BTreeMap::new();
        for card in self.lab.chassis.overview().await.cards {
            let client = card.channels.iter().find(|client| client.process == fib::ID.0);
            let writes = client.map_or(0, |client| client.writes);
            let (life, before) = self.written.get(&CardId(card.card)).copied().unwrap_or((card.life, 0));
            let before = if life == card.life { before } else { 0 };
            since.insert(card.card, writes.saturating_sub(before));
            self.written.insert(CardId(card.card), (card.life, writes));
        }
        since
    }
}

/// Whether BGP goes on changing; else it changes a known number of prefixes, or nothing.
fn churns(event: Event) -> bool {
    match event {
        Event::Kill | Event::Freeze | Event::Cut | Event::Switchover | Event::Link => true,
        Event::Zebra | Event::Card | Event::Both | Event::Flush => false,
    }
}
