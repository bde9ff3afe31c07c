//! What looking for silent damage costs: audits by digest, and comparisons of everything with the kernel.

use std::time::Duration;

use anyhow::Result;
use hitless_proto::ids::{CardId, Party};

use super::{Setting, loaded};
use crate::chassis::{LINUX, Shape, other};
use crate::namespace::{LINK, NOT_MEASURED, allowed, inside};
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Figure, Goal, Measured, Ratio};

/// Seconds between two audits: as it is by default, and here, so that many fall into a short time.
struct Period {
    default: f64,
    here: f64,
}

const DIGEST: Period = Period { default: 60.0, here: 1.0 };
const KERNEL: Period = Period { default: 300.0, here: 10.0 };

const METHOD: &str = "A chassis at rest whose card has its routes in the kernel, in a network namespace of its own: processor time of each \
    process, as a share of one core. Once without audits, once with one by digest each second, and once with a comparison of everything with \
    the kernel every 10 s. What they add, by their number, is what one costs; the share is that at the default periods: 60 s and 300 s.";

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(1_000, 100_000, 1_000_000);
    let size = format!("{count} IPv4 routes");
    let mut measured = Measured::begin("audit", "Audits", METHOD, size);
    if !allowed() {
        measured.remarks.push(NOT_MEASURED.to_owned());
        return Ok(measured);
    }
    let setting = setting.clone();
    let [rest, digest, kernel] = inside(async move || of_chassis(&setting, count).await).await?;
    for (how, shares) in
        [("no audits", rest), ("by digest each second", digest), ("of the kernel each 10 s", kernel)]
    {
        for (who, share) in ["primary", "standby", "card"].iter().zip(shares) {
            measured.figures.push(Figure::new(format!("{who}, {how}"), "% of a core", vec![share]));
        }
    }
    // What is added is noise where it is negative.
    let at_default = |shares: [f64; 3], who: usize, period: &Period| {
        (shares[who] - rest[who]).max(0.0) * period.here / period.default
    };
    for (at, who) in ["primary", "standby", "card"].iter().enumerate() {
        let share = at_default(digest, at, &DIGEST) + at_default(kernel, at, &KERNEL);
        let what = format!("audits at their default periods, {who}");
        measured.ratios.push(Ratio::new(what, "% of a core", share).goal(Goal::AtMost(1.0)));
    }
    Ok(measured)
}

/// Shares of a core in percent, of primary, standby, and card: without audits, with those by digest, with those of the kernel.
async fn of_chassis(setting: &Setting, count: u64) -> Result<[[f64; 3]; 3]> {
    let time = Duration::from_secs(setting.size.pick(1, 10, 40));
    let mut all = Vec::new();
    for (digest, kernel) in [(0.0, 0.0), (DIGEST.here, 0.0), (0.0, KERNEL.here)] {
        let shape = Shape {
            card: format!("{LINUX}\nlinux = {{ audit_s = {kernel} }}"),
            sections: format!("[timing]\naudit_ms = {}\n", digest * 1e3),
            ..Shape::new(2, 1)
        };
        all.push(at_rest(setting, &shape, count, time).await?);
    }
    <[_; 3]>::try_from(all).map_err(|_| anyhow::anyhow!("three chassis were measured"))
}

async fn at_rest(setting: &Setting, shape: &Shape, count: u64, time: Duration) -> Result<[f64; 3]> {
    let routes = routes(&prefixes(count, Family::V4), 0);
    let (chassis, primary) = loaded(setting, shape, next_hops(Some(LINK)), routes).await?;
    let parties = [Party::Unit(primary), Party::Unit(other(primary)), Party::Card(CardId(1))];
    // What is kept is written, and queues are given back.
    tokio::time::sleep(time / 4).await;
    let spent = || parties.iter().map(|party| chassis.on_processor(*party)).collect::<Result<Vec<f64>>>();
    let before = spent()?;
    tokio::time::sleep(time).await;
    let after = spent()?;
    Ok(std::array::from_fn(|at| (after[at] - before[at]) / time.as_secs_f64() * 100.0))
}
