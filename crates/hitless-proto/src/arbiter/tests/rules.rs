//! Each rule of voter and proposer by itself.

use super::*;

const L: Life = Life(7);

fn ask_ballot(voter: &mut Voter, epoch: u32, unit: UnitId, hears: bool) -> VoteReply {
    voter.handle(unit, &VoteRequest::Ballot { ballot: ballot(epoch, unit), consented: false }, hears).0
}

fn refused(promised: Ballot, epoch: u32) -> VoteReply {
    VoteReply::Refused { promised, epoch: Epoch(epoch) }
}

#[test]
fn voter_promises_each_epoch_to_one_unit() {
    let mut voter = Voter::new(VoterState::default());
    assert!(matches!(ask_ballot(&mut voter, 3, U1, false), VoteReply::Promised { .. }));
    assert!(matches!(ask_ballot(&mut voter, 3, U1, false), VoteReply::Promised { .. }), "again");
    assert_eq!(ask_ballot(&mut voter, 3, U2, false), refused(ballot(3, U1), 3));
    assert_eq!(ask_ballot(&mut voter, 2, U2, false), refused(ballot(3, U1), 2));
    assert_eq!(ask_ballot(&mut voter, 2, U1, false), refused(ballot(3, U1), 2));
    assert!(matches!(ask_ballot(&mut voter, 4, U2, false), VoteReply::Promised { .. }));
    assert_eq!(ask_ballot(&mut voter, 3, U1, false), refused(ballot(4, U2), 3));
}

#[test]
fn voter_refuses_epoch_zero_and_ballots_of_others() {
    let mut voter = Voter::new(VoterState::default());
    assert_eq!(ask_ballot(&mut voter, 0, UnitId(0), false), refused(Ballot::default(), 0));
    let forged = VoteRequest::Ballot { ballot: ballot(1, U2), consented: true };
    assert_eq!(voter.handle(U1, &forged, false), (refused(Ballot::default(), 1), false));
    let forged = VoteRequest::Write(record(1, 0, U2, &[]));
    assert_eq!(voter.handle(U1, &forged, false), (refused(Ballot::default(), 1), false));
}

#[test]
fn voter_that_hears_the_primary_needs_consent_unless_the_owner_itself_asks() {
    let state = VoterState { promised: ballot(1, U1), accepted: record(1, 0, U1, &[]) };
    let mut voter = Voter::new(state.clone());
    assert_eq!(ask_ballot(&mut voter, 2, U2, true), refused(ballot(1, U1), 2));
    let consented = VoteRequest::Ballot { ballot: ballot(2, U2), consented: true };
    assert!(matches!(voter.handle(U2, &consented, true), (VoteReply::Promised { .. }, true)));
    assert!(
        matches!(ask_ballot(&mut voter, 2, U2, true), VoteReply::Promised { .. }),
        "promised is promised"
    );
    let mut voter = Voter::new(state);
    assert!(matches!(ask_ballot(&mut voter, 2, U1, true), VoteReply::Promised { .. }));
}

/// Else half of the voters may be held by one owner, and half by another, and neither let the other have its epoch (seed 2615).
#[test]
fn voter_hears_no_primary_in_an_owner_that_asked_until_that_owner_writes_again() {
    let state = VoterState { promised: ballot(1, U1), accepted: record(1, 0, U1, &[]) };
    let mut voter = Voter::new(state);
    let mut hears = |from| match voter.handle(from, &VoteRequest::Poll, true).0 {
        VoteReply::Poll(poll) => poll.hears_primary,
        other => panic!("{other:?}"),
    };
    assert_eq!([U2, U1, U2].map(&mut hears), [true, false, false]);
    voter.handle(U1, &VoteRequest::Write(record(1, 1, U1, &[])), true);
    assert_eq!(
        voter.handle(U2, &VoteRequest::Ballot { ballot: ballot(2, U2), consented: false }, true).0,
        refused(ballot(1, U1), 2)
    );
}

#[test]
fn delayed_older_write_never_replaces_a_newer_one() {
    let mut voter = Voter::new(VoterState::default());
    let (first, second) = (record(2, 1, U1, &[]), record(2, 2, U1, &[(U1, L)]));
    let accepted = |version| VoteReply::Accepted { epoch: Epoch(2), version };
    assert_eq!(voter.handle(U1, &VoteRequest::Write(second.clone()), true), (accepted(2), true));
    assert_eq!(voter.state().promised, ballot(2, U1), "a write raises the promise");
    assert_eq!(voter.handle(U1, &VoteRequest::Write(first), true).0, accepted(2), "what stands is told");
    assert_eq!(voter.handle(U1, &VoteRequest::Write(second.clone()), true).0, accepted(2), "again");
    let twin = record(2, 2, U1, &[]);
    assert_eq!(voter.handle(U1, &VoteRequest::Write(twin), true).0, refused(ballot(2, U1), 2));
    let older = record(1, 9, U2, &[]);
    assert_eq!(voter.handle(U2, &VoteRequest::Write(older), true).0, refused(ballot(2, U1), 1));
    assert!(matches!(ask_ballot(&mut voter, 3, U2, false), VoteReply::Promised { .. }));
    let late = record(2, 3, U1, &[]);
    assert_eq!(voter.handle(U1, &VoteRequest::Write(late), true).0, refused(ballot(3, U2), 2));
    assert_eq!(voter.state().accepted, second);
}

#[test]
fn repeated_yes_waits_for_the_disk_too() {
    let mut voter = Voter::new(VoterState::default());
    let request = VoteRequest::Ballot { ballot: ballot(1, U1), consented: false };
    assert!(voter.handle(U1, &request, false).1);
    assert!(voter.handle(U1, &request, false).1, "the first yes may still be on its way to the disk");
    assert!(!voter.handle(U1, &VoteRequest::Poll, false).1, "a poll binds nobody");
    voter.handle_persisted(voter.state().clone());
    assert!(!voter.handle(U1, &request, false).1);
}

/// A unit and voters that answer on demand.
struct Bench {
    proposer: Proposer,
    voters: Vec<(Party, Voter, bool)>,
}

impl Bench {
    fn new(unit: UnitId, state: &VoterState) -> Self {
        let parties = vec![Party::Unit(U1), Party::Unit(U2), Party::Card(CardId(1))];
        let mut proposer = Proposer::new(unit, L, parties.clone());
        for &party in &parties {
            proposer.handle_connected(party);
        }
        let voters = parties.into_iter().map(|party| (party, Voter::new(state.clone()), false)).collect();
        Self { proposer, voters }
    }

    fn requests(&mut self) -> Vec<(Party, VoteRequest)> {
        core::iter::from_fn(|| self.proposer.poll_request()).collect()
    }

    fn deliver(&mut self, unit: UnitId, to: Party, request: &VoteRequest) {
        let voter = self.voters.iter_mut().find(|voter| voter.0 == to).expect("a voter");
        let (reply, _) = voter.1.handle(unit, request, voter.2);
        self.proposer.handle_reply(to, &reply);
    }

    /// Everything is delivered until nothing is left.
    fn run(&mut self, unit: UnitId) -> Option<Verdict> {
        loop {
            let requests = self.requests();
            if requests.is_empty() {
                return self.proposer.poll_verdict();
            }
            for (to, request) in requests {
                self.deliver(unit, to, &request);
            }
        }
    }

    fn lose(&mut self, voters: &[usize]) {
        for &voter in voters {
            self.proposer.handle_lost(self.voters[voter].0);
        }
    }
}

/// Else who was denied by a voter that learns of the death a little later waits for its own timer.
#[test]
fn voter_that_loses_the_primary_tells_those_it_had_denied_once() {
    let state = VoterState { promised: ballot(1, U1), accepted: record(1, 0, U1, &[(U1, L)]) };
    let mut voter = Voter::new(state.clone());
    for (unit, hears) in [(U2, true), (U3, false)] {
        voter.handle(unit, &VoteRequest::Poll, hears);
    }
    let poll = Poll { hears_primary: false, promised: state.promised, accepted: state.accepted };
    assert_eq!([voter.handle_lost(U2, L), voter.handle_lost(U1, Life(6))], [[], []], "not the primary");
    assert_eq!(voter.handle_lost(U1, L), [(U2, VoteReply::Poll(poll))]);
    assert_eq!(voter.handle_lost(U1, L), []);
}

#[test]
fn proposer_is_freed_by_a_voter_that_had_denied_it_and_by_no_other() {
    let mut bench = Bench::new(U1, &standing(&[(U1, L)]));
    bench.voters[1].2 = true;
    bench.voters[2].2 = true;
    assert!(bench.proposer.campaign(false, None));
    assert!(matches!(bench.run(U1), Some(Verdict::Denied(_))));
    let poll = Poll { hears_primary: false, promised: ballot(4, U2), accepted: record(4, 3, U2, &[(U1, L)]) };
    let voters: Vec<Party> = bench.voters.iter().map(|voter| voter.0).collect();
    let freed = |bench: &mut Bench, voter: usize| {
        bench.proposer.handle_reply(voters[voter], &VoteReply::Poll(poll.clone()));
        bench.proposer.take_freed()
    };
    bench.lose(&[1]);
    let told = [0, 1, 2, 2].map(|voter| freed(&mut bench, voter));
    assert_eq!(told, [false, false, true, false], "never heard one; lost; heard one; told already");
}

fn standing(in_sync: &[(UnitId, Life)]) -> VoterState {
    VoterState { promised: ballot(4, U2), accepted: record(4, 3, U2, in_sync) }
}

#[test]
fn genesis_is_claimed_by_anyone_and_opened_by_its_owner() {
    let mut bench = Bench::new(U1, &VoterState::default());
    assert!(bench.proposer.campaign(false, None));
    assert!(!bench.proposer.campaign(false, None), "one thing at a time");
    let claim = Record::default().claimed_by(U1, Epoch(1));
    assert_eq!(bench.run(U1), Some(Verdict::Granted(claim.clone())));
    let opened = claim.changed(true, vec![(U1, L)]);
    assert!(bench.proposer.write(opened.clone()));
    assert_eq!(bench.run(U1), Some(Verdict::Written(opened)));
}

#[test]
fn first_epoch_that_was_never_opened_can_be_claimed_again() {
    let claimed = Record::default().claimed_by(U2, Epoch(1));
    let mut bench = Bench::new(U1, &VoterState { promised: ballot(1, U2), accepted: claimed.clone() });
    assert!(bench.proposer.campaign(false, None));
    assert_eq!(bench.run(U1), Some(Verdict::Granted(claimed.claimed_by(U1, Epoch(2)))));
}

#[test]
fn unit_outside_the_set_is_denied_before_it_fences_anyone() {
    let mut bench = Bench::new(U1, &standing(&[(U2, L), (U1, Life(6))]));
    assert!(bench.proposer.campaign(true, None));
    assert_eq!(bench.run(U1), Some(Verdict::Denied(record(4, 3, U2, &[(U2, L), (U1, Life(6))]))));
    assert!(bench.voters.iter().all(|voter| voter.1.state().promised == ballot(4, U2)));
}

#[test]
fn recovering_unit_claims_exactly_the_record_it_judged() {
    let state = standing(&[(U2, Life(1)), (U1, Life(6))]);
    let mut bench = Bench::new(U1, &state);
    let mut other = state.accepted.clone();
    other.version += 1;
    assert!(bench.proposer.campaign(false, Some(other)));
    assert_eq!(bench.run(U1), Some(Verdict::Denied(state.accepted.clone())));
    assert!(bench.proposer.campaign(false, Some(state.accepted.clone())));
    assert_eq!(bench.run(U1), Some(Verdict::Granted(state.accepted.claimed_by(U1, Epoch(5)))));
}

#[test]
fn claimant_takes_the_newest_record_of_a_majority() {
    let mut bench = Bench::new(U1, &standing(&[(U2, L)]));
    let newer = record(4, 4, U2, &[(U2, L), (U1, L)]);
    bench.voters[2].1.handle(U2, &VoteRequest::Write(newer.clone()), false);
    assert!(bench.proposer.campaign(false, None));
    bench.lose(&[1]);
    assert_eq!(bench.run(U1), Some(Verdict::Granted(newer.claimed_by(U1, Epoch(5)))));
}

#[test]
fn claimant_that_hears_of_a_newer_epoch_midway_steps_back() {
    let mut bench = Bench::new(U1, &standing(&[(U1, L), (U2, L)]));
    assert!(bench.proposer.campaign(false, None));
    for (to, poll) in bench.requests() {
        bench.deliver(U1, to, &poll);
    }
    let ahead = record(9, 0, U2, &[(U1, L), (U2, L)]);
    let poll = Poll { hears_primary: false, promised: ballot(9, U2), accepted: ahead.clone() };
    bench.proposer.handle_reply(Party::Unit(U2), &VoteReply::Poll(poll));
    assert_eq!(bench.run(U1), Some(Verdict::Denied(ahead)));
}

#[test]
fn recovering_unit_is_not_put_off_by_which_majority_answers_first() {
    let mut bench = Bench::new(U1, &standing(&[(U2, Life(1))]));
    let newer = record(4, 4, U2, &[(U2, Life(1)), (U3, Life(1))]);
    bench.voters[2].1.handle(U2, &VoteRequest::Write(newer.clone()), false);
    assert!(bench.proposer.campaign(false, None));
    assert!(matches!(bench.run(U1), Some(Verdict::Denied(_))));
    assert_eq!(bench.proposer.newest(), &newer, "the third voter's word came after the verdict");
    assert!(bench.proposer.campaign(false, Some(newer.clone())));
    bench.lose(&[2]);
    assert_eq!(bench.run(U1), Some(Verdict::Granted(newer.claimed_by(U1, Epoch(5)))));
}

#[test]
fn campaign_ends_at_once_where_no_majority_is_possible() {
    let mut bench = Bench::new(U1, &standing(&[(U1, L)]));
    bench.lose(&[1, 2]);
    assert!(bench.proposer.campaign(false, None));
    let Some(Verdict::Unavailable(text)) = bench.proposer.poll_verdict() else {
        panic!("no voters, no verdict")
    };
    assert_eq!(text, "2 of 3 voters are needed; not connected: unit-2 card-1");
    let mut bench = Bench::new(U1, &standing(&[(U1, L)]));
    bench.voters[1].2 = true;
    bench.voters[2].2 = true;
    assert!(bench.proposer.campaign(false, None));
    assert!(matches!(bench.run(U1), Some(Verdict::Denied(_))), "the primary is heard");
    assert!(bench.proposer.campaign(true, None));
    assert!(matches!(bench.run(U1), Some(Verdict::Granted(_))), "the primary consents");
}

#[test]
fn campaign_that_loses_its_voters_midway_ends() {
    let mut bench = Bench::new(U1, &standing(&[(U1, L)]));
    assert!(bench.proposer.campaign(false, None));
    let polls = bench.requests();
    bench.deliver(U1, polls[0].0, &polls[0].1);
    bench.lose(&[1]);
    assert_eq!(bench.proposer.poll_verdict(), None);
    bench.lose(&[2]);
    assert!(matches!(bench.proposer.poll_verdict(), Some(Verdict::Unavailable(_))));
}

#[test]
fn epochs_used_up_are_told_as_such_so_that_nobody_asks_again_at_once() {
    let last = record(u32::MAX, 0, U2, &[(U1, L)]);
    let state = VoterState { promised: ballot(u32::MAX, U2), accepted: last.clone() };
    let mut bench = Bench::new(U1, &state);
    for judged in [None, Some(last)] {
        assert!(bench.proposer.campaign(true, judged));
        assert_eq!(bench.run(U1), Some(Verdict::Unavailable(EXHAUSTED.into())));
    }
    assert!(bench.voters.iter().all(|voter| voter.1.state() == &state));
}

fn owner() -> (Bench, Record) {
    let mut bench = Bench::new(U1, &standing(&[(U1, L)]));
    assert!(bench.proposer.campaign(false, None));
    let Some(Verdict::Granted(record)) = bench.run(U1) else { panic!("granted") };
    (bench, record)
}

#[test]
fn write_waits_for_voters_and_is_sent_again_when_they_return() {
    let (mut bench, granted) = owner();
    bench.lose(&[1, 2]);
    let opened = granted.changed(true, vec![(U1, L)]);
    assert!(bench.proposer.write(opened.clone()));
    assert_eq!(bench.run(U1), None);
    bench.proposer.handle_connected(Party::Card(CardId(1)));
    assert_eq!(bench.run(U1), Some(Verdict::Written(opened)));
}

#[test]
fn write_is_superseded_by_a_majority_and_not_by_one_voter() {
    let (mut bench, granted) = owner();
    let higher = VoteRequest::Ballot { ballot: ballot(6, U2), consented: true };
    bench.voters[2].1.handle(U2, &higher, false);
    let opened = granted.changed(true, vec![(U1, L)]);
    assert!(bench.proposer.write(opened.clone()));
    assert_eq!(
        bench.run(U1),
        Some(Verdict::Written(opened.clone())),
        "a lost contest does not unseat the primary"
    );
    bench.voters[1].1.handle(U2, &higher, false);
    assert!(bench.proposer.write(opened.changed(true, vec![])));
    assert!(matches!(bench.run(U1), Some(Verdict::Superseded(_))));
}

#[test]
fn write_where_the_only_voter_left_promised_another_is_superseded() {
    let (mut bench, granted) = owner();
    let higher = VoteRequest::Ballot { ballot: ballot(6, U2), consented: true };
    bench.voters[2].1.handle(U2, &higher, false);
    bench.lose(&[1]);
    assert!(bench.proposer.write(granted.changed(true, vec![])));
    assert!(matches!(bench.run(U1), Some(Verdict::Superseded(_))));
}

#[test]
fn abandoned_write_does_not_share_its_version() {
    let (mut bench, granted) = owner();
    assert!(bench.proposer.write(granted.changed(true, vec![(U1, L)])));
    bench.proposer.abandon();
    assert!(bench.proposer.write(granted.changed(false, vec![])));
    let Some(Verdict::Written(written)) = bench.run(U1) else { panic!("written") };
    assert_eq!((written.version, written.opened), (2, false));
}

#[test]
fn unit_writes_in_its_own_epoch_only() {
    let (mut bench, granted) = owner();
    let mut foreign = granted.changed(true, vec![]);
    foreign.epoch = Epoch(4);
    assert!(bench.proposer.write(foreign));
    assert!(matches!(bench.run(U1), Some(Verdict::Superseded(_))));
}

#[test]
fn double_death_recovers_the_highest_position_once_all_are_back() {
    let record = record(4, 0, U1, &[(U1, Life(1)), (U2, Life(2))]);
    let at = |seq| Version::new(3, seq);
    let ready = |me, mine, peers: &[(UnitId, Life, bool, u64)]| {
        let peers: Vec<_> = peers.iter().map(|peer| (peer.0, peer.1, peer.2, at(peer.3))).collect();
        recovery_ready(&record, me, at(mine), &peers)
    };
    let (first, second) = ((U1, Life(11)), (U2, Life(12)));
    assert_eq!(ready(first, 9, &[]), Err(RecoveryWait::Away(U2)));
    assert_eq!(ready(first, 9, &[(U2, Life(2), false, 9)]), Err(RecoveryWait::Live(U2)), "its former life");
    assert_eq!(ready(first, 9, &[(U2, Life(12), true, 9)]), Err(RecoveryWait::Live(U2)));
    assert_eq!(ready(first, 8, &[(U2, Life(12), false, 9)]), Err(RecoveryWait::Behind(U2)));
    assert_eq!(ready(first, 9, &[(U2, Life(12), false, 9)]), Ok(()), "of equals the lowest id");
    assert_eq!(ready(second, 9, &[(U1, Life(11), false, 9)]), Err(RecoveryWait::Behind(U1)));
    assert_eq!(ready(second, 10, &[(U1, Life(11), false, 9)]), Ok(()));
    let peers = [(U1, Life(11), false, 1), (U2, Life(12), false, 2)];
    assert_eq!(ready((U3, Life(3)), 99, &peers), Err(RecoveryWait::Outside(U2)));
    assert_eq!(recovery_ready(&Record::default(), first, Version::ZERO, &[]), Ok(()), "nothing to lose");
}
