//! What is sent to followers: ops first, then what they lack, then digest questions, each within the window.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Primary;
use super::compare::Compare;
use super::feed::{Feed, FeedState, Lack};
use super::stream::Stream;
use crate::context::Context;
use crate::entry::{Blob, CardContent, CardOp, Cookie, Update};
use crate::ids::{CardId, Epoch, Party, ProcessId, Seq, Version};
use crate::limits::{BATCH_BYTES, BATCH_OPS};
use crate::log::Log;
use crate::message::{Ask, CardOps, Fill, Start, ToCard, ToStandby, UnitMessage, UnitOps};
use crate::table::Row;
use crate::wire::{card_op_most, update_most};

impl Primary {
    /// Sends every follower what its window has room for. While the state is being rebuilt there is nothing to send, and
    /// nothing to compare with.
    pub(super) fn pump(&mut self, context: &mut Context) {
        if self.recovery.is_some() {
            return;
        }
        let epoch = self.epoch;
        for (process, stream) in &mut self.streams {
            let gate = self.gates.get(process).copied().unwrap_or(Seq(u64::MAX));
            let parties: Vec<Party> =
                stream.feeds.values().filter(|feed| feed.open()).map(|feed| feed.party).collect();
            for party in parties {
                pump_ops(context, epoch, stream, (party, gate));
                pump_fill(context, epoch, stream, (party, gate, self.takeover.as_mut()));
                pump_ask(context, epoch, stream, party);
            }
        }
    }
}

/// Tells a follower that its channel begins at `feed`'s position.
pub(super) fn send_start(context: &mut Context, epoch: Epoch, stream: &Stream, party: Party) {
    let Some(feed) = stream.feeds.get(&party) else { return };
    let base = stream.log.version_at(feed.prev);
    let start = Start { epoch, process: stream.process, session: feed.session, base, keep: stream.keep };
    match party {
        Party::Card(card) => context.send_card(card, ToCard::Start(start)),
        Party::Unit(unit) => context.send_unit(unit, UnitMessage::Primary(ToStandby::Start(start))),
    }
}

fn pump_ops(context: &mut Context, epoch: Epoch, stream: &mut Stream, (party, gate): (Party, Seq)) {
    let Stream { feeds, log, process, stable, .. } = stream;
    let Some(feed) = feeds.get_mut(&party) else { return };
    let gate = if matches!(party, Party::Card(_)) { gate } else { Seq(u64::MAX) };
    while feed.next <= gate && log.get(feed.next).is_some() && feed.window_left() > 0 {
        let prev = feed.prev;
        let (process, session, stable) = (*process, feed.session, *stable);
        match party {
            Party::Card(card) => {
                let ops = next_card_ops(feed, log, (card, gate));
                if !ops.is_empty() {
                    context
                        .send_card(card, ToCard::Ops(CardOps { epoch, process, session, stable, prev, ops }));
                }
            }
            Party::Unit(unit) => {
                let ops = next_unit_ops(feed, log);
                feed.stable_told = stable;
                let ops = UnitOps { epoch, process, session, stable, prev, ops };
                context.send_unit(unit, UnitMessage::Primary(ToStandby::Ops(ops)));
            }
        }
    }
    feed.settle();
    if let Party::Unit(unit) = party
        && feed.stable_told < *stable
    {
        // Nothing to send, but a standby may fold what has become stable.
        feed.stable_told = *stable;
        let (session, prev) = (feed.session, feed.prev);
        let ops = UnitOps { epoch, process: *process, session, stable: *stable, prev, ops: Vec::new() };
        context.send_unit(unit, UnitMessage::Primary(ToStandby::Ops(ops)));
    }
}

fn next_card_ops(feed: &mut Feed, log: &Log, (card, gate): (CardId, Seq)) -> Vec<CardOp> {
    let (mut ops, mut bytes, room) = (Vec::new(), 0, feed.window_left().min(BATCH_BYTES as u64));
    while ops.len() < BATCH_OPS && bytes < room && feed.next <= gate {
        let Some(update) = log.get(feed.next) else { break };
        feed.next = feed.next.next();
        if update.to.contains(card) {
            let op = update.for_card(card);
            bytes += card_op_most(&op) as u64;
            feed.prev = op.version.seq;
            ops.push(op);
        }
    }
    feed.sent_bytes += bytes;
    ops
}

fn next_unit_ops(feed: &mut Feed, log: &Log) -> Vec<Arc<Update>> {
    let (mut ops, mut bytes, room) = (Vec::new(), 0, feed.window_left().min(BATCH_BYTES as u64));
    while ops.len() < BATCH_OPS && bytes < room {
        let Some(update) = log.get(feed.next) else { break };
        bytes += update_most(update) as u64;
        feed.prev = feed.next;
        feed.next = feed.next.next();
        ops.push(Arc::clone(update));
    }
    feed.sent_bytes += bytes;
    ops
}

/// Sends what a follower lacks, as far as the window and, for a card, the gate allow; when all is sent, its digest is asked
/// for again.
fn pump_fill(
    context: &mut Context,
    epoch: Epoch,
    stream: &mut Stream,
    (party, gate, mut takeover): (Party, Seq, Option<&mut super::takeover::Takeover>),
) {
    // What is stable every standby of the record has, whether or not this epoch has heard it say so.
    let gate = if matches!(party, Party::Card(_)) { gate.max(stream.stable) } else { Seq(u64::MAX) };
    let ranks = context.process(stream.process).map_or(1, |process| process.ranks());
    loop {
        let Some(feed) = stream.feeds.get_mut(&party) else { return };
        let room = feed.window_left().min(BATCH_BYTES as u64);
        let FeedState::Filling(lack) = &mut feed.state else { return };
        if room == 0 {
            return;
        }
        let mut lack = core::mem::replace(lack, Lack::Keys(VecDeque::new()));
        let keys = next_keys(context, stream, &mut lack, (party, room, gate));
        let over = keys.is_empty() && lack.is_over(ranks);
        let at_gate = keys.is_empty() && !over;
        let session = stream.feeds.get(&party).map_or(0, |feed| feed.session);
        let channel = (epoch, stream.process, session);
        let sent = match party {
            Party::Card(card) => {
                let entries: Vec<CardOp> =
                    keys.iter().filter_map(|key| card_fill(stream, card, key)).collect();
                if let Some(takeover) = &mut takeover {
                    let bytes = entries.iter().map(crate::wire::card_op_bytes).sum::<usize>();
                    takeover.sent(stream.process, card, (entries.len() as u64, bytes));
                }
                send_fills(channel, entries, card_op_most, |fill| context.send_card(card, ToCard::Fill(fill)))
            }
            Party::Unit(unit) => {
                let entries: Vec<Update> = keys.iter().map(|key| stream.fill_of(key)).collect();
                send_fills(channel, entries, update_most, |fill| {
                    context.send_unit(unit, UnitMessage::Primary(ToStandby::Fill(fill)));
                })
            }
        };
        if let Some(feed) = stream.feeds.get_mut(&party) {
            feed.sent_bytes += sent;
            feed.at_gate = at_gate;
            feed.state =
                if over { FeedState::Comparing(Compare::default()) } else { FeedState::Filling(lack) };
        }
        if at_gate {
            return;
        }
    }
}

/// Sends entries in as many messages as the bounds of a batch ask for. Gives what they count against the window.
fn send_fills<E>(
    (epoch, process, session): (Epoch, ProcessId, u32),
    entries: Vec<E>,
    most: impl Fn(&E) -> usize,
    mut send: impl FnMut(Fill<E>),
) -> u64 {
    let (mut sent, mut bytes, mut batch) = (0, 0, Vec::new());
    for entry in entries {
        let cost = most(&entry) as u64;
        if batch.len() == BATCH_OPS || (bytes + cost > BATCH_BYTES as u64 && !batch.is_empty()) {
            send(Fill { epoch, process, session, entries: core::mem::take(&mut batch) });
            bytes = 0;
        }
        (sent, bytes) = (sent + cost, bytes + cost);
        batch.push(entry);
    }
    if !batch.is_empty() {
        send(Fill { epoch, process, session, entries: batch });
    }
    sent
}

/// The entry as the card should have it; `None` where it was deleted meanwhile (the delete is on its way as an op).
fn card_fill(stream: &Stream, card: CardId, key: &Blob) -> Option<CardOp> {
    let row = stream.table.row(key)?;
    let part = row.part().filter(|_| row.audience().contains(card));
    let content = part.map(|part| CardContent { part: Blob::new(part), for_all: row.for_all() });
    Some(CardOp { version: row.version(), key: key.clone(), content, cookie: Cookie::Key })
}

/// The next keys to fill, about `room` bytes, up to the first that is beyond `gate`; so none when that is next, or all are
/// sent.
fn next_keys(
    context: &Context,
    stream: &Stream,
    lack: &mut Lack,
    (party, room, gate): (Party, u64, Seq),
) -> Vec<Blob> {
    // An entry of a branch that lost may bear a position past the last: who has all that was issued was compared, and has it.
    let last = stream.issued().seq;
    let beyond = |row: &Row<'_>| row.version().seq.min(last) > gate;
    let cost = |key: &[u8]| stream.table.row(key).map_or(0, |row| row.weight() as u64);
    let (mut keys, mut bytes): (Vec<Blob>, u64) = (Vec::new(), 0);
    match lack {
        Lack::Keys(queue) => {
            while bytes < room && keys.len() < BATCH_OPS {
                let waits = |key: &mut Blob| stream.table.row(key).is_some_and(|row| beyond(&row));
                let Some(key) = queue.pop_front_if(|key| !waits(key)) else { break };
                bytes += cost(&key);
                keys.push(key);
            }
        }
        Lack::Bulk { rank, leaf } => {
            let ranks = context.process(stream.process).map_or(1, |process| process.ranks());
            while bytes < room && keys.len() < BATCH_OPS && *rank < ranks {
                let Some(next) = stream.table.leaf_from(*leaf) else {
                    (*rank, *leaf) = (*rank + 1, 0);
                    continue;
                };
                *leaf = next;
                if stream.table.leaf(*leaf).any(|row| beyond(&row)) {
                    break;
                }
                for row in stream.table.leaf(*leaf) {
                    let wanted = match party {
                        Party::Card(card) => row.audience().contains(card),
                        Party::Unit(_) => true,
                    };
                    if wanted && !row.deleted() && context.rank(stream.process, row.key()) == *rank {
                        bytes += row.weight() as u64;
                        keys.push(Blob::new(row.key()));
                    }
                }
                *leaf += 1;
            }
        }
    }
    keys
}

fn pump_ask(context: &mut Context, epoch: Epoch, stream: &mut Stream, party: Party) {
    let last = stream.issued().seq;
    let Some(feed) = stream.feeds.get_mut(&party) else { return };
    let (sent, session, process) = (Seq(feed.next.0.saturating_sub(1)), feed.session, stream.process);
    let FeedState::Comparing(compare) = &mut feed.state else { return };
    if compare.wants_still() && sent < last {
        return;
    }
    let mut compare = core::mem::take(compare);
    let question = compare.next_question(stream, party, Version { epoch, seq: sent });
    if let Some(feed) = stream.feeds.get_mut(&party) {
        feed.state = FeedState::Comparing(compare);
    }
    if let Some(question) = question {
        send_ask(context, party, Ask { epoch, process, session, question });
    }
}

pub(super) fn send_ask(context: &mut Context, party: Party, ask: Ask) {
    match party {
        Party::Card(card) => context.send_card(card, ToCard::Ask(ask)),
        Party::Unit(unit) => context.send_unit(unit, UnitMessage::Primary(ToStandby::Ask(ask))),
    }
}
