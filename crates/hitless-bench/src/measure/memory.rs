//! Memory: what a process grows by, per entry.

use std::time::Duration;

use anyhow::Result;
use hitless_proto::ids::{CardId, Party};

use super::{Setting, Size};
use crate::baseline::{redis, zebra};
use crate::chassis::{Chassis, LINUX, Shape, other};
use crate::namespace::{LINK, allowed, inside};
use crate::rows::{Family, next_hops_of, prefixes, routes};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::source::Source;

const METHOD: &str = "Two control units, a card with its table in memory; resident memory when everything is safe, less that before \
    the first route, by the number of routes. It includes digests, log and queues; at the card also the in-memory forwarding \
    table, which a card on a kernel does not have. Once with control units that keep nothing on disk, and once as they are \
    by default, with buffers and cache of their store. zebra: resident memory with the routes in its kernel, less that without. \
    Redis: the same for a server with the same keys and values.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count: u64 = setting.size.pick(5_000, 200_000, 1_000_000);
    let size = format!("{count} entries of each family");
    let mut measured = Measured::begin("memory", "Memory", METHOD, size);
    for (family, name, goal) in [(Family::V4, "IPv4", 64.0), (Family::V6, "IPv6", 96.0)] {
        let (redis, zebra) = baselines(setting, count, family, &mut measured.remarks).await?;
        for (who, bytes) in grown(setting, count, family).await? {
            let what = format!("{name}, {who}");
            measured.figures.push(Figure::new(&what, "B/entry", vec![bytes]));
            let goal = Ratio::new(what, "B/entry", bytes).goal(Goal::AtMost(goal));
            measured.ratios.push(match zebra.or(redis) {
                Some((name, bytes)) => goal.against(name, bytes),
                None => goal,
            });
        }
        for (baseline, bytes) in [redis, zebra].into_iter().flatten() {
            measured.figures.push(Figure::new(format!("{name}, {baseline}"), "B/entry", vec![bytes]));
        }
    }
    Ok(measured)
}

/// Bytes per entry that each party grows by, by how the chassis is made.
async fn grown(setting: &Setting, count: u64, family: Family) -> Result<Vec<(String, f64)>> {
    let plain = Shape { keeps: false, ..Shape::new(2, 1) };
    let [primary, standby, card] = grown_of(setting, count, family, (&plain, None)).await?;
    let kept = Shape { keeps: true, ..plain.clone() };
    let [keeping, keeping_standby, _] = grown_of(setting, count, family, (&kept, None)).await?;
    let mut grown = vec![
        ("primary".to_owned(), primary),
        ("standby".to_owned(), standby),
        ("card, with its table in memory".to_owned(), card),
        ("primary, state on disk".to_owned(), keeping),
        ("standby, state on disk".to_owned(), keeping_standby),
    ];
    if allowed() {
        let kernel = Shape { card: LINUX.to_owned(), ..plain };
        let setting = setting.clone();
        let of_kernel = async move || grown_of(&setting, count, family, (&kernel, Some(LINK))).await;
        let [_, _, card] = inside(of_kernel).await?;
        grown.push(("card, its table in the kernel".to_owned(), card));
    }
    Ok(grown)
}

/// Primary, standby, and card; their next hops are at `link`.
async fn grown_of(
    setting: &Setting,
    count: u64,
    family: Family,
    (shape, link): (&Shape, Option<&str>),
) -> Result<[f64; 3]> {
    let mut chassis = Chassis::start(&setting.program, shape).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops_of(family, link)).await?;
    let primary = chassis.whole().await?;
    let parties = [Party::Unit(primary), Party::Unit(other(primary)), Party::Card(CardId(1))];
    let held = || -> Result<Vec<u64>> { parties.iter().map(|party| chassis.resident(*party)).collect() };
    let before = held()?;
    source.put(routes(&prefixes(count, family), 0)).await?;
    source.stop();
    // Queues have drained by then, and what they held was given back.
    tokio::time::sleep(Duration::from_millis(setting.size.pick(100, 2_000, 5_000))).await;
    let after = held()?;
    Ok(std::array::from_fn(|at| after[at].saturating_sub(before[at]) as f64 / count as f64))
}

type Known = Option<(&'static str, f64)>;

/// Bytes per entry of Redis and of zebra, where they are installed.
async fn baselines(
    setting: &Setting,
    count: u64,
    family: Family,
    remarks: &mut Vec<String>,
) -> Result<(Known, Known)> {
    let redis = if redis::available(setting.installs()) {
        Some(("Redis", tokio::task::spawn_blocking(move || of_redis(count, family)).await??))
    } else {
        remarks.push("Redis is not installed, and can be installed as root only.".to_owned());
        None
    };
    let zebra = if zebra::available() && allowed() && setting.size != Size::Tiny {
        let of_zebra = async move || zebra::bytes_per_route(&prefixes(count, family));
        Some(("zebra", inside(of_zebra).await?))
    } else {
        remarks.push(
            "zebra was left out: FRR is not installed, or we are not root, or there was no time.".to_owned(),
        );
        None
    };
    Ok((redis, zebra))
}

fn of_redis(count: u64, family: Family) -> Result<f64> {
    let rows = routes(&prefixes(count, family), 0);
    let redis = redis::Redis::start(false)?;
    let before = redis.resident()?;
    redis.set(&rows)?;
    Ok(redis.resident()?.saturating_sub(before) as f64 / count as f64)
}
