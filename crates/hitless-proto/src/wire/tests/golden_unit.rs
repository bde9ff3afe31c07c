//! Golden bytes between two control units. Where a message is the same as a card's, only the kind differs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::arbitrary::cards;
use super::golden::{EPOCH, Golden, LIFE, PROCESS, SESSION, SUM, ballot, blob};
use super::golden_card::ack;
use crate::entry::{Audience, Blob, Content, Cookie, Origin, Update};
use crate::ids::{CardId, Epoch, Life, Seq, UnitId, Version};
use crate::message::*;
use crate::wire::Wire;

fn unit(name: &'static str, message: UnitMessage, hex: &'static str) -> Golden {
    (name, Wire::Message(Message::Unit(message)), hex)
}

fn down(name: &'static str, message: ToStandby, hex: &'static str) -> Golden {
    unit(name, UnitMessage::Primary(message), hex)
}

fn up(name: &'static str, message: FromStandby, hex: &'static str) -> Golden {
    unit(name, UnitMessage::Standby(message), hex)
}

pub(super) fn reports_and_votes() -> Vec<Golden> {
    let position = Position {
        process: PROCESS,
        received: Version::new(7, 1000),
        folded: Version::new(7, 999),
        entries: 100_000,
    };
    let report = UnitReport { epoch: EPOCH, primary: true, live: false, positions: Vec::from([position]) };
    Vec::from([
        unit(
            "report: kind | epoch | primary | live | count (process, received, folded, entries)",
            UnitMessage::Report(report),
            "30 | 07 | 01 | 00 | 01 | 01 07 e8 07 07 e7 07 a0 8d 06",
        ),
        unit(
            "vote: ballot",
            UnitMessage::Vote(VoteRequest::Ballot { ballot: ballot(), consented: false }),
            "31 | 01 | 07 02 | 00",
        ),
        unit(
            "voted: accepted",
            UnitMessage::Voted(VoteReply::Accepted { epoch: EPOCH, version: 4 }),
            "32 | 02 | 07 | 04",
        ),
        unit("refused", UnitMessage::Refused(Refused { promised: Epoch(8), owner: UnitId(1) }), "33 | 08 01"),
    ])
}

fn update(seq: u64, key: &str, audience: &Audience, part: &str, standby: Option<&str>) -> Update {
    let content =
        Content { audience: audience.clone(), card_part: blob(part), standby_part: standby.map(Blob::from) };
    Update {
        version: Version::new(7, seq),
        key: blob(key),
        content: Some(content),
        to: audience.clone(),
        cookie: Cookie::Key,
        origin: Origin::Source,
    }
}

/// A next hop for all; routes for cards 1 and 2; one of them replayed to card 2 alone, of unknown source; its delete.
fn ops() -> UnitOps {
    let two = cards([1, 2]);
    let replay = Update {
        to: cards([2]),
        cookie: Cookie::None,
        origin: Origin::Replay,
        ..update(1005, "01 10 0a 02", &two, "00 00 00 07", None)
    };
    let delete =
        Update { version: Version::new(7, 1006), content: None, cookie: Cookie::Key, ..replay.clone() };
    let ops = [
        update(1001, "00 00 00 00 07", &Audience::All, "01 c0 00 02 01 65 74 68 30", Some("s=1")),
        update(1002, "01 08 0a", &two, "00 00 00 07", Some("s=1")),
        update(1003, "01 10 0a 01", &two, "00 00 00 07", Some("s=1")),
        replay,
        delete,
    ];
    UnitOps {
        epoch: EPOCH,
        process: PROCESS,
        session: SESSION,
        stable: Seq(990),
        prev: Seq(1000),
        ops: ops.into_iter().map(Arc::new).collect(),
    }
}

fn channel_messages() -> Vec<Golden> {
    let (epoch, process, session) = (EPOCH, PROCESS, SESSION);
    let start = Start { epoch, process, session, base: Version::new(7, 1000), keep: Version::new(6, 1001) };
    let filled = update(500, "6b 31", &Audience::All, "76 31", Some(""));
    let filled = Update { version: Version::new(6, 500), ..filled };
    Vec::from([
        down("start", ToStandby::Start(start), "40 | 07 01 03 | 07 e8 07 | 06 e9 07"),
        down(
            "ops: head as a card's | (flags, position, key, cookie, origin, scope, card part, standby-only part)",
            ToStandby::Ops(ops()),
            "41 | 07 01 03 | de 07 | e8 07 | 05
             28 | 05 00 00 00 00 07 | 09 01 c0 00 02 01 65 74 68 30 | 04 73 3d 31
             48 | 03 01 08 0a | 01 02 01 00 | 00 | 04 00 00 00 07
             00 | 13 10 0a 01
             f2 | 04 | 31 02 | 00 | 01 | 01 02 01 00 | 01 | 01 01 02 | 00
             01 | 40",
        ),
        down(
            "fill",
            ToStandby::Fill(Fill { epoch, process, session, entries: Vec::from([filled]) }),
            "42 | 07 01 03 | 01 | 0e | 06 | e8 07 | 02 6b 31 | 02 76 31",
        ),
        down(
            "ask",
            ToStandby::Ask(Ask { epoch, process, session, question: Question::Root }),
            "43 | 07 01 03 | 00",
        ),
        down("in step", ToStandby::InStep(InStep { epoch, process, session }), "44 | 07 01 03"),
    ])
}

pub(super) fn to_standby() -> Vec<Golden> {
    let roster = Roster {
        epoch: EPOCH,
        in_step: Vec::from([(PROCESS, CardId(1), LIFE), (PROCESS, CardId(300), Life(1))]),
        in_sync: Vec::from([(UnitId(1), LIFE)]),
    };
    let hand_over = HandOver {
        consent: Consent { epoch: EPOCH },
        positions: Vec::from([(PROCESS, Version::new(7, 1006))]),
    };
    let mut all = channel_messages();
    all.extend([
        down(
            "roster: kind | epoch | count (process card life) | count (unit life)",
            ToStandby::Roster(roster),
            "45 | 07 | 02 | 01 01 08 07 06 05 04 03 02 01 | 01 ac 02 01 00 00 00 00 00 00 00
             01 | 01 08 07 06 05 04 03 02 01",
        ),
        down(
            "relayed ack: kind | card | ack",
            ToStandby::Relayed(RelayedAck { card: CardId(300), ack: Ack { nacks: Vec::new(), ..ack() } }),
            "46 | ac 02 | 07 01 03 | 08 07 06 05 04 03 02 01 | ee 07 | 04 61 62 | d0 0f | 00
             01 | 02 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0",
        ),
        down(
            "hand over: kind | epoch | count (process, version)",
            ToStandby::HandOver(hand_over),
            "47 | 07 | 01 | 01 07 ee 07",
        ),
    ]);
    all
}

pub(super) fn from_standby() -> Vec<Golden> {
    let (epoch, process, session) = (EPOCH, PROCESS, SESSION);
    Vec::from([
        up(
            "received: kind | epoch process session | up to | consumed",
            FromStandby::Received { epoch, process, session, upto: Seq(1006), consumed: 2000 },
            "50 | 07 01 03 | ee 07 | d0 0f",
        ),
        up(
            "tell",
            FromStandby::Tell(Tell {
                epoch,
                process,
                session,
                answer: Answer::Root { sum: SUM, entries: 0 },
            }),
            "51 | 07 01 03 | 00 | 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0 | 00",
        ),
        up(
            "broken",
            FromStandby::Broken(Broken { epoch, process, session, at: Seq(1000) }),
            "52 | 07 01 03 | e8 07",
        ),
        up("declined: kind | epoch", FromStandby::Declined(Consent { epoch }), "53 | 07"),
    ])
}
