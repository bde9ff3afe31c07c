//! Campaigns that cannot succeed yet take their time.
#![allow(clippy::unwrap_used)]

use hitless_proto::arbiter::{Record, VoterState};
use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Epoch, Life, Party, Time, UnitId};
use hitless_proto::io::{ArbiterRequest, Durable, Output, Role, Verdict};
use hitless_proto::message::{
    Ballot, CardReport, FromCard, Message, Poll, ToCard, UnitMessage, UnitReport, VoteReply, VoteRequest,
};
use hitless_proto::{ControlUnit, UnitConfig, UnitStart};

const OTHER: (UnitId, Life) = (UnitId(1), Life(1));

/// Unit 2 of two, whose own voter (if there are any) has a link with the owner of the record that it accepted.
fn candidate(arbiter: ArbiterKind) -> ControlUnit {
    candidate_of(arbiter, vec![OTHER])
}

fn candidate_of(arbiter: ArbiterKind, in_sync: Vec<(UnitId, Life)>) -> ControlUnit {
    let chassis = Chassis {
        name: "campaign".into(),
        digest_key: 7,
        units: vec![UnitId(1), UnitId(2)],
        cards: vec![CardId(1)],
        arbiter,
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    };
    let accepted = Record { epoch: Epoch(1), owner: OTHER.0, opened: true, in_sync, version: 1 };
    let voter = VoterState { promised: Ballot { epoch: Epoch(1), unit: OTHER.0 }, accepted };
    let durable = Durable { voter, ..Durable::default() };
    let start = UnitStart { life: Life(2), durable, seed: 2 };
    ControlUnit::new(UnitConfig { chassis, unit: UnitId(2) }, vec![], start, Time(0))
}

fn drain(unit: &mut ControlUnit) -> Vec<Output> {
    std::iter::from_fn(|| unit.poll_output()).collect()
}

/// Its own voter hears an owner that is primary no more, and the newest record, of an epoch that was never opened, lets it
/// recover: a verdict that comes at once, and is always the same.
#[test]
fn a_recovery_that_is_denied_though_it_was_judged_is_not_tried_again_at_once() {
    let voters = vec![Party::Unit(UnitId(1)), Party::Unit(UnitId(2)), Party::Card(CardId(1))];
    let mut unit = candidate(ArbiterKind::Voters(voters));
    unit.handle_connected(Party::Unit(OTHER.0), OTHER.1, Time(1));
    drain(&mut unit);
    let newest = Record { epoch: Epoch(2), owner: OTHER.0, ..Record::default() };
    let promised = Ballot { epoch: Epoch(2), unit: OTHER.0 };
    let poll = Poll { hears_primary: false, promised, accepted: newest };
    let voted = UnitMessage::Voted(VoteReply::Poll(poll));
    unit.handle_message(Party::Unit(OTHER.0), Message::Unit(voted), Time(2));
    drain(&mut unit);
    let (mut now, mut tries) = (Time(2), 0);
    while now < Time(10_000_000) {
        let due = unit.next_timeout().unwrap().max(now);
        tries = if due == now { tries + 1 } else { 0 };
        assert!(tries < 4, "due again and again at {now:?}");
        now = due;
        unit.handle_timeout(now);
        drain(&mut unit);
    }
}

/// A card that learns of the primary's death after the standby denies the first campaign; its next word is the signal to begin again.
#[test]
fn who_was_denied_asks_again_as_soon_as_the_voter_has_lost_the_primary() {
    let voters = vec![Party::Unit(UnitId(1)), Party::Unit(UnitId(2)), Party::Card(CardId(1))];
    let mut unit = candidate_of(ArbiterKind::Voters(voters), vec![OTHER, (UnitId(2), Life(2))]);
    let card = Party::Card(CardId(1));
    let says =
        |unit: &mut ControlUnit, message, now| unit.handle_message(card, Message::FromCard(message), now);
    unit.handle_connected(card, Life(3), Time(1));
    let report =
        CardReport { boot: Life(3), promised: Epoch(1), owner: OTHER.0, ack_key: 0, channels: vec![] };
    says(&mut unit, FromCard::Report(report), Time(1));
    let asks = |unit: &mut ControlUnit| {
        let asked = Message::ToCard(ToCard::Vote(VoteRequest::Poll));
        drain(unit).contains(&Output::Transmit { to: card, message: asked })
    };
    while !asks(&mut unit) {
        unit.handle_timeout(unit.next_timeout().unwrap());
    }
    let accepted = Record {
        epoch: Epoch(1),
        owner: OTHER.0,
        opened: true,
        in_sync: vec![OTHER, (UnitId(2), Life(2))],
        version: 1,
    };
    let poll = |hears_primary| {
        let promised = Ballot { epoch: Epoch(1), unit: OTHER.0 };
        FromCard::Vote(VoteReply::Poll(Poll { hears_primary, promised, accepted: accepted.clone() }))
    };
    let now = Time(1_000_000);
    says(&mut unit, poll(true), now);
    assert!(!asks(&mut unit) && unit.next_timeout().unwrap() > now, "denied");
    says(&mut unit, poll(false), now);
    assert!(asks(&mut unit), "at once");
    // Said once more it tells nothing new: the campaign that is under way counts it.
    says(&mut unit, poll(false), now);
    assert!(!asks(&mut unit));
}

/// Else the primary goes on thinking of it as in step, while it has begun anew (seed 2893).
#[test]
fn a_grant_that_comes_after_a_newer_epoch_makes_nobody_primary() {
    let mut unit = candidate(ArbiterKind::External);
    unit.handle_connected(Party::Unit(OTHER.0), OTHER.1, Time(1));
    while !drain(&mut unit).iter().any(|output| matches!(output, Output::Arbitrate(_))) {
        unit.handle_timeout(unit.next_timeout().unwrap());
    }
    let report = UnitReport { epoch: Epoch(4), primary: true, live: true, positions: vec![] };
    unit.handle_message(Party::Unit(OTHER.0), Message::Unit(UnitMessage::Report(report)), Time(1_000_000));
    let record = Record { epoch: Epoch(3), owner: UnitId(2), ..Record::default() };
    unit.handle_verdict(Verdict::Granted(record), Time(1_000_001));
    assert_eq!((unit.role(), unit.status().epoch), (Role::Joining, Epoch(4)));
}

/// Else it waits for every card, though nobody was ever told that anything is safe (seed 3716).
#[test]
fn who_may_recover_where_no_epoch_was_ever_opened_waits_for_no_card() {
    let mut unit = candidate(ArbiterKind::External);
    let never_opened = Record { epoch: Epoch(1), owner: OTHER.0, ..Record::default() };
    let granted = Record { epoch: Epoch(2), owner: UnitId(2), ..Record::default() };
    for verdict in [Verdict::Denied(never_opened), Verdict::Granted(granted)] {
        while !drain(&mut unit).iter().any(|output| matches!(output, Output::Arbitrate(_))) {
            unit.handle_timeout(unit.next_timeout().unwrap());
        }
        unit.handle_verdict(verdict, Time(1_000_000));
    }
    let outputs = drain(&mut unit);
    assert_eq!(unit.role(), Role::TakingOver);
    let opens =
        |output: &Output| matches!(output, Output::Arbitrate(ArbiterRequest::Write(record)) if record.opened);
    assert!(outputs.iter().any(opens), "{outputs:?}");
}
