//! Lines survive a round trip; damaged ones are refused by name.

use alloc::string::ToString;
use alloc::vec;

use super::{Input, LineError, PartyStart, Recorded};
use crate::arbiter::{Record, VoterState};
use crate::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use crate::entry::{Audience, Blob, Change, Content};
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Time, UnitId, Version};
use crate::io::{Durable, Verdict};
use crate::kept::KeptAt;
use crate::message::{Ballot, FromCard, Message, Refused, Start, ToCard};

fn inputs() -> vec::Vec<Input> {
    let record = Record {
        epoch: Epoch(7),
        version: 3,
        owner: UnitId(2),
        opened: true,
        in_sync: vec![(UnitId(1), Life(u64::MAX)), (UnitId(2), Life(0))],
    };
    let fib = ProcessId(1);
    let content = |audience, standby: Option<&str>| {
        Some(Content { audience, card_part: Blob::new(&[0, 255, 16]), standby_part: standby.map(Blob::from) })
    };
    let start =
        Start { epoch: Epoch(1), process: fib, session: 9, base: Version::new(1, 5), keep: Version::ZERO };
    vec![
        Input::Connected { peer: Party::Card(CardId(1024)), life: Life(u64::MAX) },
        Input::Disconnected { peer: Party::Unit(UnitId(8)) },
        Input::Message { from: Party::Unit(UnitId(1)), message: Message::ToCard(ToCard::Start(start)) },
        Input::Message {
            from: Party::Card(CardId(3)),
            message: Message::FromCard(FromCard::Refused(Refused { promised: Epoch(4), owner: UnitId(1) })),
        },
        Input::Persisted { token: 1 },
        Input::PersistFailed { token: u64::MAX },
        Input::Verdict(Verdict::Granted(record.clone())),
        Input::Verdict(Verdict::Denied(Record::default())),
        Input::Verdict(Verdict::Written(record.clone())),
        Input::Verdict(Verdict::Superseded(record)),
        Input::Verdict(Verdict::Unavailable("disk \"full\"\n\\ at /x\u{7f}ü".to_string())),
        Input::Applied {
            process: fib,
            batch: 5,
            outcomes: vec![
                Ok(()),
                Ok(()),
                Err("no, such + next hop".to_string()),
                Ok(()),
                Err("".to_string()),
            ],
        },
        Input::Applied { process: fib, batch: 6, outcomes: vec![] },
        Input::Found { process: fib, key: "k".into(), part: None },
        Input::Curable { process: fib },
        Input::Found { process: fib, key: "k".into(), part: Some(Blob::default()) },
        Input::Adopt {
            process: fib,
            entries: vec![(Blob::from("k"), Blob::default()), ("l".into(), "v".into())],
        },
        Input::Submit { process: fib, change: Change { key: "k".into(), content: None } },
        Input::Submit {
            process: fib,
            change: Change { key: "k".into(), content: content(Audience::All, None) },
        },
        Input::Submit {
            process: fib,
            change: Change { key: "k".into(), content: content(Audience::cards([]), Some("")) },
        },
        Input::Submit {
            process: fib,
            change: Change {
                key: "k".into(),
                content: content(Audience::cards([CardId(2), CardId(1)]), Some("s")),
            },
        },
        Input::BeginSwitchover { to: None },
        Input::BeginSwitchover { to: Some(UnitId(2)) },
        Input::Forgo { party: Party::Card(CardId(2)) },
        Input::Timeout,
        Input::Drained,
    ]
}

fn restored() -> vec::Vec<Input> {
    let process = ProcessId(1);
    let content = |audience, standby_part| Content { audience, card_part: "part".into(), standby_part };
    let entries = vec![
        ("k".into(), Version::new(3, 7), content(Audience::All, None)),
        ("l".into(), Version::new(2, 8), content(Audience::cards([CardId(4)]), Some("s".into()))),
    ];
    vec![
        Input::Restore {
            process,
            at: KeptAt { version: Version::new(3, 900), in_step: vec![CardId(1), CardId(9)] },
            entries,
        },
        Input::Restore { process, at: KeptAt::default(), entries: vec![] },
    ]
}

fn start() -> PartyStart {
    PartyStart {
        chassis: Chassis {
            name: "a \"b\"".to_string(),
            digest_key: u128::MAX - 5,
            units: vec![UnitId(1), UnitId(2)],
            cards: vec![],
            arbiter: ArbiterKind::Voters(vec![Party::Unit(UnitId(1)), Party::Card(CardId(7))]),
            ack_path: AckPath::Relayed,
            output_rule: OutputRule::Gated,
            timing: Timing { audit: 0, ..Timing::default() },
        },
        party: Party::Unit(UnitId(2)),
        processes: vec![ProcessId(1), ProcessId(2)],
        life: Life(77),
        durable: Durable {
            promised: Epoch(3),
            owner: UnitId(1),
            voter: VoterState {
                promised: Ballot { epoch: Epoch(4), unit: UnitId(2) },
                accepted: Record { epoch: Epoch(3), owner: UnitId(1), ..Record::default() },
            },
        },
        entropy: 1 << 100,
        now: Time(12),
    }
}

#[test]
fn every_input_survives_its_line() {
    for (at, input) in inputs().into_iter().chain(restored()).enumerate() {
        let recorded = Recorded { at: Time(at as u64), input };
        let line = recorded.to_line();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(Recorded::from_line(&line), Ok(recorded), "{line}");
    }
}

#[test]
fn the_start_survives_its_line() {
    let voters = start();
    let external =
        PartyStart { chassis: Chassis { arbiter: ArbiterKind::External, ..start().chassis }, ..start() };
    for start in [voters, external] {
        let line = start.to_line();
        assert_eq!(PartyStart::from_line(&line), Ok(start), "{line}");
    }
}

#[test]
fn a_damaged_line_is_refused_by_name() {
    let line = Recorded { at: Time(5), input: Input::Persisted { token: 9 } }.to_line();
    assert_eq!(line, r#"{"at":5,"kind":"persisted","token":9}"#);
    for cut in 0..line.len() {
        assert!(matches!(Recorded::from_line(&line[..cut]), Err(LineError::Syntax(..))), "{}", &line[..cut]);
    }
    let broken = |text: &str| Recorded::from_line(text).unwrap_err();
    assert_eq!(broken(r#"{"kind":"timeout"}"#), LineError::Missing("at"));
    assert_eq!(broken(r#"{"at":1,"kind":"nonsense"}"#), LineError::Invalid("kind", "a kind of input"));
    assert!(matches!(broken(r#"{"at":-1,"kind":"timeout"}"#), LineError::Syntax("a number or text", 7)));
    assert!(matches!(broken(r#"{"at":99999999999999999999,"kind":"timeout"}"#), LineError::Syntax(..)));
    assert!(matches!(
        broken(r#"{"at":1,"kind":"forgo","party":"card-70000"}"#),
        LineError::Invalid("party", _)
    ));
    let many = r#"{"at":1,"kind":"applied","process":1,"batch":1,"outcomes":"+99999999999,"}"#;
    assert!(matches!(broken(many), LineError::Invalid("outcomes", _)));
    let often = r#"{"at":1,"kind":"applied","process":1,"batch":1,"outcomes":"+65536,+65536,"}"#;
    assert!(matches!(broken(often), LineError::Invalid("outcomes", _)));
    assert!(matches!(broken(r#"{"at":1,"kind":"timeout"} x"#), LineError::Syntax("the end", _)));
}

#[test]
fn a_recording_of_another_version_is_refused() {
    let line = start().to_line().replace("\"version\":1", "\"version\":2");
    assert_eq!(PartyStart::from_line(&line), Err(LineError::Version(2)));
}
