//! Bytes for a standby that was away: while a little changed, and when a single key differs in all of the table.

use std::time::Instant;

use anyhow::Result;
use hitless_admin::ChangeRow;
use hitless_proto::ids::UnitId;
use hitless_proto::limits::LOG_RETAIN;

use super::Setting;
use crate::chassis::{Chassis, Ports, Shape};
use crate::proxy::Proxy;
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::source::Source;

/// Of the table, what changes while the unit is away.
const CHANGED: usize = 100;
/// More ops than the log keeps: what is missing must be found by digest.
const BEYOND_LOG: usize = LOG_RETAIN + LOG_RETAIN / 8;

const METHOD: &str = "Two control units and a card; everything between the units goes through a proxy that counts bytes, heartbeats too. \
    The way is cut, routes are changed, and it is open again until the standby is in sync. Changed bytes: keys, card parts \
    and standby-only parts of what was changed, as they are. For a single key it is written so often that the log does not \
    reach back: the difference is found by digest.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(5_000, 100_000, 1_000_000);
    let rounds = setting.size.pick(1, 3, 5);
    let prefixes = prefixes(count, Family::Both);
    let changed = prefixes.len() / CHANGED;
    let size = format!("{count} entries, {changed} of them changed");
    let measured = Measured::begin("rejoin", "Coming back", METHOD, size);
    let mut shape = Shape::new(2, 1);
    let ports = Ports::find(&shape)?;
    let proxy = Proxy::start(ports.protocol[&UnitId(1)]).await?;
    shape.dial = Some((UnitId(2), UnitId(1), proxy.address()));
    let mut chassis = Chassis::start_at(&setting.program, &shape, ports).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(None)).await?;
    source.put(routes(&prefixes, 0)).await?;
    let bulk: u64 = routes(&prefixes, 0).iter().map(weight).sum();
    let (mut few, mut few_millis, mut single, mut single_millis) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut changed_bytes = 0;
    for round in 1..=rounds {
        let rows = routes(&prefixes[..changed], round);
        changed_bytes = rows.iter().map(weight).sum();
        let (bytes, millis) = away(&mut chassis, &proxy, &source, rows).await?;
        few.push(bytes);
        few_millis.push(millis);
        let one = &prefixes[prefixes.len() - 1..];
        let rows: Vec<ChangeRow> = (0..BEYOND_LOG).flat_map(|turn| routes(one, turn + round)).collect();
        let (bytes, millis) = away(&mut chassis, &proxy, &source, rows).await?;
        single.push(bytes);
        single_millis.push(millis);
    }
    source.stop();
    let figures = vec![
        Figure::new("bytes for 1 %", "B", few),
        Figure::new("until in sync, 1 %", "ms", few_millis),
        Figure::new("bytes for a single key", "B", single),
        Figure::new("until in sync, a single key", "ms", single_millis),
        Figure::new("bytes of all entries", "B", vec![bulk as f64]),
    ];
    let few = Ratio::new("bytes for 1 %", "B", figures[0].median())
        .against("the changed bytes", changed_bytes as f64);
    let bulk = Ratio::new("bytes for 1 %", "B", figures[0].median()).against("all entries", bulk as f64);
    Ok(Measured {
        ratios: vec![
            few.goal(Goal::TimesBaselineAtMost(1.2)),
            bulk,
            Ratio::new("bytes for a single key", "B", figures[2].median()).goal(Goal::AtMost(10_000.0)),
        ],
        figures,
        ..measured
    })
}

/// Bytes of an entry as they are.
fn weight(row: &ChangeRow) -> u64 {
    let parts = [Some(&row.1), row.2.as_ref(), row.3.as_ref()];
    parts.into_iter().flatten().map(|bytes| bytes.0.len() as u64).sum()
}

/// Changes routes while the standby is away; bytes and milliseconds until it is in sync again.
async fn away(
    chassis: &mut Chassis,
    proxy: &Proxy,
    source: &Source,
    rows: Vec<ChangeRow>,
) -> Result<(f64, f64)> {
    proxy.set(false);
    source.put(rows).await?;
    let (begun, before) = (Instant::now(), proxy.bytes());
    proxy.set(true);
    chassis.whole().await?;
    Ok(((proxy.bytes() - before) as f64, begun.elapsed().as_secs_f64() * 1e3))
}
