//! Catching up, towards cards and standbys.

use alloc::vec::Vec;

use super::WireError;
use super::batch::{
    Before, DELETE, EPOCH, Flags, Member, PART, SEQ, put_batch, put_version, take_batch, take_flags,
    take_op_key, take_version,
};
use super::codec::{Codec, Input, fields, put_ascending, put_key, put_list, put_varint};
use super::op::{put_part, take_part};
use crate::digest::Sum;
use crate::entry::CardContent;
use crate::ids::{Epoch, ProcessId, Seq, Version};
use crate::limits::{ASK_LEAVES, ASK_NODES, BATCH_OPS, MAX_FRAME};
use crate::message::{Answer, Ask, Broken, Fill, InStep, LeafEntry, Question, Refused, Start, Tell};

/// Of a leaf's entry: its content follows.
const CONTENT: u8 = 0x10;
/// Of a leaf's entry: it is for all cards.
const FOR_ALL: u8 = 0x20;
/// Of a leaf's entry: the forwarding table refused it.
const FAILED: u8 = 0x40;

fields!(Start { epoch, process, session, base, keep });
fields!(InStep { epoch, process, session });
fields!(Ask { epoch, process, session, question });
fields!(Tell { epoch, process, session, answer });
fields!(Broken { epoch, process, session, at });
fields!(Refused { promised, owner });

impl<E: Member> Codec for Fill<E> {
    fn put(&self, out: &mut Vec<u8>) {
        self.epoch.put(out);
        self.process.put(out);
        self.session.put(out);
        put_batch::<E, E>(&self.entries, Version { epoch: self.epoch, seq: Seq(0) }, out);
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let epoch = Epoch::take(input)?;
        let process = ProcessId::take(input)?;
        let session = u32::take(input)?;
        let entries =
            take_batch::<E, E>("entries of a fill", BATCH_OPS, Version { epoch, seq: Seq(0) }, input)?;
        Ok(Self { epoch, process, session, entries })
    }
}

impl Codec for Question {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Root => out.push(0),
            Self::Children { level, nodes } => {
                out.extend_from_slice(&[1, *level]);
                put_ascending(nodes.iter().copied(), out);
            }
            Self::Leaves { leaves, with_parts } => {
                out.push(2);
                with_parts.put(out);
                put_ascending(leaves.iter().copied(), out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        match input.byte("question")? {
            0 => Ok(Self::Root),
            1 => {
                let level = input.byte("level")?;
                Ok(Self::Children { level, nodes: input.ascending("nodes", ASK_NODES)? })
            }
            2 => {
                let with_parts = bool::take(input)?;
                Ok(Self::Leaves { leaves: input.ascending("leaves", ASK_LEAVES)?, with_parts })
            }
            tag => Err(WireError::UnknownTag { what: "question", at, tag }),
        }
    }
}

impl Codec for Answer {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Root { sum, entries } => {
                out.push(0);
                sum.put(out);
                entries.put(out);
            }
            Self::Children(nodes) => {
                out.push(1);
                put_list(nodes, out);
            }
            Self::Leaves(leaves) => {
                out.push(2);
                put_varint(leaves.len() as u64, out);
                for leaf in leaves {
                    put_batch::<LeafEntry, LeafEntry>(leaf, Version::ZERO, out);
                }
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        match input.byte("answer")? {
            0 => Ok(Self::Root { sum: Codec::take(input)?, entries: Codec::take(input)? }),
            1 => input.list("nodes told", ASK_NODES).map(Self::Children),
            2 => {
                let count = input.count("leaves told", ASK_LEAVES, 1)?;
                let mut leaves = Vec::with_capacity(count);
                for _ in 0..count {
                    // A leaf has no limit of its own: hashing bounds it in practice, the frame in any case.
                    leaves.push(take_batch::<LeafEntry, LeafEntry>(
                        "entries of a leaf",
                        MAX_FRAME,
                        Version::ZERO,
                        input,
                    )?);
                }
                Ok(Self::Leaves(leaves))
            }
            tag => Err(WireError::UnknownTag { what: "answer", at, tag }),
        }
    }
}

impl Codec for [Sum; 16] {
    const LEAST: usize = 16 * 16;

    fn put(&self, out: &mut Vec<u8>) {
        for sum in self {
            sum.put(out);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let mut sums = Self::default();
        for sum in &mut sums {
            *sum = Codec::take(input)?;
        }
        Ok(sums)
    }
}

impl Member for LeafEntry {
    const LEAST: usize = 2 + Sum::LEAST;

    fn version(&self) -> Version {
        self.version
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn has_content(&self) -> bool {
        self.content.is_some()
    }

    fn put_after(&self, before: &Before<'_, Self>, out: &mut Vec<u8>) {
        let mut flags = Flags::open(out);
        put_version(self.version, before.version(), &mut flags, out);
        put_key(&self.key, before.key(), out);
        self.sum.put(out);
        for (set, flag) in [(self.deleted, DELETE), (self.failed, FAILED), (self.content.is_some(), CONTENT)]
        {
            if set {
                flags.set(flag);
            }
        }
        if let Some(content) = &self.content {
            if content.for_all {
                flags.set(FOR_ALL);
            }
            put_part(&content.part, part(before), &mut flags, out);
        }
        flags.close(out);
    }

    fn take_after(before: &Before<'_, Self>, input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        let flags = take_flags(DELETE | SEQ | EPOCH | PART | CONTENT | FOR_ALL | FAILED, input)?;
        let (deleted, has_content) = (flags & DELETE != 0, flags & CONTENT != 0);
        if (deleted && has_content) || (!has_content && flags & (PART | FOR_ALL) != 0) {
            return Err(WireError::UnknownTag { what: "flags of a leaf's entry", at, tag: flags });
        }
        let version = take_version(flags, before.version(), input)?;
        let key = take_op_key(before.key(), input)?;
        let sum = Sum::take(input)?;
        let content = if has_content {
            let part = take_part(flags, part(before), input)?.into();
            Some(CardContent { part, for_all: flags & FOR_ALL != 0 })
        } else {
            None
        };
        Ok(Self { key, version, sum, failed: flags & FAILED != 0, deleted, content })
    }
}

fn part<'a>(before: &Before<'a, LeafEntry>) -> &'a [u8] {
    before.put.and_then(|put| put.content.as_ref()).map_or(&[], |content| &content.part)
}
