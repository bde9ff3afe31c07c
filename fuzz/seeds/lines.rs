//! Everything that is text: files of sources, the chassis file, the admin API, recordings, the command line.

use hitless::config::DEFAULT;
use hitless_admin::{AnswerLine, RequestLine};
use hitless_proto::arbiter::Record;
use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{CardId, Epoch, Life, Party, Time, UnitId};
use hitless_proto::input::{Input, PartyStart};
use hitless_proto::io::{Durable, Verdict};
use hitless_proto::message::{FromCard, Message, Refused};
use hitless_proto::process::{fib, table};

use super::Seeds;

const TEXT: [&str; 3] = [
    "# a table\n10.0.0.0/8\n10.1.0.0/16 7\n10.2.0.0/16 group 7\n2001:db8::/32\n",
    "next-hop 7 via 192.0.2.1 dev eth0\nnext-hop 8 via fe80::1 dev eth1\nnext-hop 9 dev eth2\nnext-hop 10 blackhole\n\
     group 7 7*10,8*20\n",
    "+10.0.0.0/8\n-10.0.0.0/8\n-next-hop 7\n-group 7\n",
];
const JSON: [&str; 10] = [
    r#"{"process":"fib","next_hop":7,"via":"192.0.2.1","dev":"eth0"}"#,
    r#"{"process":"fib","next_hop":8,"blackhole":true}"#,
    r#"{"process":"fib","group":1,"members":[{"next_hop":7,"weight":10},8]}"#,
    r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"note":"static"}"#,
    r#"{"process":"fib","prefix":"2001:db8::/32","group":1}"#,
    r#"{"process":"fib","delete":"10.0.0.0/8"}"#,
    r#"{"process":"fib","delete_next_hop":7}"#,
    r#"{"process":"fib","delete_group":1}"#,
    r#"{"process":"table","key":"k1","value":"v1","cards":[1,2]}"#,
    r#"{"process":"table","delete_hex":"00ff"}"#,
];
const REQUESTS: [&str; 10] = [
    r#"{"id":1,"request":"hello"}"#,
    r#"{"id":2,"request":"status"}"#,
    r#"{"id":3,"request":"watch"}"#,
    r#"{"id":4,"request":{"show":{"process":1,"key":"01080a"}}}"#,
    r#"{"id":5,"request":{"dump":{"process":2}}}"#,
    r#"{"id":6,"request":{"submit":{"changes":[[2,"6b","76","6e",[1,2]],[2,"6b",null,null,null]]}}}"#,
    r#"{"id":7,"request":{"submit":{"lines":[{"process":"table","key":"k","value":"v"}]}}}"#,
    r#"{"id":8,"request":{"switchover":{"to":2}}}"#,
    r#"{"id":9,"request":{"forgo":{"party":"card-3"}}}"#,
    r#"{"id":10,"request":{"fault":{"slow_micros":5,"failing":["6b"],"fail_every":3,"capacity":9}}}"#,
];
const ANSWERS: [&str; 7] = [
    r#"{"id":1,"answer":{"party_is":{"chassis":"c","party":"unit-1","version":"0.1.0","pid":7}}}"#,
    r#"{"id":2,"answer":{"accepted":{"ranges":[[1,7,3,4],[0,7,1,3]],"rejected":[{"index":1,"reason":"r"}]}}}"#,
    r#"{"id":3,"answer":{"entries":[["6b","76",null,[1],1,2]]}}"#,
    r#"{"id":4,"answer":{"end":{"entries":1}}}"#,
    r#"{"id":5,"answer":{"shown":{"epoch":1,"seq":2,"card_part":"76","standby_part":"6e","cards":null,"failed":false}}}"#,
    r#"{"id":6,"notice":{"completed":{"process":1,"programmed":2,"safe":3}}}"#,
    r#"{"id":7,"notice":{"role":{"role":"primary","epoch":2,"primary":1}}}"#,
];
const COMMANDS: [&str; 8] = [
    "load\n--format\ngenerate\n--entries\n100000\n--seed\n7",
    "load\n--format\nmrt-updates\n--speed\n10.5\n--rate\n1e3\n--wait\nprogrammed\nupdates.gz",
    "demo\n--entries\n1000\n--cards\n4\n--standbys\n2\n--rounds\n20\n--how\nfreeze\n--table\na,b",
    "status\n--wait\n30\n--admin\n127.0.0.1:4801\n--json",
    "switchover\n--to\nunit-2",
    "show\n--process\ntable\nk1",
    "recover\n--without\ncard-3",
    "control\n--config\nchassis.toml\n--unit\n1\n--init\n--log\ndebug",
];
const CHASSIS: &str = "[chassis]\nname = \"c\"\nack_path = \"relayed\"\noutput_rule = \"gated\"\narbiter = \"local\"\n\
    arbiter_file = \"r\"\ndigest_key = \"000102030405060708090a0b0c0d0e0f\"\nprocesses = [\"table\"]\n\
    [liveness]\ninterval_ms = 50\nmissed = 3\n[timing]\naudit_ms = 0\n\
    [[unit]]\nid = 1\naddress = \"[::1]:1\"\nadmin = \"[::1]:2\"\nstate = \"u\"\n\
    dial = [{ from = \"card-1\", address = \"127.0.0.1:3\" }]\n\
    [[card]]\nid = 1\nadmin = \"127.0.0.1:4\"\nstate = \"s\"\ntable = \"memory\"\n";

const RECORD: &str = r#"{"format":1,"chassis":"c","epoch":3,"version":2,"owner":1,"opened":true,
    "in_sync":[{"unit":1,"life":"00000000000000ff"},{"unit":2,"life":"7"}]}"#;

pub(super) fn seeds() -> Vec<Seeds> {
    let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    for text in JSON {
        assert!(hitless_adapters::schema::parse_line(text).is_ok(), "{text}");
    }
    for text in REQUESTS {
        assert!(serde_json::from_str::<RequestLine>(text).is_ok(), "{text}");
    }
    for text in ANSWERS {
        assert!(serde_json::from_str::<AnswerLine>(text).is_ok(), "{text}");
    }
    for text in [DEFAULT, CHASSIS] {
        let parsed = hitless::config::Settings::parse(text, std::path::Path::new("chassis.toml"));
        assert!(parsed.is_ok(), "{parsed:?}");
    }
    assert!(hitless_adapters::local_arbiter::parse_record(RECORD, "r".into(), "c").is_ok());
    for text in COMMANDS {
        use clap::Parser;
        let parsed = hitless::cli::Cli::try_parse_from(std::iter::once("hitless").chain(text.lines()));
        assert!(parsed.is_ok(), "{text}");
    }
    let lines: Vec<Vec<u8>> = bytes(&REQUESTS).into_iter().chain(bytes(&ANSWERS)).collect();
    vec![
        ("text", bytes(&TEXT)),
        ("json_lines", bytes(&JSON)),
        ("admin", lines.into_iter().map(|line| [&line[..], b"\n"].concat()).collect()),
        ("config", bytes(&[DEFAULT, CHASSIS])),
        ("arguments", bytes(&COMMANDS)),
        ("recordings", recordings()),
        ("record_file", bytes(&[RECORD])),
        ("ledger", ANSWERS.iter().map(|answer| format!("+\n>\n{answer}\n!\n+\n>\n").into_bytes()).collect()),
    ]
}

fn recordings() -> Vec<Vec<u8>> {
    let (unit, card) = (Party::Unit(UnitId(1)), Party::Card(CardId(1)));
    let record = Record { epoch: Epoch(1), owner: UnitId(1), ..Record::default() };
    let refused = Refused { promised: Epoch(4), owner: UnitId(2) };
    let inputs = [
        Input::Connected { peer: card, life: Life(7) },
        Input::Message { from: card, message: Message::FromCard(FromCard::Refused(refused)) },
        Input::Verdict(Verdict::Granted(record)),
        Input::Verdict(Verdict::Unavailable("away".to_owned())),
        Input::Submit { process: table::ID, change: table::put(b"k", b"v", b"n") },
        Input::Submit { process: table::ID, change: table::delete(b"k") },
        Input::BeginSwitchover { to: Some(UnitId(2)) },
        Input::Forgo { party: card },
        Input::Adopt { process: fib::ID, entries: vec![("k".into(), "v".into())] },
        Input::Applied { process: fib::ID, batch: 1, outcomes: vec![Ok(()), Err("no".to_owned()), Ok(())] },
        Input::Persisted { token: 1 },
        Input::PersistFailed { token: 2 },
        Input::Disconnected { peer: card },
        Input::Timeout,
        Input::Drained,
    ];
    let recording = |start: PartyStart| {
        let mut text = start.to_line();
        for (at, input) in (0..).zip(&inputs) {
            text.push('\n');
            text.push_str(&input.to_line(Time(at * 1_000_000)));
            if !matches!(input, Input::Drained) {
                text.push('\n');
                text.push_str(&Input::Drained.to_line(Time(at * 1_000_000)));
            }
        }
        text.into_bytes()
    };
    let voters = ArbiterKind::Voters(vec![unit, card]);
    let mut seeds = vec![
        recording(start(unit, ArbiterKind::External)),
        recording(start(unit, voters.clone())),
        recording(start(card, voters)),
    ];
    // Each line alone too: the shorter the better.
    seeds.extend(inputs.iter().map(|input| input.to_line(Time(1)).into_bytes()));
    seeds
}

fn start(party: Party, arbiter: ArbiterKind) -> PartyStart {
    let chassis = Chassis {
        name: "c".to_owned(),
        digest_key: 7,
        units: vec![UnitId(1)],
        cards: vec![CardId(1)],
        arbiter,
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    };
    let processes = vec![fib::ID, table::ID];
    PartyStart {
        chassis,
        party,
        processes,
        life: Life(3),
        durable: Durable::default(),
        entropy: 5,
        now: Time(0),
    }
}
