//! Messages between a control unit and a card.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Ask, Broken, Fill, InStep, Refused, Start, Tell, VoteReply, VoteRequest};
use crate::entry::{CardOp, Cookie};
use crate::ids::{Epoch, Life, ProcessId, Seq, UnitId, Version};

/// Control unit to card.
#[derive(Clone, Debug, PartialEq)]
pub enum ToCard {
    /// Fence and ack-retransmission request in one (claims 4, 17, 30, 35, 41).
    Claim(Claim),
    /// A channel begins.
    Start(Start),
    /// Ops, in order.
    Ops(CardOps),
    /// Entries that the card lacks.
    Fill(Fill<CardOp>),
    /// A digest question.
    Ask(Ask),
    /// The channel is in step.
    InStep(InStep),
    /// To the card as a voter.
    Vote(VoteRequest),
}

/// Card to control unit.
#[derive(Clone, Debug, PartialEq)]
pub enum FromCard {
    /// First message of every connection.
    Report(CardReport),
    /// Answer to a claim.
    Promise(Promise),
    /// The sender's epoch is below the promise.
    Refused(Refused),
    /// What the forwarding table did with ops.
    Ack(Ack),
    /// Digest answer.
    Tell(Tell),
    /// A channel must begin again.
    Broken(Broken),
    /// From the card as a voter.
    Vote(VoteReply),
}

/// `Claim(epoch)` to one card, for all its channels: from the promise on it refuses every older epoch, and it says
/// again which ops it applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The epoch the claimant was granted.
    pub epoch: Epoch,
    /// The claimant.
    pub unit: UnitId,
    /// Per process, the last op the claimant received.
    pub received: Vec<(ProcessId, Version)>,
}

/// What a card promises, and what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The epoch that was claimed.
    pub epoch: Epoch,
    /// The card's life; a claimant that knew another trusts nothing it stored before.
    pub boot: Life,
    /// One answer for each process the card serves.
    pub channels: Vec<(ProcessId, ChannelAnswer)>,
}

/// The retransmitted acks of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelAnswer {
    /// The channel was in step and its history is whole: every op on it up to `applied` was processed, none after.
    Known {
        /// The last op that was processed.
        applied: Version,
        /// Ops at or below `applied`, above stable, that the forwarding table refused.
        nacks: Vec<Nack>,
        /// Ops above what the claimant has received, with the entry as the card holds it: *orphans*.
        orphans: Vec<CardOp>,
    },
    /// Nothing is known for certain (restarted, being synced, history cut): reconcile. Never said as "not seen".
    Unknown,
}

/// A batch of ops on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardOps {
    /// The primary's epoch.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it belongs to.
    pub session: u32,
    /// Every in-sync standby has received, and every card in step has applied, all ops up to here.
    pub stable: Seq,
    /// Position of the previous op on this channel: the first op's predecessor, so that a hole is seen.
    pub prev: Seq,
    /// The ops, ascending; within the batch each is the next one's predecessor.
    pub ops: Vec<CardOp>,
}

/// An op that the forwarding table refused. A normal answer, not an error of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The op.
    pub version: Version,
    /// Its cookie, echoed.
    pub cookie: Cookie,
    /// Its key.
    pub key: crate::entry::Blob,
    /// Why, at most `MAX_REASON` bytes.
    pub reason: String,
}

/// Cumulative ack of one channel: *in the forwarding table*, never mere receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Epoch of the channel.
    pub epoch: Epoch,
    /// The process.
    pub process: ProcessId,
    /// The beginning it belongs to.
    pub session: u32,
    /// The card's life.
    pub boot: Life,
    /// Every op on the channel up to here was processed.
    pub applied: Seq,
    /// Cookie of the op `applied`, echoed.
    pub cookie: Cookie,
    /// The exceptions since the last ack.
    pub nacks: Vec<Nack>,
    /// Flow control: bytes, by `wire::card_op_most`, consumed since the beginning of the channel.
    pub consumed: u64,
    /// With relayed acks: one code per other control unit, under the key the card gave that unit directly, so that a
    /// primary can delay an ack but not forge it.
    pub macs: Vec<AckMac>,
}

/// Proof for one control unit that an ack is the card's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckMac {
    /// For whom.
    pub unit: UnitId,
    /// SipHash-2-4-128 over the ack's bytes without its codes.
    pub code: u128,
}

/// What a card says of itself at the start of every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardReport {
    /// Its life.
    pub boot: Life,
    /// The epoch it promised last (0: none).
    pub promised: Epoch,
    /// To whom.
    pub owner: UnitId,
    /// Key of the codes in relayed acks, drawn by the card for this unit.
    pub ack_key: u128,
    /// Its channels.
    pub channels: Vec<ChannelReport>,
}

/// One channel in a [`CardReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelReport {
    /// The process.
    pub process: ProcessId,
    /// Every op up to here is in the forwarding table, or was refused by it; zero where that was never proved of this life. It
    /// dates what the card found in its table when it started, and has held since without a version.
    pub proved: Version,
    /// Entries held.
    pub entries: u64,
}
