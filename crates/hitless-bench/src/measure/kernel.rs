//! Routes a second into the Linux kernel, against raw batched netlink, in two orders.

use std::time::Instant;

use anyhow::{Result, ensure};
use hitless_adapters::linux::{LinuxSettings, LinuxTable};
use hitless_proto::io::Write;
use hitless_proto::limits::BATCH_OPS;
use hitless_proto::process::fib::ID as FIB;
use hitless_runtime::ForwardingTable;
use ipnet::IpNet;

use super::Setting;
use crate::baseline::netlink;
use crate::chassis::{Chassis, LINUX, Shape};
use crate::namespace::{LINK, NOT_MEASURED, allowed, inside, ip};
use crate::process::of_this_thread;
use crate::rows::{Family, deletes, next_hops, prefixes, routes, write};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::source::Source;

/// The next hop of the raw routes: none of ours.
const RAW_NEXT_HOP: u32 = 9_999;

const METHOD: &str = "In a network namespace of its own. Raw: messages that were encoded beforehand, 512 to a send, one answer to each \
    send. Table: the card's forwarding table alone, in one thread, 1,024 writes at a time. Chassis: two control units and a card \
    as processes, from the first submit until every op is safe; once with units that keep nothing on disk, and once as they \
    are by default. The same IPv4 prefixes each time, in the order of their \
    addresses (each beside the last, in the kernel's tree) or in no order. Everything is deleted between the rounds, which is \
    not counted. Since a round is short, processor time is given too: what counts where other work goes on beside.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(1_000, 100_000, 1_000_000);
    let rounds = setting.size.pick(1, 3, 5);
    let size = format!("{count} IPv4 routes, {rounds} rounds");
    let mut measured = Measured::begin("kernel", "The Linux kernel", METHOD, size);
    if !allowed() {
        measured.remarks.push(NOT_MEASURED.to_owned());
        return Ok(measured);
    }
    for ordered in [true, false] {
        let setting = setting.clone();
        let seen = inside(async move || in_order(&setting, count, rounds, ordered).await).await?;
        let order = if ordered { "in order" } else { "shuffled" };
        measured.figures.extend(seen.figures(order));
        measured.ratios.extend(seen.ratios(order));
    }
    Ok(measured)
}

/// Routes a second.
#[derive(Default)]
struct Seen {
    raw: Vec<f64>,
    /// By processor time.
    raw_processor: Vec<f64>,
    table: Vec<f64>,
    table_processor: Vec<f64>,
    chassis: Vec<f64>,
    /// Of units that keep their entries on disk.
    keeping: Vec<f64>,
}

async fn in_order(setting: &Setting, count: u64, rounds: usize, ordered: bool) -> Result<Seen> {
    let mut prefixes = prefixes(count, Family::V4);
    if ordered {
        prefixes.sort();
    }
    let mut seen = Seen::default();
    ip(&format!("nexthop add id {RAW_NEXT_HOP} via 192.0.2.1 dev {LINK}"))?;
    for _ in 0..rounds {
        raw(&prefixes, &mut seen)?;
        table(&prefixes, &mut seen)?;
    }
    seen.chassis = chassis(setting, &prefixes, rounds, false).await?;
    seen.keeping = chassis(setting, &prefixes, rounds, true).await?;
    // The machine may have changed meanwhile.
    raw(&prefixes, &mut seen)?;
    Ok(seen)
}

/// Routes a second of each round.
async fn chassis(setting: &Setting, prefixes: &[IpNet], rounds: usize, keeps: bool) -> Result<Vec<f64>> {
    let shape = Shape { card: LINUX.to_owned(), keeps, ..Shape::new(2, 1) };
    let chassis = Chassis::start(&setting.program, &shape).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(Some(LINK))).await?;
    let mut rates = Vec::new();
    for turn in 0..rounds {
        let rows = routes(prefixes, turn);
        let begun = Instant::now();
        source.put(rows).await?;
        rates.push(prefixes.len() as f64 / begun.elapsed().as_secs_f64());
        source.put(deletes(prefixes)).await?;
    }
    source.stop();
    Ok(rates)
}

fn raw(prefixes: &[IpNet], seen: &mut Seen) -> Result<()> {
    let took = netlink::add(prefixes, RAW_NEXT_HOP)?;
    seen.raw.push(prefixes.len() as f64 / took.seconds);
    seen.raw_processor.push(prefixes.len() as f64 / took.on_processor);
    netlink::delete(prefixes, RAW_NEXT_HOP)?;
    Ok(())
}

fn table(prefixes: &[IpNet], seen: &mut Seen) -> Result<()> {
    let mut table = LinuxTable::open(LinuxSettings::default())?;
    apply(&mut table, &next_hops(Some(LINK)).iter().map(write).collect::<Vec<_>>())?;
    let writes: Vec<Write> = routes(prefixes, 0).iter().map(write).collect();
    let (begun, before) = (Instant::now(), of_this_thread()?);
    apply(&mut table, &writes)?;
    seen.table.push(prefixes.len() as f64 / begun.elapsed().as_secs_f64());
    seen.table_processor.push(prefixes.len() as f64 / (of_this_thread()? - before));
    apply(&mut table, &deletes(prefixes).iter().map(write).collect::<Vec<_>>())
}

fn apply(table: &mut LinuxTable, writes: &[Write]) -> Result<()> {
    for batch in writes.chunks(BATCH_OPS) {
        for outcome in table.apply(FIB, batch) {
            ensure!(outcome.is_ok(), "the table refuses: {outcome:?}");
        }
    }
    Ok(())
}

impl Seen {
    fn all(&self) -> [(&'static str, &Vec<f64>); 6] {
        [
            ("raw netlink", &self.raw),
            ("raw netlink, by processor time", &self.raw_processor),
            ("table", &self.table),
            ("table, by processor time", &self.table_processor),
            ("chassis", &self.chassis),
            ("chassis, state on disk", &self.keeping),
        ]
    }

    fn figures(&self, order: &str) -> Vec<Figure> {
        self.all()
            .map(|(what, samples)| Figure::new(format!("{what}, {order}"), "1/s", samples.clone()))
            .into()
    }

    fn ratios(&self, order: &str) -> Vec<Ratio> {
        let median = |samples: &Vec<f64>| Figure::new("", "", samples.clone()).median();
        let ratio = |what: &str, ours: &Vec<f64>, raw: &Vec<f64>| {
            Ratio::new(format!("{what}, {order}"), "1/s", median(ours)).against("raw netlink", median(raw))
        };
        let goal = Goal::TimesBaselineAtLeast(0.9);
        vec![
            ratio("chassis", &self.chassis, &self.raw).goal(goal),
            ratio("chassis, state on disk", &self.keeping, &self.raw).goal(goal),
            ratio("table", &self.table, &self.raw).goal(goal),
            ratio("table, by processor time", &self.table_processor, &self.raw_processor).goal(goal),
        ]
    }
}
