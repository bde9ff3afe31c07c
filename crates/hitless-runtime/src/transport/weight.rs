//! What a message weighs in a queue, without encoding it.

use hitless_proto::message::{
    Answer, ChannelAnswer, FromCard, FromStandby, Message, ToCard, ToStandby, UnitMessage,
};
use hitless_proto::wire::{card_op_most, update_most};

/// What every message weighs at least.
const BASE: usize = 128;
/// What one digest node, nack or leaf entry weighs: its sums, and a key of usual length.
const ITEM: usize = 64;

/// Bytes that `message` holds, roughly: what grows with the number of entries is counted, the rest is a constant.
pub(super) fn weight(message: &Message) -> usize {
    BASE + match message {
        Message::ToCard(message) => to_card(message),
        Message::FromCard(message) => from_card(message),
        Message::Unit(message) => unit(message),
    }
}

fn to_card(message: &ToCard) -> usize {
    match message {
        ToCard::Ops(ops) => ops.ops.iter().map(card_op_most).sum(),
        ToCard::Fill(fill) => fill.entries.iter().map(card_op_most).sum(),
        ToCard::Claim(claim) => claim.received.len() * ITEM,
        ToCard::Start(_) | ToCard::Ask(_) | ToCard::InStep(_) | ToCard::Vote(_) => 0,
    }
}

fn from_card(message: &FromCard) -> usize {
    match message {
        FromCard::Promise(promise) => promise.channels.iter().map(|(_, answer)| channel_answer(answer)).sum(),
        FromCard::Ack(ack) => ack.nacks.len() * 4 * ITEM,
        FromCard::Tell(tell) => answer(&tell.answer),
        FromCard::Report(report) => report.channels.len() * ITEM,
        FromCard::Refused(_) | FromCard::Broken(_) | FromCard::Vote(_) => 0,
    }
}

fn unit(message: &UnitMessage) -> usize {
    match message {
        UnitMessage::Primary(message) => match message {
            ToStandby::Ops(ops) => ops.ops.iter().map(|op| update_most(op)).sum(),
            ToStandby::Fill(fill) => fill.entries.iter().map(update_most).sum(),
            ToStandby::Roster(roster) => roster.in_step.len() * ITEM,
            ToStandby::Relayed(relayed) => relayed.ack.nacks.len() * 4 * ITEM,
            ToStandby::Start(_) | ToStandby::Ask(_) | ToStandby::InStep(_) | ToStandby::HandOver(_) => 0,
        },
        UnitMessage::Standby(message) => match message {
            FromStandby::Tell(tell) => answer(&tell.answer),
            FromStandby::Received { .. } | FromStandby::Broken(_) | FromStandby::Declined(_) => 0,
        },
        UnitMessage::Report(report) => report.positions.len() * ITEM,
        UnitMessage::Vote(_) | UnitMessage::Voted(_) | UnitMessage::Refused(_) => 0,
    }
}

fn channel_answer(answer: &ChannelAnswer) -> usize {
    match answer {
        ChannelAnswer::Known { nacks, orphans, .. } => {
            nacks.len() * 4 * ITEM + orphans.iter().map(card_op_most).sum::<usize>()
        }
        ChannelAnswer::Unknown => 0,
    }
}

fn answer(answer: &Answer) -> usize {
    match answer {
        Answer::Root { .. } => 0,
        Answer::Children(nodes) => nodes.len() * 16 * 16,
        Answer::Leaves(leaves) => {
            let parts = |leaf: &hitless_proto::message::LeafEntry| {
                ITEM + leaf.key.len() + leaf.content.as_ref().map_or(0, |content| content.part.len())
            };
            leaves.iter().flatten().map(parts).sum()
        }
    }
}
