//! The batches of ops, fills, leaves and nacks: the part of the format with most to it, behind a head that is right.

use hitless_proto::entry::Cookie;
use hitless_proto::ids::{Epoch, Life, ProcessId, Seq, Version};
use hitless_proto::message::{
    Ack, Answer, CardOps, ChannelAnswer, Fill, FromCard, FromStandby, Message, Promise, Tell, ToCard,
    ToStandby, UnitMessage, UnitOps,
};
use hitless_proto::wire::encode;

use super::messages;
use crate::choices::Choices;

const EPOCH: Epoch = Epoch(7);
const PROCESS: ProcessId = ProcessId(1);
const SESSION: u32 = 3;

/// The first byte chooses the message, the second where its positions begin; the rest is its batch, with its count.
pub fn run(input: &[u8]) {
    messages::BUDGET.watch(input, |input| {
        let mut choices = Choices::new(input);
        let (kind, prev) = (choices.byte(), choices.byte());
        let prev = if prev == 255 { Seq(u64::MAX - 2) } else { Seq(prev.into()) };
        let (empty, tail) = empty(kind, prev);
        let mut body = encode(&empty);
        // An empty batch ends with its count, 0; the codes of an ack, none, follow it.
        body.truncate(body.len() - 1 - tail);
        body.extend_from_slice(choices.rest());
        messages::check(&body);
    });
}

/// A message with an empty batch, and how many bytes follow its count.
fn empty(kind: u8, prev: Seq) -> (Message, usize) {
    let (epoch, process, session, stable) = (EPOCH, PROCESS, SESSION, Seq(0));
    match kind % 7 {
        0 => {
            let ops = CardOps { epoch, process, session, stable, prev, ops: Vec::new() };
            (Message::ToCard(ToCard::Ops(ops)), 0)
        }
        1 => {
            let ops = UnitOps { epoch, process, session, stable, prev, ops: Vec::new() };
            (Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))), 0)
        }
        2 => {
            let fill = Fill { epoch, process, session, entries: Vec::new() };
            (Message::ToCard(ToCard::Fill(fill)), 0)
        }
        3 => {
            let fill = Fill { epoch, process, session, entries: Vec::new() };
            (Message::Unit(UnitMessage::Primary(ToStandby::Fill(fill))), 0)
        }
        4 => {
            let answer = Answer::Leaves(Vec::new());
            let tell = Tell { epoch, process, session, answer };
            (Message::Unit(UnitMessage::Standby(FromStandby::Tell(tell))), 0)
        }
        5 => {
            let (boot, cookie) = (Life(9), Cookie::Key);
            let (nacks, macs) = (Vec::new(), Vec::new());
            let ack = Ack { epoch, process, session, boot, applied: prev, cookie, nacks, consumed: 0, macs };
            (Message::FromCard(FromCard::Ack(ack)), 1)
        }
        _ => {
            let applied = Version { epoch, seq: prev };
            let known = ChannelAnswer::Known { applied, nacks: Vec::new(), orphans: Vec::new() };
            let promise = Promise { epoch, boot: Life(9), channels: vec![(process, known)] };
            (Message::FromCard(FromCard::Promise(promise)), 1)
        }
    }
}
