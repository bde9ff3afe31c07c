//! Memory is bounded: every queue, window, history, log and message stays within its named limit.

use hitless_proto::ids::{Party, Seq};
use hitless_proto::limits::{
    ASK_LEAVES, ASK_NODES, BATCH_OPS, LOG_RETAIN, MAX_FRAME, MAX_HISTORY, MAX_NACKS, MAX_ORPHANS,
    MAX_REPORTS, MAX_UNSTABLE, MAX_WAITING_NACKS, WINDOW_BYTES,
};
use hitless_proto::message::{
    Ask, ChannelAnswer, FromCard, Message, Question, ToCard, ToStandby, UnitMessage,
};
use hitless_proto::status::{ClientProgress, Progress};

use super::{Checker, Scene, Seen};
use crate::world::World;

/// Answers that wait for one disk: a party answers nobody twice at a time, but a peer may ask anew before the disk is done.
const MOST_WITHHELD: usize = 1_000;
/// Works of one window: an op counts for more bytes than this.
const LEAST_OP: usize = 16;

pub(super) struct Memory;

fn within(what: &str, is: usize, most: usize) -> Result<(), String> {
    if is <= most { Ok(()) } else { Err(format!("{is} {what}, at most {most} are allowed")) }
}

/// A window is closed when it is full, by a batch that may end in one large op.
const MOST_IN_FLIGHT: usize = WINDOW_BYTES as usize + MAX_FRAME;
/// Retries, repairs and adopted orphans come on top of what sources may submit.
const MOST_UNSTABLE: usize = 2 * MAX_UNSTABLE;

fn of_unit(of: &Progress) -> Result<(), String> {
    let between = |from: Seq, to: Seq| to.0.saturating_sub(from.0) as usize;
    let unstable = between(of.stable, of.received.seq);
    within("ops that are not stable", unstable, MOST_UNSTABLE)?;
    within("ops in a log", between(of.log_from, of.received.seq), LOG_RETAIN + MOST_UNSTABLE)?;
    within("bytes in flight", of.in_flight as usize, MOST_IN_FLIGHT)?;
    within("refusals that wait for their updates", of.nacks, MAX_WAITING_NACKS)
}

fn of_card(of: &ClientProgress) -> Result<(), String> {
    within("ops of ack history", of.history, MAX_HISTORY)?;
    within("works that wait for a forwarding table", of.queued, MOST_IN_FLIGHT / LEAST_OP)?;
    within("refusals that were not told", of.nacks, MAX_NACKS)?;
    within("tombstones", of.tombstones, MAX_HISTORY + MOST_IN_FLIGHT / LEAST_OP)
}

fn ask(ask: &Ask) -> Result<(), String> {
    match &ask.question {
        Question::Root => Ok(()),
        Question::Children { nodes, .. } => within("nodes in a question", nodes.len(), ASK_NODES),
        Question::Leaves { leaves, .. } => within("leaves in a question", leaves.len(), ASK_LEAVES),
    }
}

fn message(message: &Message) -> Result<(), String> {
    match message {
        Message::ToCard(ToCard::Ops(ops)) => within("ops in a batch", ops.ops.len(), BATCH_OPS),
        Message::ToCard(ToCard::Fill(fill)) => within("entries in a batch", fill.entries.len(), BATCH_OPS),
        Message::ToCard(ToCard::Ask(of)) | Message::Unit(UnitMessage::Primary(ToStandby::Ask(of))) => ask(of),
        Message::FromCard(FromCard::Ack(ack)) => within("refusals in an ack", ack.nacks.len(), MAX_NACKS),
        Message::FromCard(FromCard::Promise(promise)) => {
            promise.channels.iter().try_for_each(|(_, answer)| match answer {
                ChannelAnswer::Known { orphans, nacks, .. } => {
                    within("orphans in a promise", orphans.len(), MAX_ORPHANS)?;
                    within("refusals in a promise", nacks.len(), MAX_NACKS)
                }
                ChannelAnswer::Unknown => Ok(()),
            })
        }
        Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
            within("updates in a batch", ops.ops.len(), BATCH_OPS)
        }
        Message::Unit(UnitMessage::Primary(ToStandby::Fill(fill))) => {
            within("entries in a batch", fill.entries.len(), BATCH_OPS)
        }
        Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => Ok(()),
    }
}

fn party(world: &World, party: Party) -> Result<(), String> {
    let mut processes = world.processes().iter();
    match party {
        Party::Unit(id) => {
            let Some(unit) = world.unit(id) else { return Ok(()) };
            within("reports", unit.reports().len(), MAX_REPORTS)?;
            within("answers that wait for the disk", unit.withheld(), MOST_WITHHELD)?;
            processes.filter_map(|of| unit.progress(*of)).try_for_each(|of| of_unit(&of))
        }
        Party::Card(id) => {
            let Some(card) = world.card(id) else { return Ok(()) };
            within("answers that wait for the disk", card.withheld(), MOST_WITHHELD)?;
            processes.try_for_each(|of| card.progress(*of).map_or(Ok(()), |of| of_card(&of)))
        }
    }
}

impl Checker for Memory {
    fn property(&self) -> &'static str {
        "memory is bounded"
    }

    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        if let Seen::Sent { from, message: sent, .. } = seen {
            return message(sent).map_err(|what| format!("{from} sends {what}"));
        }
        let Seen::Stepped { party: id } = seen else { return Ok(()) };
        party(scene.world, *id).map_err(|what| format!("{id} keeps {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::ids::Version;

    #[test]
    fn what_is_beyond_a_limit_is_seen() {
        let long = Progress { received: Version::new(1, MOST_UNSTABLE as u64 + 1), ..Progress::default() };
        assert!(of_unit(&long).is_err());
        let wide = Progress { in_flight: MOST_IN_FLIGHT as u64 + 1, ..Progress::default() };
        assert!(of_unit(&wide).is_err());
        let deep = ClientProgress { history: MAX_HISTORY + 1, ..ClientProgress::default() };
        assert!(of_card(&deep).is_err());
        assert!(of_card(&ClientProgress { nacks: MAX_NACKS + 1, ..ClientProgress::default() }).is_err());
        assert!(of_unit(&Progress::default()).is_ok() && of_card(&ClientProgress::default()).is_ok());
    }
}
