//! Steady state: how many ops a second are submitted, sent, applied, acked and folded; and how long one takes.

use std::time::Instant;

use anyhow::{Context, Result};
use hitless_admin::ChangeRow;
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::fib::ID as FIB;

use super::{Setting, loaded};
use crate::baseline::{loopback, redis};
use crate::chassis::{Chassis, Shape, other};
use crate::process;
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::single::Single;
use crate::source::Source;

const CARD: Party = Party::Card(CardId(1));
/// What is measured first.
const OPS: &str = "ops, submitted to folded";
const PROGRAMMED: &str = "one op, until it is programmed";
const GATED: &str = "one op, until it is programmed, gated";
/// Of control units that keep their entries.
const KEPT: &str = ", state on disk";
/// Bytes of a submit of one change, about.
const SUBMIT_BYTES: usize = 100;

const METHOD: &str = "Four processes: two control units, a card with its table in memory, the source. The table is loaded, then \
    every route is changed, round by round, through the same admin API as by `hitless load`. A round ends when every op is \
    safe (acked by the card, received by the standby) and the standby has folded it. Once with control units that keep \
    nothing on disk, as Redis does here, and once as they are by default: each keeps its entries in a store. Redis: a primary \
    and a replica, the same keys and values, pipelined SETs, WAIT 1 every 65,536. Latency: one change at a time, until the source hears that it is safe; \
    the baseline is one message to another thread and back over TCP on loopback.";

/// What rounds cost.
#[derive(Debug, Default)]
struct Costs {
    /// Ops a second of the first load.
    load: f64,
    rates: Vec<f64>,
    /// Microseconds on a processor per op: primary, standby, card, source.
    micros: [Vec<f64>; 4],
}

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(2_000, 200_000, 1_000_000);
    let rounds = setting.size.pick(1, 3, 5);
    let size = format!("{count} keys, {rounds} rounds");
    let mut measured = Measured::begin("steady", "Steady state", METHOD, size);
    let prefixes = prefixes(count, Family::Both);
    let (costs, latencies) = of_chassis(setting, &prefixes, rounds, false).await?;
    let (kept, _) = of_chassis(setting, &prefixes, rounds, true).await?;
    let gated = gated(setting, &prefixes).await?;
    let loopback = loopback::round_trips(setting.size.pick(20, 2_000, 10_000), SUBMIT_BYTES)?;
    let redis = if redis::available(setting.installs()) {
        Some(against_redis(&prefixes, rounds).await?)
    } else {
        None
    };
    let mut figures = figures("", &costs);
    figures.extend(self::figures(KEPT, &kept));
    figures.push(Figure::new(PROGRAMMED, "us", latencies.0));
    figures.push(Figure::new("one op, until it is safe", "us", latencies.1));
    figures.push(Figure::new(GATED, "us", gated.0));
    figures.push(Figure::new("loopback round trip", "us", loopback));
    let mut remarks = Vec::new();
    match redis {
        Some((rates, micros)) => {
            figures.push(Figure::new("redis: sets", "1/s", rates));
            figures.push(Figure::new("redis: processor, both servers", "us/op", micros));
        }
        None => remarks.push("Redis is not installed, and can be installed as root only.".to_owned()),
    }
    (measured.figures, measured.remarks) = (figures, remarks);
    measured.ratios = ratios(&measured);
    Ok(measured)
}

type Latencies = (Vec<f64>, Vec<f64>);

/// The rounds of one chassis, and the latencies of single ops behind them.
async fn of_chassis(
    setting: &Setting,
    prefixes: &[ipnet::IpNet],
    rounds: usize,
    keeps: bool,
) -> Result<(Costs, Latencies)> {
    let mut chassis = Chassis::start(&setting.program, &Shape { keeps, ..Shape::new(2, 1) }).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(None)).await?;
    let primary = chassis.whole().await?;
    let (load, _) = round(&chassis, primary, &source, routes(prefixes, 0)).await?;
    let mut costs = Costs { load, ..Costs::default() };
    for turn in 1..=rounds {
        let (rate, micros) = round(&chassis, primary, &source, routes(prefixes, turn)).await?;
        costs.rates.push(rate);
        costs.micros.iter_mut().zip(micros).for_each(|(all, one)| all.push(one));
    }
    source.stop();
    let address = chassis.admin(Party::Unit(primary))?;
    let latencies = latencies(&address, prefixes, setting.size.pick(20, 500, 2_000)).await?;
    chassis.whole().await?;
    Ok((costs, latencies))
}

/// Ops a second, and what each process spent on an op.
async fn round(
    chassis: &Chassis,
    primary: UnitId,
    source: &Source,
    rows: Vec<ChangeRow>,
) -> Result<(f64, [f64; 4])> {
    let standby = other(primary);
    let count = rows.len() as f64;
    let spent = || -> Result<[f64; 4]> {
        Ok([
            chassis.on_processor(Party::Unit(primary))?,
            chassis.on_processor(Party::Unit(standby))?,
            chassis.on_processor(CARD)?,
            process::on_processor(std::process::id())?,
        ])
    };
    let (begun, before) = (Instant::now(), spent()?);
    source.put(rows).await?;
    let status = chassis.status(primary).await?;
    let issued = status.processes.iter().find(|row| row.process == FIB.0).context("no fib")?.received;
    chassis.folded(standby, FIB.0, issued).await?;
    let (rate, after) = (count / begun.elapsed().as_secs_f64(), spent()?);
    Ok((rate, std::array::from_fn(|who| (after[who] - before[who]) * 1e6 / count)))
}

/// Microseconds until programmed, and until safe, of so many changes one after the other.
async fn latencies(address: &str, prefixes: &[ipnet::IpNet], count: usize) -> Result<Latencies> {
    let mut single = Single::connect(address).await?;
    let (mut programmed, mut safe) = (Vec::new(), Vec::new());
    for row in routes(&prefixes[..count.min(prefixes.len())], 99) {
        let took = single.change(row).await?;
        programmed.push(took.programmed);
        safe.push(took.safe);
    }
    Ok((programmed, safe))
}

/// Likewise, of a chassis of its own that sends cards an op when every standby has it.
async fn gated(setting: &Setting, prefixes: &[ipnet::IpNet]) -> Result<Latencies> {
    let gated = Shape { keeps: false, chassis: "output_rule = \"gated\"".to_owned(), ..Shape::new(2, 1) };
    let (chassis, primary) = loaded(setting, &gated, next_hops(None), Vec::new()).await?;
    let address = chassis.admin(Party::Unit(primary))?;
    latencies(&address, prefixes, setting.size.pick(20, 500, 2_000)).await
}

async fn against_redis(prefixes: &[ipnet::IpNet], rounds: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let prefixes = prefixes.to_vec();
    tokio::task::spawn_blocking(move || {
        let redis = redis::Redis::start(true)?;
        redis.set(&routes(&prefixes, 0))?;
        let (mut rates, mut micros) = (Vec::new(), Vec::new());
        for turn in 1..=rounds {
            let rows = routes(&prefixes, turn);
            let before = redis.on_processor()?;
            rates.push(rows.len() as f64 / redis.set(&rows)?);
            micros.push((redis.on_processor()? - before) * 1e6 / rows.len() as f64);
        }
        Ok((rates, micros))
    })
    .await?
}

fn figures(how: &str, costs: &Costs) -> Vec<Figure> {
    let [primary, standby, card, source] = &costs.micros;
    let sum = (0..costs.rates.len()).map(|at| costs.micros.iter().map(|who| who[at]).sum()).collect();
    let figure = |what: &str, unit: &str, samples: &Vec<f64>| {
        Figure::new(format!("{what}{how}"), unit, samples.clone())
    };
    vec![
        figure(OPS, "1/s", &costs.rates),
        figure("ops of the first load", "1/s", &vec![costs.load]),
        figure("processor, primary", "us/op", primary),
        figure("processor, standby", "us/op", standby),
        figure("processor, card", "us/op", card),
        figure("processor, source", "us/op", source),
        figure("processor, all four", "us/op", &sum),
    ]
}

fn ratios(measured: &Measured) -> Vec<Ratio> {
    let median = |what: &str| measured.figure(what).map(Figure::median);
    let mut ratios = Vec::new();
    for what in [OPS.to_owned(), format!("{OPS}{KEPT}")] {
        let Some(ours) = median(&what) else { continue };
        ratios.push(Ratio::new(&what, "1/s", ours).goal(Goal::AtLeast(1e6)));
        if let Some(theirs) = median("redis: sets") {
            let ratio = Ratio::new(what, "1/s", ours).against("Redis, WAIT 1", theirs);
            ratios.push(ratio.goal(Goal::TimesBaselineAtLeast(3.0)));
        }
    }
    if let (Some(ours), Some(gated), Some(theirs)) =
        (median(PROGRAMMED), median(GATED), median("loopback round trip"))
    {
        let more = Ratio::new(format!("{PROGRAMMED}, beyond a loopback round trip"), "us", ours - theirs);
        ratios.push(Ratio::new(PROGRAMMED, "us", ours).against("loopback round trip", theirs));
        ratios.push(more.goal(Goal::AtMost(5.0)));
        let gated = Ratio::new(GATED, "us", gated).against("loopback round trip", theirs);
        ratios.push(gated.goal(Goal::TimesBaselineAtMost(1.5)));
    }
    ratios
}
