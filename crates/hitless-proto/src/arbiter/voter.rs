//! The acceptor: what a voter answers, and what it must have on disk first.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::arbiter::{Record, VoterState};
use crate::ids::{Epoch, Life, UnitId};
use crate::message::{Ballot, Poll, VoteReply, VoteRequest};
use crate::rules::{Rule, holds};

/// A voter. Promises and accepted records only ever rise; an epoch is promised to one unit only.
#[derive(Clone, Debug)]
pub struct Voter {
    state: VoterState,
    /// What is known to be on disk. Kept apart so that a yes which is repeated while the first one is still being
    /// written (or could not be) waits for the disk too.
    saved: VoterState,
    /// The owner of the accepted record asked for another epoch: it is primary no more, whoever is connected with it.
    resigned: bool,
    /// Units that asked while the primary was heard: they are told when it is not any more.
    waiting: BTreeSet<UnitId>,
}

impl Voter {
    /// Goes on with the state that was found on disk.
    #[must_use]
    pub fn new(state: VoterState) -> Self {
        Self { saved: state.clone(), state, resigned: false, waiting: BTreeSet::new() }
    }

    /// What it promised and accepted, durable or not yet.
    #[must_use]
    pub fn state(&self) -> &VoterState {
        &self.state
    }

    /// `state` is durable now.
    pub fn handle_persisted(&mut self, state: VoterState) {
        self.saved = state;
    }

    /// Answers `from`. `hears_primary`: this voter is connected with the owner of its newest accepted record, in the life
    /// in which that owner acts, or is that owner. It holds up ballots without consent, unless that owner has asked itself since it
    /// wrote the record: a unit that asks is not primary.
    ///
    /// With `true`, the reply must not be sent before [`state`](Self::state) is durable.
    pub fn handle(&mut self, from: UnitId, request: &VoteRequest, hears_primary: bool) -> (VoteReply, bool) {
        let asks = !matches!(request, VoteRequest::Write(_));
        self.resigned |= asks && from == self.state.accepted.owner;
        let hears_primary = hears_primary && !self.resigned;
        let reply = match request {
            VoteRequest::Poll => {
                if hears_primary {
                    self.waiting.insert(from);
                }
                self.poll(hears_primary)
            }
            VoteRequest::Ballot { ballot, consented } => {
                self.ballot(from, *ballot, *consented || !hears_primary)
            }
            VoteRequest::Write(record) => self.write(from, record),
        };
        let binding = match &reply {
            VoteReply::Promised { .. } | VoteReply::Accepted { .. } => true,
            VoteReply::Poll(_) | VoteReply::Refused { .. } => false,
        };
        (reply, binding && self.state != self.saved && holds(Rule::DurableVote))
    }

    /// The link with `unit` in this life is gone. If that was the primary: what those are told that were denied for its sake.
    pub fn handle_lost(&mut self, unit: UnitId, life: Life) -> Vec<(UnitId, VoteReply)> {
        if self.state.accepted.owner_life() != Some((unit, life)) {
            return Vec::new();
        }
        let waiting = core::mem::take(&mut self.waiting);
        waiting.into_iter().map(|unit| (unit, self.poll(false))).collect()
    }

    fn poll(&self, hears_primary: bool) -> VoteReply {
        let VoterState { promised, accepted } = self.state.clone();
        VoteReply::Poll(Poll { hears_primary, promised, accepted })
    }

    fn ballot(&mut self, from: UnitId, ballot: Ballot, free: bool) -> VoteReply {
        let again = ballot == self.state.promised;
        if ballot.unit != from || !self.admissible(ballot) || !(free || again) {
            return self.refused(ballot.epoch);
        }
        self.state.promised = ballot;
        VoteReply::Promised { ballot, accepted: self.state.accepted.clone() }
    }

    fn write(&mut self, from: UnitId, record: &Record) -> VoteReply {
        let ballot = Ballot { epoch: record.epoch, unit: record.owner };
        if ballot.unit != from || (!self.admissible(ballot) && holds(Rule::Superseded)) {
            return self.refused(ballot.epoch);
        }
        if record.order() > self.state.accepted.order() {
            self.state.promised = ballot;
            self.state.accepted = record.clone();
            self.resigned = false;
            self.waiting.clear();
        } else if record.order() == self.state.accepted.order() && *record != self.state.accepted {
            return self.refused(ballot.epoch);
        }
        // A lower version is a write of the same owner that was overtaken: what it is told is the version that stands.
        let (epoch, version) = self.state.accepted.order();
        VoteReply::Accepted { epoch, version }
    }

    /// Above the promise, or the very ballot that was promised; never the same epoch for a second unit.
    fn admissible(&self, ballot: Ballot) -> bool {
        let promised = self.state.promised;
        let again = ballot == promised || (ballot.epoch == promised.epoch && !holds(Rule::OneUnitPerEpoch));
        ballot.epoch > promised.epoch || (again && ballot.epoch > Epoch(0))
    }

    fn refused(&self, epoch: Epoch) -> VoteReply {
        VoteReply::Refused { promised: self.state.promised, epoch }
    }
}
