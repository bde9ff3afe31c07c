//! Digest questions: answered in the channel's order, so that the answer speaks of the state after every op before it.

use alloc::vec::Vec;

use super::channel::Channel;
use crate::digest::children;
use crate::entry::{Blob, CardContent};
use crate::ids::CardId;
use crate::message::{Answer, Ask, LeafEntry, Question, Tell};
use crate::table::Row;

pub(super) fn tell(channel: &Channel, card: CardId, ask: Ask) -> Tell {
    let table = &channel.table;
    let answer = match ask.question {
        Question::Root => Answer::Root { sum: table.card_sum(card, 0, 0), entries: table.entries() },
        Question::Children { level, nodes } => {
            let sum = |level, node| table.card_sum(card, level, node);
            Answer::Children(nodes.into_iter().map(|node| children(level, node, sum)).collect())
        }
        Question::Leaves { leaves, with_parts } => {
            let list = |leaf: u32| -> Vec<LeafEntry> {
                table.leaf(leaf).map(|row| leaf_entry(channel, &row, with_parts)).collect()
            };
            Answer::leaves(leaves.into_iter().map(list))
        }
    };
    Tell { epoch: ask.epoch, process: ask.process, session: ask.session, answer }
}

fn leaf_entry(channel: &Channel, row: &Row<'_>, with_parts: bool) -> LeafEntry {
    let content = if with_parts { row.part() } else { None };
    LeafEntry {
        key: Blob::new(row.key()),
        version: row.version(),
        sum: channel.table.digest().card_sum(row.key(), row.part(), row.failed()),
        failed: row.failed(),
        deleted: row.deleted(),
        content: content.map(|part| CardContent { part: Blob::new(part), for_all: row.for_all() }),
    }
}
