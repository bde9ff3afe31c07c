//! Rules one by one, and a random contest.

use alloc::vec;
use alloc::vec::Vec;

use super::{EXHAUSTED, Proposer, Record, RecoveryWait, Voter, VoterState, recovery_ready};
use crate::ids::{CardId, Epoch, Life, Party, UnitId, Version};
use crate::io::Verdict;
use crate::message::{Ballot, Poll, VoteReply, VoteRequest};

mod contest;
mod rules;

const U1: UnitId = UnitId(1);
const U2: UnitId = UnitId(2);
const U3: UnitId = UnitId(3);

fn ballot(epoch: u32, unit: UnitId) -> Ballot {
    Ballot { epoch: Epoch(epoch), unit }
}

fn record(epoch: u32, version: u32, owner: UnitId, in_sync: &[(UnitId, Life)]) -> Record {
    Record { epoch: Epoch(epoch), version, owner, opened: true, in_sync: in_sync.to_vec() }
}
