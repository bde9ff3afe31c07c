//! Round by round: changes are submitted, the primary dies, the other unit takes over, and the killed one comes back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hitless_adapters::linux::{LinuxSettings, LinuxTable};
use hitless_admin::{ChangeRow, Client, Notice, Phases, Role, TakeoverReport};
use hitless_proto::entry::{CardContent, CardOp, Cookie};
use hitless_proto::ids::{CardId, Epoch, Party, Seq, UnitId, Version};
use hitless_proto::process::fib::ID as FIB;
use hitless_proto::wire::card_op_bytes;
use hitless_runtime::ForwardingTable;
use ipnet::IpNet;

use super::UNACKED;
use crate::chassis::{Chassis, LINUX, PATIENCE, Shape, other};
use crate::measure::Setting;
use crate::notices::{TAKEOVER, Watching};
use crate::rows::{Family, NEXT_HOPS, next_hops, pair, prefixes, routes, write};
use crate::source::Source;

/// The primary dies at most so many microseconds after they were handed to the feed: when some are on their way.
const SPREAD: u64 = 2_000;
const CARD: CardId = CardId(1);
/// The second card is there to vote: the first may stand still.
const VOTERS: &str = "voters = [\"unit-1\", \"unit-2\", \"card-2\"]";

/// Of what, and how often.
#[derive(Clone, Copy)]
pub(super) struct Rounds {
    pub(super) entries: u64,
    pub(super) count: usize,
    /// The link of the routes, where the card's table is the kernel's.
    pub(super) link: Option<&'static str>,
}

/// What was seen of the failovers of one chassis.
#[derive(Default)]
pub(super) struct Seen {
    /// Milliseconds: `takeover` from the begin of the campaign until verified and opened.
    pub(super) takeover: Vec<f64>,
    /// From the kill until it was heard of.
    pub(super) whole: Vec<f64>,
    /// Ends of the phases.
    pub(super) phases: [Vec<f64>; 5],
    /// Ops that the new primary held without an ack: acked after all, or in doubt.
    pub(super) unacked: Vec<f64>,
    pub(super) in_doubt: Vec<f64>,
    pub(super) bytes: Vec<f64>,
    /// `bytes`, by what the ops in doubt take and 64 bytes for the channel.
    pub(super) bytes_of_doubt: Vec<f64>,
    /// Bytes that a full replay would take.
    pub(super) full_bytes: f64,
    /// Writes of the card beyond one for each change, from before the changes until everything was safe.
    pub(super) more_writes: Vec<f64>,
    /// Seconds until the killed unit was in sync again.
    pub(super) back: Vec<f64>,
}

pub(super) async fn failovers(setting: &Setting, rounds: Rounds) -> Result<Seen> {
    // A kernel takes IPv6 routes by IPv6 next hops only.
    let family = if rounds.link.is_some() { Family::V4 } else { Family::Both };
    let prefixes = prefixes(rounds.entries, family);
    let card = rounds.link.map_or("", |_| LINUX).to_owned();
    let shape = Shape { card, chassis: VOTERS.to_owned(), ..Shape::new(2, 2) };
    let mut chassis = Chassis::start(&setting.program, &shape).await?;
    let source = Source::start(chassis.units());
    let hops = for_card(next_hops(rounds.link));
    source.put(hops.clone()).await?;
    source.put(for_card(routes(&prefixes, 0))).await?;
    let mut seen = Seen::default();
    let mut primary = chassis.whole().await?;
    for round in 0..rounds.count {
        let rows = for_card(routes(churned(&prefixes, round), turn(round)));
        let (count, op_bytes) = (rows.len(), op_bytes(&rows));
        let writes = chassis.written(CARD).await?;
        let successor = other(primary);
        // Every other time.
        let stopped = round % 2 == 1;
        let (report, whole) = fail(&mut chassis, &source, (primary, successor), rows, stopped).await?;
        seen.note(&report, whole, op_bytes);
        source.drained().await?;
        let back = Instant::now();
        chassis.restart(Party::Unit(primary)).await?;
        primary = chassis.whole().await?;
        seen.back.push(back.elapsed().as_secs_f64());
        let written = chassis.written(CARD).await? - writes;
        seen.more_writes.push(written as f64 - count as f64);
    }
    source.stop();
    let mut rows = routes(&prefixes, 0);
    for round in 0..rounds.count {
        let begin = begin(&prefixes, round);
        let changed = routes(churned(&prefixes, round), turn(round));
        rows.splice(begin..begin + changed.len(), changed);
    }
    let wanted: HashMap<&[u8], &[u8]> = hops.iter().chain(&rows).map(pair).collect();
    compare(&chassis, &wanted, rounds.link.is_some()).await?;
    Ok(seen)
}

/// Rows that are for the first card alone.
fn for_card(mut rows: Vec<ChangeRow>) -> Vec<ChangeRow> {
    rows.iter_mut().for_each(|row| row.4 = Some(vec![CARD.0]));
    rows
}

/// Never the one before: every change changes something, so that its writes can be counted.
fn turn(round: usize) -> usize {
    1 + round % (NEXT_HOPS as usize - 1)
}

fn begin(prefixes: &[IpNet], round: usize) -> usize {
    (round * UNACKED) % prefixes.len()
}

fn churned(prefixes: &[IpNet], round: usize) -> &[IpNet] {
    let begin = begin(prefixes, round);
    &prefixes[begin..(begin + UNACKED).min(prefixes.len())]
}

/// Submits, kills, and waits for the takeover: its report, and the time from the kill until it was heard of. `stopped`: the card
/// stands still from before the changes until it is claimed, so that none of them is acked, and some are not read.
async fn fail(
    chassis: &mut Chassis,
    source: &Source,
    (primary, successor): (UnitId, UnitId),
    rows: Vec<ChangeRow>,
    stopped: bool,
) -> Result<(TakeoverReport, Duration)> {
    let mut watching = Watching::start(&chassis.admin(Party::Unit(successor))?).await?;
    let (accepted, count) = (source.heard.accepted(), rows.len() as u64);
    if stopped {
        chassis.freeze(Party::Card(CARD), true)?;
    }
    source.send(rows).await?;
    // No timer is as fine; and from the moment at which the primary has taken them.
    while source.heard.accepted() == accepted {
        tokio::task::yield_now().await;
    }
    let moment = Instant::now() + Duration::from_micros((accepted / count) * 7_919 % SPREAD);
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    let killed = Instant::now();
    chassis.kill(Party::Unit(primary))?;
    if stopped {
        let claims = |notice| matches!(notice, Notice::Role { role: Role::TakingOver, .. }).then_some(());
        watching.until(TAKEOVER, claims).await?;
        chassis.freeze(Party::Card(CARD), false)?;
    }
    let (heard, report) = watching.takeover().await?;
    ensure!(report.unit == successor.0 && report.verified(), "a takeover that is not verified: {report:?}");
    Ok((report, heard - killed))
}

/// Bytes of a change as an op that a card is sent: the mean of these.
fn op_bytes(rows: &[ChangeRow]) -> f64 {
    let op = |row: &ChangeRow| {
        let write = write(row);
        CardOp {
            // The positions of a run take four bytes, nearly all.
            version: Version { epoch: Epoch(1), seq: Seq(1 << 20) },
            key: write.key,
            content: write.part.map(|part| CardContent { part, for_all: false }),
            cookie: Cookie::default(),
        }
    };
    let bytes: usize = rows.iter().map(|row| card_op_bytes(&op(row))).sum();
    bytes as f64 / rows.len() as f64
}

fn phases(phases: &Phases) -> [u64; 5] {
    [phases.granted, phases.promised, phases.replayed, phases.verified, phases.opened]
}

impl Seen {
    fn note(&mut self, report: &TakeoverReport, whole: Duration, op_bytes: f64) {
        let millis = phases(&report.phases).map(|micros| micros as f64 / 1e3);
        self.takeover.push(millis.into_iter().fold(0.0, f64::max));
        self.phases.iter_mut().zip(millis).for_each(|(all, one)| all.push(one));
        self.whole.push(whole.as_secs_f64() * 1e3);
        let in_doubt = report.total(|channel| channel.in_doubt) as f64;
        let bytes = report.total(|channel| channel.bytes) as f64;
        self.unacked.push(in_doubt + report.total(|channel| channel.folded) as f64);
        self.in_doubt.push(in_doubt);
        self.bytes.push(bytes);
        self.bytes_of_doubt.push(bytes / (in_doubt * op_bytes + 64.0));
        self.full_bytes = report.total(|channel| channel.full_bytes) as f64;
    }
}

/// Reads back what the card holds: exactly what was submitted last.
async fn compare(chassis: &Chassis, wanted: &HashMap<&[u8], &[u8]>, kernel: bool) -> Result<()> {
    let right = |key: &[u8], part: &[u8]| wanted.get(key) == Some(&part);
    let mut equal = 0;
    let held = if kernel {
        // Not the card's own word, but a dump of the kernel.
        let held = LinuxTable::open(LinuxSettings::default())?.dump(FIB)?;
        equal += held.iter().filter(|(key, part)| right(key, part)).count();
        held.len() as u64
    } else {
        let mut client = Client::connect(&chassis.admin(Party::Card(CARD))?, PATIENCE).await?;
        let rows = client.dump(FIB.0, PATIENCE, |rows| {
            equal += rows.iter().filter(|row| right(&row.0.0, &row.1.0)).count();
        });
        rows.await.context("the card's table")?
    };
    ensure!(
        (held, equal) == (wanted.len() as u64, wanted.len()),
        "of {} entries the card holds {held}, of which {equal} are right",
        wanted.len()
    );
    Ok(())
}
