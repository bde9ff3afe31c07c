//! Nothing is replayed, and nothing is written, but what is in doubt: each key of a plan is named by an op without an ack,
//! what is sent in replay is in the plan, and until the channel is in step its forwarding table is given nothing else.

use std::collections::BTreeSet;

use hitless_proto::ControlUnit;
use hitless_proto::entry::{Blob, CardOp, Cookie, Origin};
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::{Event, Write};
use hitless_proto::message::{Message, ToCard};
use hitless_proto::plan::ChannelPlan;
use hitless_proto::process::Scope;
use hitless_proto::report::Method;

use super::{Checker, Scene, Seen};

pub(super) struct Narrow;

/// A key that the plan replays, and that no op without an ack names.
fn not_in_doubt(scene: &Scene<'_>, unit: &ControlUnit, plan: &ChannelPlan) -> Option<Blob> {
    let progress = unit.progress(plan.process)?;
    let applied = scene.past.plans.answered(plan.card, plan.process, progress.epoch)?;
    let processes = (scene.world.make_processes)();
    let process = processes.iter().find(|of| of.id() == plan.process)?;
    let mut doubt = BTreeSet::new();
    let later = applied.seq.max(progress.log_from).0 + 1..=progress.received.seq.0;
    let old = later.filter_map(|seq| unit.logged(plan.process, Seq(seq)));
    for op in old.filter(|op| op.version.epoch < progress.epoch && op.to.contains(plan.card)) {
        match &op.cookie {
            Cookie::Key => drop(doubt.insert(op.key.clone())),
            Cookie::None => return None,
            Cookie::Bytes(cookie) => match process.scope(cookie) {
                Scope::Keys(keys) => doubt.extend(keys),
                Scope::Whole => return None,
            },
        }
    }
    plan.replay.iter().find(|key| !doubt.contains(*key)).cloned()
}

fn planned(scene: &Scene<'_>, unit: UnitId, plan: &ChannelPlan) -> Result<(), String> {
    let unit = scene.world.unit(unit).filter(|_| plan.method == Method::Replay && !plan.whole);
    match unit.and_then(|unit| not_in_doubt(scene, unit, plan)) {
        Some(key) => {
            Err(format!("{} {}: {key:?} is replayed, and was not in doubt", plan.card, plan.process))
        }
        None => Ok(()),
    }
}

/// What is sent in replay is in the plan.
fn sent(
    scene: &Scene<'_>,
    (unit, card, epoch): (UnitId, CardId, Epoch),
    process: ProcessId,
    ops: &[CardOp],
) -> Result<(), String> {
    let active = scene.past.plans.of(card, process).filter(|of| of.unit == unit && of.epoch == epoch);
    let Some(active) = active else { return Ok(()) };
    let replay = |op: &&CardOp| active.sent.get(&op.key) == Some(&Origin::Replay) && !active.replays(&op.key);
    let wide = ops.iter().find(replay);
    wide.map_or(Ok(()), |op| Err(format!("{card} {process} is sent {op:?}, which is not in doubt")))
}

/// Until the channel is in step its table is given what it was sent since the plan, and nothing that it has.
fn written(scene: &Scene<'_>, (card, process): (CardId, ProcessId), writes: &[Write]) -> Result<(), String> {
    let (world, active) = (scene.world, scene.past.plans.of(card, process));
    let Some(active) = active.filter(|_| !world.writes_again(card, process, writes)) else { return Ok(()) };
    let table = world.table(card, process);
    let refused = |write: &Write| {
        world.card(card).and_then(|card| card.version(process, &write.key)).is_some_and(|of| of.1)
    };
    for write in writes {
        let why = active.sent.get(&write.key);
        let has = table.and_then(|table| table.entries().get(&write.key)) == write.part.as_ref();
        let twice = writes.iter().filter(|of| of.key == write.key).count() > 1;
        // What is there since somebody else took the rest away is not what the card holds.
        let tampered = table.is_some_and(|table| table.tampered().contains(&write.key));
        let idle = has && why == Some(&Origin::Replay) && !twice && !tampered && !refused(write);
        if why.is_none() || idle {
            return Err(format!(
                "{card} {process} is given {write:?} in a takeover: sent as {why:?}, there already: {has}"
            ));
        }
    }
    Ok(())
}

impl Checker for Narrow {
    fn property(&self) -> &'static str {
        "what is replayed was in doubt"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Sent {
            from: Party::Unit(unit),
            to: Party::Card(card),
            message: Message::ToCard(ToCard::Ops(ops)),
        } = seen
        {
            return sent(scene, (*unit, *card, ops.epoch), ops.process, &ops.ops);
        }
        if let Seen::Apply { party: Party::Card(card), process, writes } = seen {
            return written(scene, (*card, *process), writes);
        }
        if let Seen::Event { party: Party::Unit(unit), event: Event::Planned(plan) } = seen {
            return planned(scene, *unit, plan);
        }
        let Seen::Event { event: Event::Takeover(report), .. } = seen else { return Ok(()) };
        let wide = report
            .channels
            .iter()
            .find(|channel| channel.method == Method::Replay && channel.replayed > channel.in_doubt);
        wide.map_or(Ok(()), |channel| Err(format!("{channel:?}")))
    }
}
