//! Reconcile: compare a follower's digest tree with the primary's from the root down, and find what differs.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::stream::Stream;
use crate::digest::{FANOUT, LEAF_LEVEL, Sum};
use crate::entry::Blob;
use crate::ids::{Party, Version};
use crate::limits::{ASK_LEAVES, ASK_NODES};
use crate::message::{Answer, LeafEntry, Question};
use crate::rules::{Rule, holds};

/// One descent through the tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Compare {
    asked: Option<Asked>,
    begun: bool,
    todo: VecDeque<(u8, u32)>,
    leaves: VecDeque<u32>,
    /// Keys that the follower lacks or holds in an older version.
    pub(super) fills: Vec<Blob>,
    /// Keys where it holds something newer that lost, or that should not be there: a new op is needed.
    pub(super) repairs: Vec<Blob>,
    /// Keys of which the follower says that its forwarding table refused them, or that it did not.
    pub(super) refused: Vec<(Blob, bool)>,
}

/// What was asked, and what the answer should be.
#[derive(Clone, Debug)]
enum Asked {
    Root(Sum),
    Children { level: u8, nodes: Vec<u32>, sums: Vec<[Sum; 16]> },
    Leaves { at: Version, leaves: Vec<u32> },
}

/// What an answer led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The answer is not one to what was asked.
    Nonsense,
    /// There is more to ask.
    More,
    /// The roots are equal.
    Equal,
    /// The follower holds nothing, and should.
    Empty,
    /// The descent is over: `fills` and `repairs` say what differs.
    Differences,
}

impl Compare {
    /// The next question is about sums, which must speak of the same ops at both ends.
    pub(super) fn wants_still(&self) -> bool {
        self.asked.is_none() && self.leaves.is_empty()
    }

    /// The next question, if none is out. `sent`: the epoch, and the position up to which ops were sent to the follower.
    pub(super) fn next_question(&mut self, stream: &Stream, party: Party, sent: Version) -> Option<Question> {
        if self.asked.is_some() {
            return None;
        }
        if !self.begun {
            self.begun = true;
            self.asked = Some(Asked::Root(stream.base_sum(party, 0, 0)));
            return Some(Question::Root);
        }
        if !self.leaves.is_empty() && (self.todo.is_empty() || self.leaves.len() >= ASK_LEAVES) {
            let leaves: Vec<u32> = self.leaves.drain(..self.leaves.len().min(ASK_LEAVES)).collect();
            self.asked = Some(Asked::Leaves { at: sent, leaves: leaves.clone() });
            return Some(Question::Leaves { leaves, with_parts: false });
        }
        let level = self.todo.front()?.0;
        let mut nodes = Vec::new();
        while let Some((_, node)) = self.todo.pop_front_if(|(of, _)| *of == level && nodes.len() < ASK_NODES)
        {
            nodes.push(node);
        }
        let children = |node: &u32| {
            core::array::from_fn(|child| stream.base_sum(party, level + 1, node * FANOUT + child as u32))
        };
        let sums = nodes.iter().map(children).collect();
        self.asked = Some(Asked::Children { level, nodes: nodes.clone(), sums });
        Some(Question::Children { level, nodes })
    }

    /// Takes an answer.
    pub(super) fn answered(&mut self, stream: &Stream, party: Party, answer: Answer) -> Found {
        match (self.asked.take(), answer) {
            (Some(Asked::Root(expected)), Answer::Root { sum, entries }) => {
                if sum == expected.plus(stream.failed_sum(party, 0, 0)) || !holds(Rule::Verify) {
                    return Found::Equal;
                }
                // With nothing to hold, what differs can only be what is thought of as refused: the leaves tell.
                if entries == 0 && expected != Sum::ZERO {
                    return Found::Empty;
                }
                self.todo.push_back((0, 0));
            }
            (Some(Asked::Children { level, nodes, sums }), Answer::Children(told)) => {
                if told.len() != nodes.len() {
                    return Found::Nonsense;
                }
                for ((node, expected), told) in nodes.into_iter().zip(sums).zip(told) {
                    self.note_differing(stream, party, (level + 1, node * FANOUT), (&expected, &told));
                }
            }
            (Some(Asked::Leaves { at, leaves }), Answer::Leaves(told)) => {
                if told.is_empty() || told.len() > leaves.len() {
                    return Found::Nonsense;
                }
                // A follower may answer for fewer leaves than asked, so that the answer fits a frame.
                leaves[told.len()..].iter().rev().for_each(|leaf| self.leaves.push_front(*leaf));
                for (leaf, entries) in leaves.into_iter().zip(told) {
                    self.compare_leaf(stream, party, (leaf, at), &entries);
                }
            }
            (None | Some(Asked::Root(_) | Asked::Children { .. } | Asked::Leaves { .. }), _) => {
                return Found::Nonsense;
            }
        }
        if self.todo.is_empty() && self.leaves.is_empty() { Found::Differences } else { Found::More }
    }

    fn note_differing(
        &mut self,
        stream: &Stream,
        party: Party,
        (level, first): (u8, u32),
        sums: (&[Sum; 16], &[Sum; 16]),
    ) {
        for (child, (expected, told)) in sums.0.iter().zip(sums.1).enumerate() {
            let node = first + child as u32;
            if expected.plus(stream.failed_sum(party, level, node)) == *told {
                continue;
            }
            if level == LEAF_LEVEL {
                self.leaves.push_back(node);
            } else {
                self.todo.push_back((level, node));
            }
        }
    }

    fn compare_leaf(
        &mut self,
        stream: &Stream,
        party: Party,
        (leaf, at): (u32, Version),
        told: &[LeafEntry],
    ) {
        for row in stream.table.leaf(leaf).filter(|row| row.version() <= at) {
            let key = Blob::new(row.key());
            let told = told.iter().find(|entry| entry.key == key);
            let failed = told.is_some_and(|entry| entry.failed);
            let expected = stream.row_sum(party, &row, failed);
            match told {
                Some(entry) if entry.sum == expected => self.refused.push((key, failed)),
                Some(entry) if entry.version >= row.version() && matches!(party, Party::Card(_)) => {
                    self.repairs.push(key);
                }
                None if expected == Sum::ZERO => self.refused.push((key, false)),
                Some(_) | None => self.fills.push(key),
            }
        }
        for entry in
            told.iter().filter(|entry| entry.sum != Sum::ZERO && stream.table.row(&entry.key).is_none())
        {
            match party {
                Party::Card(_) if entry.failed && entry.deleted => {
                    self.refused.push((entry.key.clone(), true))
                }
                Party::Card(_) => self.repairs.push(entry.key.clone()),
                Party::Unit(_) => self.fills.push(entry.key.clone()),
            }
        }
        if let Party::Card(card) = party {
            // A refused delete is known of longer than its tombstone is held.
            for key in stream.failures.in_leaf(card, leaf).filter(|key| stream.table.row(key).is_none()) {
                if !told.iter().any(|entry| entry.key == *key && entry.failed) {
                    self.refused.push((key.clone(), false));
                }
            }
        }
    }
}
