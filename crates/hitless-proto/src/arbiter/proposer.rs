//! A control unit's side towards the voters: claims an epoch, and changes the record of the epoch it owns.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::arbiter::{EXHAUSTED, Record};
use crate::ids::{Epoch, Life, Party, UnitId};
use crate::io::Verdict;
use crate::message::{Ballot, VoteReply, VoteRequest};
use crate::rules::{Rule, holds};

/// Drives one claim or one write at a time to its [`Verdict`].
///
/// ```text
///          campaign            majority: no primary heard,       majority          majority
///   Idle ----------> Polling ---- and the record admits ----> Balloting -> Claiming -> Idle: Granted
///     |  write                                                             (writes the claim)
///     +----------------------------------------------------------------> Writing ---> Idle: Written
/// ```
/// Calls: `handle_*` for the world, `campaign`, `write` and `abandon` for the owner; after each of them take all of
/// `poll_request` and `poll_verdict`. Requests to the unit itself come out like all others, to be looped back.
///
/// No epoch is used twice in one life, and a new life cannot repeat an epoch in which the former one wrote: a
/// majority had promised it, and every poll hears of that. So one `(epoch, version)` has one content for ever.
#[derive(Clone, Debug)]
pub struct Proposer {
    unit: UnitId,
    life: Life,
    voters: Vec<Party>,
    connected: BTreeSet<Party>,
    work: Work,
    /// Voters that said yes to what is under way.
    yes: BTreeSet<Party>,
    /// Voters that said no to it.
    no: BTreeSet<Party>,
    /// The highest ballot that stood against it.
    against: Ballot,
    /// The newest record heard of. A claim builds on it: at least as new as any record among its majority's promises, and
    /// one that an owner below the ballot did propose, so all that was ever written is in it. As it never goes back,
    /// a recovering unit that judged it finds the same one again, whichever majority answers first.
    newest: Record,
    /// The highest epoch asked for in this life.
    used: Epoch,
    /// The last record sent out in the epoch this unit was granted; its epoch is the only one it may write in.
    own: Option<Record>,
    /// Voters that said last that they hear a primary.
    hearing: BTreeSet<Party>,
    /// One of them does not hear it any more, and no poll under way counts that.
    freed: bool,
    requests: VecDeque<(Party, VoteRequest)>,
    verdict: Option<Verdict>,
}

/// What is under way.
#[derive(Clone, Debug)]
enum Work {
    Idle,
    /// `highest` epoch that was promised, among the answers.
    Polling {
        terms: Terms,
        highest: Epoch,
    },
    Balloting {
        terms: Terms,
        ballot: Ballot,
    },
    /// The claim is being written.
    Claiming(Record),
    /// An owner changes its record.
    Writing(Record),
}

/// On what terms a campaign is run.
#[derive(Clone, Debug)]
struct Terms {
    consented: bool,
    judged: Option<Record>,
}

impl Proposer {
    /// For `unit` in this `life`; at most `MAX_VOTERS` voters, each named once.
    #[must_use]
    pub fn new(unit: UnitId, life: Life, voters: Vec<Party>) -> Self {
        Self {
            unit,
            life,
            voters,
            connected: BTreeSet::new(),
            work: Work::Idle,
            yes: BTreeSet::new(),
            no: BTreeSet::new(),
            against: Ballot::default(),
            newest: Record::default(),
            used: Epoch(0),
            own: None,
            hearing: BTreeSet::new(),
            freed: false,
            requests: VecDeque::new(),
            verdict: None,
        }
    }

    /// Whether nothing is under way and no verdict waits to be taken.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.work, Work::Idle) && self.verdict.is_none()
    }

    /// The newest record that any voter told of.
    #[must_use]
    pub fn newest(&self) -> &Record {
        &self.newest
    }

    /// Claims the next epoch; ends in `Granted`, `Denied` or `Unavailable`. `consented`: the primary or the operator
    /// asked for it. `judged`: the record against which this unit found that it may recover (see
    /// [`recovery_ready`](crate::arbiter::recovery_ready)). `false`: something else is under way, nothing was begun.
    pub fn campaign(&mut self, consented: bool, judged: Option<Record>) -> bool {
        if !self.is_idle() {
            return false;
        }
        self.freed = false;
        let terms = Terms { consented, judged };
        self.begin(Work::Polling { terms, highest: self.used });
        true
    }

    /// Changes the record of the epoch this unit owns; ends in `Written`, `Superseded` or `Unavailable`, and waits for
    /// voters to come back meanwhile. The record in `Written` is the one to go on from: its version is raised where an
    /// abandoned write had used it up. `false`: something else is under way, nothing was begun.
    pub fn write(&mut self, record: Record) -> bool {
        if !self.is_idle() {
            return false;
        }
        let Some(own) =
            self.own.as_ref().filter(|own| (own.epoch, own.owner) == (record.epoch, record.owner))
        else {
            self.verdict = Some(Verdict::Superseded(self.newest.clone()));
            return true;
        };
        let mut record = record;
        if record != *own && record.version <= own.version {
            record.version = own.version.saturating_add(1);
        }
        self.own = Some(record.clone());
        self.begin(Work::Writing(record));
        true
    }

    /// Gives up what is under way, without a verdict. It may yet come true at the voters: a later campaign finds it.
    pub fn abandon(&mut self) {
        self.work = Work::Idle;
        self.requests.clear();
        self.verdict = None;
    }

    /// A link to `peer` is up: it is asked (again) what is outstanding.
    pub fn handle_connected(&mut self, peer: Party) {
        if !self.voters.contains(&peer) {
            return;
        }
        self.connected.insert(peer);
        if !self.yes.contains(&peer) {
            self.no.remove(&peer);
            self.ask(peer);
        }
    }

    /// The link to `peer` is closed: requests and replies on it are lost, its answers so far stand.
    pub fn handle_lost(&mut self, peer: Party) {
        self.connected.remove(&peer);
        self.hearing.remove(&peer);
        if peer != Party::Unit(self.unit) {
            self.requests.retain(|(to, _)| *to != peer);
        }
        self.settle();
    }

    /// A voter answers. Answers to anything but what is under way are hints at most.
    pub fn handle_reply(&mut self, from: Party, reply: &VoteReply) {
        if !self.voters.contains(&from) {
            return;
        }
        match reply {
            VoteReply::Poll(poll) => {
                self.note(&poll.accepted);
                self.note_hearing(from, poll.hears_primary);
            }
            VoteReply::Promised { accepted, .. } => self.note(accepted),
            VoteReply::Accepted { .. } | VoteReply::Refused { .. } => {}
        }
        match self.judge(reply) {
            Some(true) => {
                self.no.remove(&from);
                self.yes.insert(from);
            }
            Some(false) if !self.yes.contains(&from) => {
                self.no.insert(from);
            }
            Some(false) | None => return,
        }
        self.settle();
    }

    /// The next request to send.
    pub fn poll_request(&mut self) -> Option<(Party, VoteRequest)> {
        self.requests.pop_front()
    }

    /// How what was under way has ended.
    pub fn poll_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    fn note_hearing(&mut self, from: Party, hears_primary: bool) {
        if hears_primary {
            self.hearing.insert(from);
        } else if self.hearing.remove(&from) {
            self.freed |= !matches!(self.work, Work::Polling { .. });
        }
    }

    /// Whether a voter that heard a primary has lost it since this was asked: a campaign that was denied may be granted now.
    pub fn take_freed(&mut self) -> bool {
        core::mem::take(&mut self.freed)
    }

    /// What a reply means for what is under way, and takes in what it tells: yes, no, or nothing.
    fn judge(&mut self, reply: &VoteReply) -> Option<bool> {
        match (&mut self.work, reply) {
            (Work::Polling { terms, highest }, VoteReply::Poll(poll)) => {
                *highest = poll.promised.epoch.max(*highest);
                Some(terms.consented || !poll.hears_primary)
            }
            (Work::Balloting { ballot, .. }, VoteReply::Promised { ballot: promised, .. }) => {
                (ballot == promised).then_some(true)
            }
            (Work::Balloting { ballot, .. }, VoteReply::Refused { promised, epoch }) => {
                (ballot.epoch == *epoch).then(|| {
                    self.against = self.against.max(*promised);
                    false
                })
            }
            (Work::Claiming(record) | Work::Writing(record), VoteReply::Accepted { epoch, version }) => {
                (record.order() == (*epoch, *version)).then_some(true)
            }
            (Work::Claiming(record) | Work::Writing(record), VoteReply::Refused { promised, epoch }) => {
                // A lower promise refused the ballot, earlier: a write would have raised it.
                (record.epoch == *epoch && promised.epoch >= *epoch).then(|| {
                    self.against = self.against.max(*promised);
                    false
                })
            }
            (
                Work::Idle
                | Work::Polling { .. }
                | Work::Balloting { .. }
                | Work::Claiming(_)
                | Work::Writing(_),
                VoteReply::Poll(_)
                | VoteReply::Promised { .. }
                | VoteReply::Accepted { .. }
                | VoteReply::Refused { .. },
            ) => None,
        }
    }

    fn begin(&mut self, work: Work) {
        self.work = work;
        self.yes.clear();
        self.no.clear();
        self.against = Ballot::default();
        self.requests.clear();
        for voter in self.voters.clone() {
            self.ask(voter);
        }
        self.settle();
    }

    fn ask(&mut self, voter: Party) {
        let request = match &self.work {
            Work::Idle => return,
            Work::Polling { .. } => VoteRequest::Poll,
            Work::Balloting { ballot, terms, .. } => {
                VoteRequest::Ballot { ballot: *ballot, consented: terms.consented }
            }
            Work::Claiming(record) | Work::Writing(record) => VoteRequest::Write(record.clone()),
        };
        if self.is_reachable(voter) {
            self.requests.push_back((voter, request));
        }
    }

    /// Takes the next step once a majority said yes, and ends once none can.
    fn settle(&mut self) {
        if matches!(self.work, Work::Idle) {
            return;
        }
        if self.yes.len() >= self.majority() {
            self.advance();
        } else if self.attainable() < self.majority() {
            self.give_up();
        }
    }

    fn advance(&mut self) {
        match core::mem::replace(&mut self.work, Work::Idle) {
            Work::Idle => {}
            Work::Polling { terms, highest } => match highest.max(self.newest.epoch).next() {
                // Asked before the ballot, so that a unit which may not claim does not fence the one that may.
                Some(epoch) if self.may_claim(&terms) => {
                    self.used = epoch;
                    let ballot = Ballot { epoch, unit: self.unit };
                    self.begin(Work::Balloting { terms, ballot });
                }
                Some(_) => self.finish(Verdict::Denied(self.newest.clone())),
                // Not `Denied`: a unit that may recover would ask again at once, for ever.
                None => self.finish(Verdict::Unavailable(String::from(EXHAUSTED))),
            },
            Work::Balloting { terms, ballot } => {
                // A record from above the ballot can only be somebody else's claim.
                if self.newest.epoch < ballot.epoch && self.may_claim(&terms) {
                    self.begin(Work::Claiming(self.newest.claimed_by(self.unit, ballot.epoch)));
                } else {
                    self.finish(Verdict::Denied(self.newest.clone()));
                }
            }
            Work::Claiming(record) => {
                self.own = Some(record.clone());
                self.finish(Verdict::Granted(record));
            }
            Work::Writing(record) => self.finish(Verdict::Written(record)),
        }
    }

    /// The voters that said yes and those that still can are fewer than a majority.
    fn give_up(&mut self) {
        let reachable =
            self.voters.iter().filter(|&&voter| self.is_reachable(voter) || self.no.contains(&voter));
        let enough = reachable.count() >= self.majority();
        match &self.work {
            Work::Idle => {}
            Work::Polling { .. } | Work::Balloting { .. } | Work::Claiming(_) if enough => {
                self.finish(Verdict::Denied(self.newest.clone()));
            }
            Work::Polling { .. } | Work::Balloting { .. } | Work::Claiming(_) => {
                self.finish(Verdict::Unavailable(self.shortage()));
            }
            Work::Writing(record) => {
                if self.against.epoch > record.epoch {
                    self.finish(Verdict::Superseded(self.newest.clone()));
                } else if self.voters.len() - self.no.len() < self.majority() {
                    let text =
                        format!("{} of {} voters refused the record", self.no.len(), self.voters.len());
                    self.finish(Verdict::Unavailable(text));
                }
            }
        }
    }

    fn finish(&mut self, verdict: Verdict) {
        self.work = Work::Idle;
        self.requests.clear();
        match &verdict {
            Verdict::Granted(record) | Verdict::Written(record) => self.note(&record.clone()),
            Verdict::Denied(_) | Verdict::Superseded(_) | Verdict::Unavailable(_) => {}
        }
        self.verdict = Some(verdict);
    }

    /// Whether the newest record lets this unit claim: it is in the in-sync set, or found that it may recover from exactly this
    /// record, or no epoch was ever opened, so that there is no completed op to lose.
    fn may_claim(&self, terms: &Terms) -> bool {
        let record = &self.newest;
        let never_opened = record.in_sync.is_empty() && !record.opened;
        let recovers = terms
            .judged
            .as_ref()
            .is_some_and(|judged| judged.order() == record.order() && judged.in_sync == record.in_sync);
        record.admits(self.unit, self.life) || never_opened || recovers
    }

    fn majority(&self) -> usize {
        if holds(Rule::Majority) { self.voters.len() / 2 + 1 } else { self.voters.len() / 2 }
    }

    /// Voters that said yes, or may yet say so without a reconnect.
    fn attainable(&self) -> usize {
        let open = |voter: &&Party| !self.no.contains(*voter) && self.is_reachable(**voter);
        self.voters.iter().filter(|voter| self.yes.contains(*voter) || open(voter)).count()
    }

    fn is_reachable(&self, voter: Party) -> bool {
        voter == Party::Unit(self.unit) || self.connected.contains(&voter)
    }

    fn note(&mut self, record: &Record) {
        if record.order() > self.newest.order() || !holds(Rule::NewestRecord) {
            self.newest.clone_from(record);
        }
    }

    /// Why no majority can be had, for the operator.
    fn shortage(&self) -> String {
        let mut text =
            format!("{} of {} voters are needed; not connected:", self.majority(), self.voters.len());
        for voter in self.voters.iter().filter(|&&voter| !self.is_reachable(voter)) {
            text.push_str(&format!(" {voter}"));
        }
        text
    }
}
