//! Seeded contest: claimants, owners and voters over a network that loses, repeats, delays and reorders, with restarts
//! on either side. Safety only; a broken voter of every kind must be found.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::*;

/// How a voter of the contest is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    None,
    ForgetsPromise,
    AnswersBeforeDisk,
    TakesOlderWrites,
    PromisesEpochTwice,
    TakesWritesBelowPromise,
}

struct Rng(u64);

impl Rng {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 33) as usize) % below
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.next(100) < percent
    }
}

struct Seat {
    voter: Voter,
    disk: VoterState,
    /// Replies that wait for the disk, with the state that must be on it.
    waiting: Vec<(VoterState, Envelope<VoteReply>)>,
}

#[derive(Clone)]
struct Envelope<T> {
    unit: usize,
    life: Life,
    voter: usize,
    body: T,
}

struct Claimant {
    proposer: Proposer,
    life: Life,
    owns: Option<Record>,
    /// The record it judged for the campaign under way.
    judged: Option<Record>,
}

struct Contest {
    rng: Rng,
    mutant: Mutant,
    seats: Vec<Seat>,
    units: Vec<Claimant>,
    requests: Vec<Envelope<VoteRequest>>,
    replies: Vec<Envelope<VoteReply>>,
    lives: u64,
    /// No more faults: what is sent arrives, once.
    healed: bool,
    /// Which write brought an in-sync set into the world: every set is unique.
    origin: BTreeMap<Vec<(UnitId, Life)>, (Epoch, u32)>,
    granted: BTreeMap<Epoch, Record>,
    written: Vec<(Epoch, u32)>,
}

const TAG: UnitId = UnitId(200);

fn unit_id(unit: usize) -> UnitId {
    UnitId(unit as u8 + 1)
}

fn parties(voters: usize) -> Vec<Party> {
    (0..voters).map(|voter| Party::Card(CardId(voter as u16))).collect()
}

impl Contest {
    fn new(seed: u64, mutant: Mutant) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (voters, units) = ([1, 3, 3, 4, 5][rng.next(5)], 2 + rng.next(2));
        let seat = || Seat {
            voter: Voter::new(VoterState::default()),
            disk: VoterState::default(),
            waiting: vec![],
        };
        let mut contest = Self {
            rng,
            mutant,
            seats: (0..voters).map(|_| seat()).collect(),
            units: vec![],
            requests: vec![],
            replies: vec![],
            lives: 0,
            healed: false,
            origin: BTreeMap::from([(vec![], (Epoch(0), 0))]),
            granted: BTreeMap::new(),
            written: vec![],
        };
        for unit in 0..units {
            let claimant = contest.born(unit);
            contest.units.push(claimant);
        }
        contest
    }

    fn born(&mut self, unit: usize) -> Claimant {
        self.lives += 1;
        let (life, parties) = (Life(self.lives), parties(self.seats.len()));
        let mut proposer = Proposer::new(unit_id(unit), life, parties.clone());
        for party in parties {
            proposer.handle_connected(party);
        }
        Claimant { proposer, life, owns: None, judged: None }
    }

    fn run(&mut self, steps: usize) -> Result<(), String> {
        for _ in 0..steps {
            self.step();
            for unit in 0..self.units.len() {
                self.collect(unit)?;
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        let (unit, voter) = (self.rng.next(self.units.len()), self.rng.next(self.seats.len()));
        match self.rng.next(100) {
            0..40 => self.deliver_request(),
            40..70 => self.deliver_reply(),
            70..84 => self.flush(voter),
            84..92 => self.act(unit),
            92 => self.units[unit].proposer.abandon(),
            93..96 => {
                let party = Party::Card(CardId(voter as u16));
                self.units[unit].proposer.handle_lost(party);
                self.units[unit].proposer.handle_connected(party);
            }
            96 | 97 => self.restart_voter(voter),
            98 if self.rng.chance(30) => self.units[unit] = self.born(unit),
            _ => {
                // Lost for good.
                if !self.requests.is_empty() {
                    let lost = self.rng.next(self.requests.len());
                    self.requests.swap_remove(lost);
                }
            }
        }
    }

    /// An owner changes its record, anyone else campaigns, whatever it believes of the others.
    fn act(&mut self, unit: usize) {
        let Some(own) = self.units[unit].owns.clone() else {
            let consented = self.rng.chance(50);
            let judged = self.rng.chance(10).then(|| self.units[unit].proposer.newest().clone());
            if self.units[unit].proposer.campaign(consented, judged.clone()) {
                self.units[unit].judged = judged;
            }
            return;
        };
        if self.rng.chance(10) {
            self.units[unit].owns = None;
            return;
        }
        self.lives += 1;
        let mut in_sync = vec![(TAG, Life(self.lives))];
        for (other, claimant) in self.units.iter().enumerate() {
            if other == unit || self.rng.chance(70) {
                in_sync.push((unit_id(other), claimant.life));
            }
        }
        self.units[unit].proposer.write(own.changed(true, in_sync));
    }

    fn deliver_request(&mut self) {
        if self.requests.is_empty() {
            return;
        }
        let index = self.rng.next(self.requests.len());
        let Envelope { unit, life, voter, body } = match !self.healed && self.rng.chance(10) {
            true => self.requests[index].clone(),
            false => self.requests.swap_remove(index),
        };
        self.sabotage(voter, &body);
        let hears = !self.healed && self.rng.chance(20);
        let seat = &mut self.seats[voter];
        let (reply, must_persist) = seat.voter.handle(unit_id(unit), &body, hears);
        let reply = Envelope { unit, life, voter, body: reply };
        if must_persist && self.mutant != Mutant::AnswersBeforeDisk {
            let state = seat.voter.state().clone();
            seat.waiting.push((state, reply));
        } else {
            self.replies.push(reply);
        }
    }

    fn sabotage(&mut self, voter: usize, request: &VoteRequest) {
        let seat = &mut self.seats[voter];
        let mut state = seat.voter.state().clone();
        match (self.mutant, request) {
            (Mutant::TakesOlderWrites, VoteRequest::Write(record))
                if state.promised == ballot(record.epoch.0, record.owner) =>
            {
                state.accepted = record.clone();
            }
            (Mutant::PromisesEpochTwice, VoteRequest::Ballot { ballot, .. })
                if ballot.epoch == state.promised.epoch =>
            {
                state.promised.epoch = Epoch(ballot.epoch.0.saturating_sub(1));
            }
            (Mutant::TakesWritesBelowPromise, VoteRequest::Write(record))
                if record.order() > state.accepted.order() =>
            {
                state.promised = ballot(record.epoch.0, record.owner);
            }
            _ => return,
        }
        seat.voter = Voter::new(state);
    }

    fn deliver_reply(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        let index = self.rng.next(self.replies.len());
        let Envelope { unit, life, voter, body } = self.replies.swap_remove(index);
        // A reply travels on the link of the life that asked.
        if life == self.units[unit].life && (self.healed || !self.rng.chance(10)) {
            self.units[unit].proposer.handle_reply(Party::Card(CardId(voter as u16)), &body);
        }
    }

    /// The disk has written all that was asked of it.
    fn flush(&mut self, voter: usize) {
        let seat = &mut self.seats[voter];
        seat.disk = seat.voter.state().clone();
        for (state, reply) in seat.waiting.drain(..) {
            seat.voter.handle_persisted(state);
            self.replies.push(reply);
        }
    }

    fn restart_voter(&mut self, voter: usize) {
        let seat = &mut self.seats[voter];
        if self.mutant == Mutant::ForgetsPromise {
            seat.disk.promised = Ballot::default();
        }
        seat.waiting.clear();
        seat.voter = Voter::new(seat.disk.clone());
    }

    fn collect(&mut self, unit: usize) -> Result<(), String> {
        while let Some((to, body)) = self.units[unit].proposer.poll_request() {
            let Party::Card(CardId(voter)) = to else { unreachable!("voters are cards here") };
            if let VoteRequest::Write(record) = &body {
                self.origin.entry(record.in_sync.clone()).or_insert(record.order());
            }
            let life = self.units[unit].life;
            self.requests.push(Envelope { unit, life, voter: voter.into(), body });
        }
        match self.units[unit].proposer.poll_verdict() {
            Some(Verdict::Granted(record)) => {
                self.check_grant(unit, &record)?;
                self.units[unit].owns = Some(record);
            }
            Some(Verdict::Written(record)) => {
                self.written.push(record.order());
                self.units[unit].owns = Some(record);
                return self.check_history();
            }
            Some(Verdict::Superseded(_)) => self.units[unit].owns = None,
            Some(Verdict::Denied(_) | Verdict::Unavailable(_)) | None => {}
        }
        Ok(())
    }

    /// All faults end: within three campaigns some unit is granted an epoch and can open it.
    fn heal(&mut self) -> Result<(), String> {
        self.healed = true;
        for claimant in &mut self.units {
            claimant.proposer.abandon();
            claimant.owns = None;
        }
        let before = self.granted.len();
        for _ in 0..3 {
            let judged = Some(self.units[0].proposer.newest().clone());
            self.units[0].judged.clone_from(&judged);
            self.units[0].proposer.campaign(false, judged);
            self.drain()?;
            if let Some(own) = self.units[0].owns.clone() {
                let written = self.written.len();
                self.units[0].proposer.write(own.changed(true, vec![(TAG, Life(0))]));
                self.drain()?;
                let opened = self.granted.len() > before && self.written.len() > written;
                return if opened { Ok(()) } else { Err(format!("{own:?} was not opened")) };
            }
        }
        Err("nobody was granted an epoch after all faults had ended".into())
    }

    fn drain(&mut self) -> Result<(), String> {
        self.collect(0)?;
        while !(self.requests.is_empty() && self.replies.is_empty()) {
            while !self.requests.is_empty() {
                self.deliver_request();
            }
            for voter in 0..self.seats.len() {
                self.flush(voter);
            }
            while !self.replies.is_empty() {
                self.deliver_reply();
            }
            self.collect(0)?;
        }
        Ok(())
    }

    fn check_grant(&mut self, unit: usize, record: &Record) -> Result<(), String> {
        if record.owner != unit_id(unit) || record.opened || record.version != 0 {
            return Err(format!("{} was granted {record:?}", unit_id(unit)));
        }
        let judged = self.units[unit].judged.as_ref().is_some_and(|judged| judged.in_sync == record.in_sync);
        let admitted = record.in_sync.contains(&(record.owner, self.units[unit].life));
        if !(admitted || judged || record.in_sync.is_empty()) {
            return Err(format!("not admitted: {record:?}"));
        }
        if let Some(other) = self.granted.insert(record.epoch, record.clone()) {
            return Err(format!("granted twice: {other:?} and {record:?}"));
        }
        self.check_history()
    }

    /// Every granted record descends from a record at least as new as any that was written in an epoch below it, and
    /// descent never turns back.
    fn check_history(&self) -> Result<(), String> {
        let mut last = (Epoch(0), 0);
        for (&epoch, record) in &self.granted {
            let origin = self.origin[&record.in_sync];
            let lost = self.written.iter().find(|written| written.0 < epoch && **written > origin);
            if let Some(lost) = lost {
                return Err(format!("{epoch} descends from {origin:?}, but {lost:?} was written"));
            }
            if origin < last || origin.0 >= epoch {
                return Err(format!("{epoch} descends from {origin:?}, after {last:?}"));
            }
            last = origin;
        }
        Ok(())
    }
}

const STEPS: usize = 2_000;

#[test]
fn random_contests_are_safe_and_end_once_faults_do() {
    let (mut grants, mut writes, mut later) = (0, 0, 0);
    for seed in 0..1_500 {
        let mut contest = Contest::new(seed, Mutant::None);
        if let Err(error) = contest.run(STEPS).and_then(|()| contest.heal()) {
            panic!("seed {seed}: {error}");
        }
        grants += contest.granted.len();
        writes += contest.written.len();
        later += contest.granted.values().filter(|record| !record.in_sync.is_empty()).count();
    }
    assert!(grants > 3_000 && writes > 3_000 && later > 1_500, "{grants} {writes} {later}");
}

#[test]
fn every_broken_voter_is_found() {
    for mutant in [
        Mutant::ForgetsPromise,
        Mutant::AnswersBeforeDisk,
        Mutant::TakesOlderWrites,
        Mutant::PromisesEpochTwice,
        Mutant::TakesWritesBelowPromise,
    ] {
        let found = (0..20_000).find(|&seed| Contest::new(seed, mutant).run(STEPS).is_err());
        assert!(found.is_some(), "{mutant:?} was not found");
    }
}
