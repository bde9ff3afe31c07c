//! A next hop dies under all routes: one write of a group, against a write of every route.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use hitless_proto::ids::{CardId, Party};
use hitless_proto::process::fib::GROUP_BASE;
use ipnet::IpNet;

use super::Setting;
use crate::baseline::netlink;
use crate::chassis::{Chassis, LINUX, Shape};
use crate::namespace::{LINK, NOT_MEASURED, allowed, inside, ip};
use crate::rows::{Family, all_by, group, next_hops, prefixes};
use crate::sample::{Figure, Goal, Measured, Ratio};
use crate::single::Single;
use crate::source::Source;

const CARD: CardId = CardId(1);
/// The groups that all routes go by, one after the other.
const GROUPS: [u32; 2] = [GROUP_BASE + 1, GROUP_BASE + 2];
/// Likewise of the raw routes.
const RAW: [u32; 2] = [9_998, 9_999];
/// Whether the kernel tells of every route whose next hop changed (1, as it is by default).
const COMPAT: &str = "/proc/sys/net/ipv4/nexthop_compat_mode";

const GROUP: &str = "a next hop dies";
const EVERY: &str = "every route is changed";
const RAW_EVERY: &str = "every route is changed, raw netlink";

const METHOD: &str = "In a network namespace of its own, a card with its routes in the kernel; all routes go by one group of two next \
    hops. One of them dies: the source writes the group without it, then with it again, and so on; the time is until it hears that the \
    kernel has it. As docs/operations.md says, the kernel does not tell of each route behind a next hop (nexthop_compat_mode = 0); what \
    that spares is measured too. Baselines: every route is given another group, by hitless, and by raw batched netlink.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(1_000, 100_000, 1_000_000);
    let size = format!("{count} IPv4 routes");
    let mut measured = Measured::begin("next-hop", "A next hop dies", METHOD, size);
    if !allowed() {
        measured.remarks.push(NOT_MEASURED.to_owned());
        return Ok(measured);
    }
    let setting = setting.clone();
    let seen = inside(async move || in_kernel(&setting, count).await).await?;
    let group = Figure::new("", "", seen.group.clone());
    let ratio = |what: &str| Ratio::new(format!("{GROUP}, {what}"), "ms", group.median());
    measured.ratios = vec![
        ratio("p50").against(EVERY, seen.every).goal(Goal::AtMost(3.0)),
        ratio("p50").against(RAW_EVERY, seen.raw),
        Ratio::new(format!("{GROUP}, p99"), "ms", group.percentile(99)),
        Ratio::new("writes of the card for each", "", seen.writes).goal(Goal::AtMost(1.0)),
    ];
    measured.figures = vec![
        Figure::new(GROUP, "ms", seen.group),
        Figure::new(format!("{GROUP}, and the kernel tells of each route"), "ms", seen.told),
        Figure::new(EVERY, "ms", vec![seen.every]),
        Figure::new(RAW_EVERY, "ms", vec![seen.raw]),
    ];
    Ok(measured)
}

/// Milliseconds.
struct Seen {
    group: Vec<f64>,
    /// With `nexthop_compat_mode`.
    told: Vec<f64>,
    /// Writes of the card for each write of the group.
    writes: f64,
    every: f64,
    raw: f64,
}

async fn in_kernel(setting: &Setting, count: u64) -> Result<Seen> {
    let prefixes = prefixes(count, Family::V4);
    compat(false)?;
    let raw = raw(&prefixes)?;
    let card = LINUX.to_owned();
    let mut chassis = Chassis::start(&setting.program, &Shape { card, ..Shape::new(2, 1) }).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(Some(LINK))).await?;
    source.put(GROUPS.map(|id| group(id, &[1, 2])).into()).await?;
    source.put(all_by(&prefixes, GROUPS[0])).await?;
    let primary = chassis.whole().await?;
    let mut single = Single::connect(&chassis.admin(Party::Unit(primary))?).await?;
    let deaths = setting.size.pick(2, 20, 100);
    let before = chassis.written(CARD).await?;
    let group = deaths_of(&mut single, deaths).await?;
    let writes = (chassis.written(CARD).await? - before) as f64 / group.len() as f64;
    compat(true)?;
    let told = deaths_of(&mut single, setting.size.pick(1, 2, 5)).await?;
    compat(false)?;
    let begun = Instant::now();
    source.put(all_by(&prefixes, GROUPS[1])).await?;
    let every = begun.elapsed().as_secs_f64() * 1e3;
    source.stop();
    Ok(Seen { group, told, writes, every, raw })
}

/// A member of the group dies so often, and is there again: milliseconds of both.
async fn deaths_of(single: &mut Single, deaths: usize) -> Result<Vec<f64>> {
    let mut millis = Vec::new();
    for _ in 0..deaths {
        for members in [&[2][..], &[1, 2]] {
            let took = single.change(group(GROUPS[0], members)).await?;
            millis.push(took.programmed / 1e3);
        }
    }
    Ok(millis)
}

fn compat(on: bool) -> Result<()> {
    fs::write(COMPAT, if on { "1" } else { "0" }).context(COMPAT)
}

/// Milliseconds in which all routes are moved from one next hop to another.
fn raw(prefixes: &[IpNet]) -> Result<f64> {
    for id in RAW {
        ip(&format!("nexthop add id {id} via 192.0.2.1 dev {LINK}"))?;
    }
    netlink::add(prefixes, RAW[0])?;
    let took = netlink::replace(prefixes, RAW[1])?;
    netlink::delete(prefixes, RAW[1])?;
    Ok(took.seconds * 1e3)
}
