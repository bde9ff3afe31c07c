//! Cost of an op by the number of cards and of standbys.

use std::time::Instant;

use anyhow::{Context, Result};
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::fib::ID as FIB;
use ipnet::IpNet;

use super::Setting;
use crate::chassis::{Chassis, Shape};
use crate::rows::{Family, next_hops, prefixes, routes};
use crate::sample::{Axis, Figure, Line, Measured, Plot, Ratio};
use crate::source::Source;

/// With dozens of processes on few processors, nobody is heard of in time: that is not what is measured here.
const PATIENT: &str = "[liveness]\ninterval_ms = 2000\n";

const METHOD: &str = "Each card is a process with its table in memory, each control unit one too. The table is loaded, then every route \
    is changed, in rounds that end when all is safe and folded. Processor time is that of one process, by the ops.";

/// Microseconds on a processor per op, and ops a second.
struct Cost {
    primary: f64,
    standby: Option<f64>,
    card: f64,
    rate: f64,
}

pub(super) async fn measure(setting: &Setting) -> Result<Measured> {
    let count = setting.size.pick(500, 50_000, 100_000);
    let prefixes = prefixes(count, Family::Both);
    let by_cards: &[u16] = setting.size.pick(&[1, 2], &[1, 2, 4, 8, 16], &[1, 2, 4, 8, 16, 32, 64]);
    let by_standbys: &[u8] = setting.size.pick(&[1], &[1, 2, 4], &[0, 1, 2, 4]);
    let most = by_cards.last().copied().unwrap_or_default();
    let size = format!("{count} keys; up to {most} cards");
    let measured = Measured::begin("cards", "Many cards, many standbys", METHOD, size);
    let mut figures = Vec::new();
    let mut lines = vec![line("primary"), line("one card")];
    let mut first = None;
    let mut last = 0.0;
    for &cards in by_cards {
        let cost = cost(setting, &prefixes, 1, cards).await?;
        let x = f64::from(cards);
        lines[0].points.push((x, cost.primary));
        lines[1].points.push((x, cost.card));
        last = cost.primary / x;
        first.get_or_insert(cost.primary);
        figures.extend(describe(&format!("{cards} cards, 1 standby"), &cost));
    }
    let mut standbys = vec![line("primary"), line("one standby")];
    for &count in by_standbys {
        let cost = cost(setting, &prefixes, count, 1).await?;
        standbys[0].points.push((f64::from(count), cost.primary));
        standbys[1].points.extend(cost.standby.map(|standby| (f64::from(count), standby)));
        figures.extend(describe(&format!("1 card, {count} standbys"), &cost));
    }
    let ratio = Ratio::new(format!("primary, per op and card, of {most} cards"), "us", last)
        .against("of 1 card", first.unwrap_or_default());
    let axis = || Axis::linear("us on a processor per op");
    Ok(Measured {
        figures,
        ratios: vec![ratio],
        plots: vec![
            Plot::new("cards", "Cost of an op by cards", Axis::linear("cards"), axis(), lines),
            Plot::new("standbys", "Cost of an op by standbys", Axis::linear("standbys"), axis(), standbys),
        ],
        ..measured
    })
}

fn line(label: &str) -> Line {
    Line { label: label.to_owned(), points: Vec::new() }
}

async fn cost(setting: &Setting, prefixes: &[IpNet], standbys: u8, cards: u16) -> Result<Cost> {
    let shape = Shape { sections: PATIENT.to_owned(), ..Shape::new(1 + standbys, cards) };
    let mut chassis = Chassis::start(&setting.program, &shape).await?;
    let source = Source::start(chassis.units());
    source.put(next_hops(None)).await?;
    source.put(routes(prefixes, 0)).await?;
    let primary = chassis.whole().await?;
    let others: Vec<UnitId> = (1..=1 + standbys).map(UnitId).filter(|unit| *unit != primary).collect();
    let standby = others.first().copied().map(Party::Unit);
    let spent = |party| chassis.on_processor(party);
    let before = (
        spent(Party::Unit(primary))?,
        standby.map(spent).transpose()?,
        spent(Party::Card(CardId(1)))?,
        Instant::now(),
    );
    let rows = routes(prefixes, 1);
    source.put(rows).await?;
    let status = chassis.status(primary).await?;
    let issued = status.processes.iter().find(|row| row.process == FIB.0).context("no fib")?.received;
    for unit in others {
        chassis.folded(unit, FIB.0, issued).await?;
    }
    let per_op = |seconds: f64| seconds * 1e6 / prefixes.len() as f64;
    let rate = prefixes.len() as f64 / before.3.elapsed().as_secs_f64();
    source.stop();
    Ok(Cost {
        primary: per_op(spent(Party::Unit(primary))? - before.0),
        standby: match (standby, before.1) {
            (Some(party), Some(before)) => Some(per_op(spent(party)? - before)),
            (Some(_), None) | (None, _) => None,
        },
        card: per_op(spent(Party::Card(CardId(1)))? - before.2),
        rate,
    })
}

fn describe(shape: &str, cost: &Cost) -> Vec<Figure> {
    let figure = |what: &str, unit: &str, value| Figure::new(format!("{shape}: {what}"), unit, vec![value]);
    let mut figures = vec![
        figure("ops", "1/s", cost.rate),
        figure("processor, primary", "us/op", cost.primary),
        figure("processor, one card", "us/op", cost.card),
    ];
    figures.extend(cost.standby.map(|standby| figure("processor, one standby", "us/op", standby)));
    figures
}
