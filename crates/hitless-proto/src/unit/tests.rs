//! Tests of the control unit: how often it asks the arbiter.

use alloc::vec;
use alloc::vec::Vec;

use super::{ControlUnit, UnitConfig, UnitStart};
use crate::arbiter::{Record, VoterState};
use crate::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use crate::ids::{Epoch, Life, Party, Time, UnitId};
use crate::io::{Durable, Output};
use crate::message::{Ballot, Message, Poll, UnitMessage, UnitReport, VoteReply, VoteRequest};

const OTHER: UnitId = UnitId(1);

/// Unit 2 of three, back after it was primary and the only one in sync; it has a link to unit 1, which is no primary.
fn back_alone() -> ControlUnit {
    let units = vec![OTHER, UnitId(2), UnitId(3)];
    let chassis = Chassis {
        name: "three".into(),
        digest_key: 7,
        arbiter: ArbiterKind::Voters(units.iter().map(|unit| Party::Unit(*unit)).collect()),
        units,
        cards: Vec::new(),
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    };
    let accepted = Record {
        epoch: Epoch(2),
        version: 1,
        owner: UnitId(2),
        opened: true,
        in_sync: vec![(UnitId(2), Life(1))],
    };
    let voter = VoterState { promised: Ballot { epoch: Epoch(2), unit: UnitId(2) }, accepted };
    let durable = Durable { voter, ..Durable::default() };
    let start = UnitStart { life: Life(2), durable, seed: 1 };
    let config = UnitConfig { chassis, unit: UnitId(2) };
    let mut unit = ControlUnit::new(config, Vec::new(), start, Time(1));
    unit.handle_connected(Party::Unit(OTHER), Life(1), Time(1));
    let report = UnitReport { epoch: Epoch(1), primary: false, live: false, positions: Vec::new() };
    hear(&mut unit, UnitMessage::Report(report), Time(1));
    unit
}

fn hear(unit: &mut ControlUnit, message: UnitMessage, now: Time) {
    unit.handle_message(Party::Unit(OTHER), Message::Unit(message), now);
}

/// The other unit holds up every claim at once: it takes the unit of its own, older record for the primary. Gives how often it
/// was asked.
fn deny_all(unit: &mut ControlUnit, now: Time) -> usize {
    let poll = Poll { hears_primary: true, promised: Ballot::default(), accepted: Record::default() };
    let mut asked = 0;
    while let Some(output) = unit.poll_output() {
        if let Output::Transmit { message: Message::Unit(UnitMessage::Vote(VoteRequest::Poll)), .. } = output
        {
            asked += 1;
            hear(unit, UnitMessage::Voted(VoteReply::Poll(poll.clone())), now);
        }
    }
    asked
}

/// A unit that may recover tells so once, without delay; if that changes nothing, it waits as after any other denial.
#[test]
fn denied_again_after_it_may_recover_a_unit_waits() {
    let mut unit = back_alone();
    for round in 0..3 {
        let now = unit.next_timeout().unwrap();
        let mut asked = 0;
        let mut calls = 0;
        while unit.next_timeout().unwrap() <= now {
            unit.handle_timeout(now);
            asked += deny_all(&mut unit, now);
            calls += 1;
            assert!(calls < 8, "round {round}: due again and again");
        }
        assert_eq!(asked, 2, "round {round}: as it is, and as one that may recover");
        assert!(unit.next_timeout().unwrap() >= now.after(Timing::default().campaign));
    }
}
