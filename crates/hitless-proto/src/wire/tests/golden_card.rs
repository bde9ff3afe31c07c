//! Golden bytes between a control unit and a card. Sequence 1000 is `e8 07`.

use alloc::vec::Vec;

use super::golden::{EPOCH, Golden, LIFE, PROCESS, SESSION, SUM, WIDE, ballot, blob, put, record};
use crate::arbiter::Record;
use crate::digest::Sum;
use crate::entry::{Blob, CardContent, CardOp, Cookie};
use crate::ids::{Epoch, ProcessId, Seq, UnitId, Version};
use crate::message::*;
use crate::wire::Wire;

fn down(name: &'static str, message: ToCard, hex: &'static str) -> Golden {
    (name, Wire::Message(Message::ToCard(message)), hex)
}

fn up(name: &'static str, message: FromCard, hex: &'static str) -> Golden {
    (name, Wire::Message(Message::FromCard(message)), hex)
}

fn ask(question: Question) -> ToCard {
    ToCard::Ask(Ask { epoch: EPOCH, process: PROCESS, session: SESSION, question })
}

fn tell(answer: Answer) -> FromCard {
    FromCard::Tell(Tell { epoch: EPOCH, process: PROCESS, session: SESSION, answer })
}

/// A next hop, a route by it, another, one not for all and without a cookie after a gap, and its delete with one.
fn ops() -> CardOps {
    let next_hop = put(1001, "00 00 00 00 07", "01 c0 00 02 01 65 74 68 30");
    let mut narrow = put(1005, "01 10 0a 02", "00 00 00 07");
    narrow.cookie = Cookie::None;
    narrow.content = Some(CardContent { part: blob("00 00 00 07"), for_all: false });
    let delete = CardOp {
        version: Version::new(7, 1006),
        key: blob("01 10 0a 02"),
        content: None,
        cookie: Cookie::Bytes(Blob::from("ab")),
    };
    let routes = [put(1002, "01 08 0a", "00 00 00 07"), put(1003, "01 10 0a 01", "00 00 00 07")];
    CardOps {
        epoch: EPOCH,
        process: PROCESS,
        session: SESSION,
        stable: Seq(990),
        prev: Seq(1000),
        ops: [next_hop].into_iter().chain(routes).chain([narrow, delete]).collect(),
    }
}

fn fill() -> Fill<CardOp> {
    let entry = |version, key, part, for_all| CardOp {
        version,
        key: Blob::from(key),
        content: Some(CardContent { part: Blob::from(part), for_all }),
        cookie: Cookie::Key,
    };
    let first = entry(Version::new(6, 500), "k1", "v1", true);
    let second = entry(Version::new(7, 499), "k2", "v2", false);
    Fill { epoch: EPOCH, process: ProcessId(2), session: SESSION, entries: Vec::from([first, second]) }
}

pub(super) fn to_card() -> Vec<Golden> {
    let received = Vec::from([(PROCESS, Version::new(6, 1001)), (ProcessId(2), Version::ZERO)]);
    let start = Start {
        epoch: EPOCH,
        process: PROCESS,
        session: SESSION,
        base: Version::new(7, 1000),
        keep: Version::new(6, 1001),
    };
    Vec::from([
        down(
            "claim: kind | epoch | unit | count (process, version)",
            ToCard::Claim(Claim { epoch: EPOCH, unit: UnitId(2), received }),
            "10 | 07 | 02 | 02 | 01 06 e9 07 | 02 00 00",
        ),
        down(
            "start: kind | epoch process session | base | keep",
            ToCard::Start(start),
            "11 | 07 01 03 | 07 e8 07 | 06 e9 07",
        ),
        down(
            "ops: kind | epoch process session | stable | prev | count (flags, fields that differ)",
            ToCard::Ops(ops()),
            "12 | 07 01 03 | de 07 | e8 07 | 05
             28 | 05 00 00 00 00 07 | 09 01 c0 00 02 01 65 74 68 30
             28 | 03 01 08 0a | 04 00 00 00 07
             20 | 13 10 0a 01
             12 | 04 | 31 02 | 00
             11 | 40 | 03 61 62",
        ),
        down(
            "fill: kind | epoch process session | count (flags, epoch, position, key, part)",
            ToCard::Fill(fill()),
            "13 | 07 02 03 | 02
             2e | 06 | e8 07 | 02 6b 31 | 02 76 31
             0e | 07 | 01 | 11 32 | 02 76 32",
        ),
        down("ask for the root", ask(Question::Root), "14 | 07 01 03 | 00"),
        down(
            "ask for children: tag level count (gaps)",
            ask(Question::Children { level: 1, nodes: Vec::from([0, 5, 6]) }),
            "14 | 07 01 03 | 01 01 | 03 00 04 00",
        ),
        down(
            "ask for leaves: tag with-parts count (gaps)",
            ask(Question::Leaves { leaves: Vec::from([300]), with_parts: true }),
            "14 | 07 01 03 | 02 01 | 01 ac 02",
        ),
        down(
            "in step: kind | epoch process session",
            ToCard::InStep(InStep { epoch: EPOCH, process: PROCESS, session: SESSION }),
            "15 | 07 01 03",
        ),
        down("vote: poll", ToCard::Vote(VoteRequest::Poll), "16 | 00"),
        down(
            "vote: ballot",
            ToCard::Vote(VoteRequest::Ballot { ballot: ballot(), consented: true }),
            "16 | 01 | 07 02 | 01",
        ),
        down(
            "vote: write a record: epoch version owner opened count (unit life)",
            ToCard::Vote(VoteRequest::Write(record())),
            "16 | 02 | 07 04 02 01 | 02 | 01 08 07 06 05 04 03 02 01 | 02 01 00 00 00 00 00 00 00",
        ),
    ])
}

fn nack(seq: u64, reason: &str) -> Nack {
    Nack {
        version: Version::new(7, seq),
        cookie: Cookie::Key,
        key: blob("01 10 0a 02"),
        reason: reason.into(),
    }
}

pub(super) fn ack() -> Ack {
    let without_cookie = Nack { cookie: Cookie::None, ..nack(1006, "no next hop 7") };
    Ack {
        epoch: EPOCH,
        process: PROCESS,
        session: SESSION,
        boot: LIFE,
        applied: Seq(1006),
        cookie: Cookie::Bytes(Blob::from("ab")),
        nacks: Vec::from([nack(1005, "no next hop 7"), without_cookie]),
        consumed: 2000,
        macs: Vec::from([AckMac { unit: UnitId(2), code: WIDE }]),
    }
}

fn promise() -> Promise {
    let orphan = CardOp { version: Version::new(7, 1002), ..put(0, "01 10 0a 01", "00 00 00 07") };
    let known = ChannelAnswer::Known {
        applied: Version::new(7, 1001),
        nacks: Vec::from([nack(1000, "table full")]),
        orphans: Vec::from([orphan]),
    };
    Promise {
        epoch: Epoch(8),
        boot: LIFE,
        channels: Vec::from([(PROCESS, known), (ProcessId(2), ChannelAnswer::Unknown)]),
    }
}

fn leaves() -> Answer {
    let entry = LeafEntry {
        key: blob("01 08 0a"),
        version: Version::new(6, 500),
        sum: SUM,
        failed: false,
        deleted: false,
        content: Some(CardContent { part: blob("00 00 00 07"), for_all: true }),
    };
    let tombstone = LeafEntry {
        key: blob("01 10 0a 01"),
        version: Version::new(6, 501),
        sum: Sum(0),
        failed: true,
        deleted: true,
        content: None,
    };
    Answer::Leaves(Vec::from([Vec::from([entry, tombstone]), Vec::new()]))
}

fn replies() -> [VoteReply; 4] {
    [
        VoteReply::Poll(Poll { hears_primary: true, promised: ballot(), accepted: Record::default() }),
        VoteReply::Promised { ballot: ballot(), accepted: Record::default() },
        VoteReply::Accepted { epoch: EPOCH, version: 4 },
        VoteReply::Refused { promised: Ballot { epoch: Epoch(8), unit: UnitId(1) }, epoch: EPOCH },
    ]
}

fn states() -> Vec<Golden> {
    let channel = ChannelReport { process: PROCESS, proved: Version::new(6, 1001), entries: 100_000 };
    let report = CardReport {
        boot: LIFE,
        promised: Epoch(6),
        owner: UnitId(1),
        ack_key: WIDE,
        channels: Vec::from([channel]),
    };
    Vec::from([
        up(
            "report: kind | boot | promised owner | key | count (process, applied, entries)",
            FromCard::Report(report),
            "20 | 08 07 06 05 04 03 02 01 | 06 01 | 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0
             01 | 01 | 06 e9 07 | a0 8d 06",
        ),
        up(
            "promise: kind | epoch | boot | count (process, known, applied, nacks, orphans)",
            FromCard::Promise(promise()),
            "21 | 08 | 08 07 06 05 04 03 02 01 | 02
             01 01 | 07 e9 07 | 01 22 | 01 | 04 01 10 0a 02 | 0a 74 61 62 6c 65 20 66 75 6c 6c
             01 28 | 04 01 10 0a 01 | 04 00 00 00 07
             02 00",
        ),
        up(
            "refused: kind | promised owner",
            FromCard::Refused(Refused { promised: Epoch(8), owner: UnitId(2) }),
            "22 | 08 02",
        ),
        up(
            "ack: kind | epoch process session | boot | applied | cookie | consumed | nacks | codes",
            FromCard::Ack(ack()),
            "23 | 07 01 03 | 08 07 06 05 04 03 02 01 | ee 07 | 04 61 62 | d0 0f | 02
             22 | 01 | 04 01 10 0a 02 | 0d 6e 6f 20 6e 65 78 74 20 68 6f 70 20 37
             10 | 40 | 00
             01 | 02 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0",
        ),
    ])
}

pub(super) fn from_card() -> Vec<Golden> {
    let mut sums = [Sum(0); 16];
    sums[15] = SUM;
    let mut all = states();
    all.extend([
        up(
            "tell the root",
            tell(Answer::Root { sum: SUM, entries: 100_000 }),
            "24 | 07 01 03 | 00 | 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0 | a0 8d 06",
        ),
        up(
            "tell children: tag count (16 sums)",
            tell(Answer::Children(Vec::from([sums]))),
            "24 | 07 01 03 | 01 | 01
             00000000000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
             00000000000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
             00000000000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
             00000000000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
             00000000000000000000000000000000 00000000000000000000000000000000 00000000000000000000000000000000
             00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0",
        ),
        up(
            "tell leaves: tag count (count (flags, epoch, position, key, sum, part))",
            tell(leaves()),
            "24 | 07 01 03 | 02 | 02
             02 | 3e | 06 | e8 07 | 03 01 08 0a | 00 10 20 30 40 50 60 70 80 90 a0 b0 c0 d0 e0 f0 | 04 00 00 00 07
             41 | 13 10 0a 01 | 00000000000000000000000000000000
             00",
        ),
        up(
            "broken: kind | epoch process session | at",
            FromCard::Broken(Broken { epoch: EPOCH, process: PROCESS, session: SESSION, at: Seq(1000) }),
            "25 | 07 01 03 | e8 07",
        ),
    ]);
    let voted = [
        "26 | 00 | 01 | 07 02 | 00 00 00 00 00",
        "26 | 01 | 07 02 | 00 00 00 00 00",
        "26 | 02 | 07 | 04",
        "26 | 03 | 08 01 | 07",
    ];
    all.extend(
        replies()
            .into_iter()
            .zip(voted)
            .map(|(reply, hex)| up("voted: kind | tag | fields", FromCard::Vote(reply), hex)),
    );
    all
}
