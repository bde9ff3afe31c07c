//! Messages as they were sent, by kind.

use hitless_proto::entry::{CardOp, Update};
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::message::{
    Ack, CardOps, Claim, FromCard, FromStandby, Message, Promise, Question, RelayedAck, ToCard, ToStandby,
    UnitMessage, UnitOps,
};
use hitless_sim::{Sent, World};

/// Everything that was sent since `mark`, which is `world.messages().len()` of then.
pub(crate) fn since(world: &World, mark: usize) -> &[Sent] {
    &world.messages()[mark..]
}

/// What units sent to cards.
pub(crate) fn to_cards(sent: &[Sent]) -> impl Iterator<Item = (UnitId, CardId, &ToCard)> {
    sent.iter().filter_map(|sent| match (sent.from, sent.to, &sent.message) {
        (Party::Unit(unit), Party::Card(card), Message::ToCard(message)) => Some((unit, card, message)),
        _ => None,
    })
}

/// What cards sent to units.
pub(crate) fn from_cards(sent: &[Sent]) -> impl Iterator<Item = (CardId, UnitId, &FromCard)> {
    sent.iter().filter_map(|sent| match (sent.from, sent.to, &sent.message) {
        (Party::Card(card), Party::Unit(unit), Message::FromCard(message)) => Some((card, unit, message)),
        _ => None,
    })
}

/// What primaries sent to standbys.
pub(crate) fn to_standbys(sent: &[Sent]) -> impl Iterator<Item = (UnitId, UnitId, &ToStandby)> {
    sent.iter().filter_map(|sent| match (sent.from, sent.to, &sent.message) {
        (Party::Unit(from), Party::Unit(to), Message::Unit(UnitMessage::Primary(message))) => {
            Some((from, to, message))
        }
        _ => None,
    })
}

/// What standbys sent to primaries.
pub(crate) fn from_standbys(sent: &[Sent]) -> impl Iterator<Item = (UnitId, UnitId, &FromStandby)> {
    sent.iter().filter_map(|sent| match (sent.from, sent.to, &sent.message) {
        (Party::Unit(from), Party::Unit(to), Message::Unit(UnitMessage::Standby(message))) => {
            Some((from, to, message))
        }
        _ => None,
    })
}

/// Batches of ops to cards.
pub(crate) fn card_batches(sent: &[Sent]) -> impl Iterator<Item = (UnitId, CardId, &CardOps)> {
    to_cards(sent).filter_map(|(unit, card, message)| match message {
        ToCard::Ops(ops) => Some((unit, card, ops)),
        _ => None,
    })
}

/// Ops that a unit sent to a card on one channel.
pub(crate) fn ops_to(sent: &[Sent], unit: UnitId, process: ProcessId, card: CardId) -> Vec<&CardOp> {
    let batches =
        card_batches(sent).filter(|(from, to, ops)| (*from, *to, ops.process) == (unit, card, process));
    batches.flat_map(|(_, _, ops)| &ops.ops).collect()
}

/// Batches of updates to standbys.
pub(crate) fn unit_batches(sent: &[Sent]) -> impl Iterator<Item = (UnitId, UnitId, &UnitOps)> {
    to_standbys(sent).filter_map(|(from, to, message)| match message {
        ToStandby::Ops(ops) => Some((from, to, ops)),
        _ => None,
    })
}

/// Updates of one process to one standby.
pub(crate) fn updates_to(sent: &[Sent], unit: UnitId, process: ProcessId) -> Vec<&Update> {
    let batches = unit_batches(sent).filter(|(_, to, ops)| (*to, ops.process) == (unit, process));
    batches.flat_map(|(_, _, ops)| ops.ops.iter().map(|update| &**update)).collect()
}

/// Acks, with whom they come from and go to.
pub(crate) fn acks(sent: &[Sent]) -> impl Iterator<Item = (CardId, UnitId, &Ack)> {
    from_cards(sent).filter_map(|(card, unit, message)| match message {
        FromCard::Ack(ack) => Some((card, unit, ack)),
        _ => None,
    })
}

/// Acks that a primary forwarded.
pub(crate) fn relayed(sent: &[Sent]) -> impl Iterator<Item = (UnitId, UnitId, &RelayedAck)> {
    to_standbys(sent).filter_map(|(from, to, message)| match message {
        ToStandby::Relayed(relayed) => Some((from, to, relayed)),
        _ => None,
    })
}

/// Claims.
pub(crate) fn claims(sent: &[Sent]) -> impl Iterator<Item = (UnitId, CardId, &Claim)> {
    to_cards(sent).filter_map(|(unit, card, message)| match message {
        ToCard::Claim(claim) => Some((unit, card, claim)),
        _ => None,
    })
}

/// Promises.
pub(crate) fn promises(sent: &[Sent]) -> impl Iterator<Item = (CardId, UnitId, &Promise)> {
    from_cards(sent).filter_map(|(card, unit, message)| match message {
        FromCard::Promise(promise) => Some((card, unit, promise)),
        _ => None,
    })
}

/// Which messages brought a follower up to date in one process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Ops.
    pub(crate) ops: usize,
    /// Questions below the root.
    pub(crate) descents: usize,
    /// Entries in fills.
    pub(crate) fills: usize,
}

/// What `party` was sent in `process`.
pub(crate) fn used(sent: &[Sent], party: Party, process: ProcessId) -> Used {
    let mut used = Used::default();
    let below_root = |question: &Question| usize::from(*question != Question::Root);
    for (_, _, message) in to_cards(sent).filter(|(_, card, _)| Party::Card(*card) == party) {
        match message {
            ToCard::Ops(ops) if ops.process == process => used.ops += ops.ops.len(),
            ToCard::Fill(fill) if fill.process == process => used.fills += fill.entries.len(),
            ToCard::Ask(ask) if ask.process == process => used.descents += below_root(&ask.question),
            _ => {}
        }
    }
    for (_, _, message) in to_standbys(sent).filter(|(_, unit, _)| Party::Unit(*unit) == party) {
        match message {
            ToStandby::Ops(ops) if ops.process == process => used.ops += ops.ops.len(),
            ToStandby::Fill(fill) if fill.process == process => used.fills += fill.entries.len(),
            ToStandby::Ask(ask) if ask.process == process => used.descents += below_root(&ask.question),
            _ => {}
        }
    }
    used
}
