//! A recording ends where the recorded party stood; a damaged one is refused by line.
#![allow(clippy::unwrap_used)]

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::ids::{Life, Party, ProcessId, Time, UnitId};
use hitless_proto::input::{Input, PartyStart, Recorded};
use hitless_proto::io::{Durable, Output};
use hitless_proto::process::table;
use hitless_sim::replay::Replay;

/// A unit that is alone, its own voter: it becomes primary and takes one change.
fn recording() -> Vec<String> {
    let unit = UnitId(1);
    let start = PartyStart {
        chassis: Chassis {
            name: "alone".into(),
            digest_key: 1,
            units: vec![unit],
            cards: vec![],
            arbiter: ArbiterKind::Voters(vec![Party::Unit(unit)]),
            ack_path: AckPath::Direct,
            output_rule: OutputRule::Parallel,
            timing: Timing::default(),
        },
        party: Party::Unit(unit),
        processes: vec![ProcessId(2)],
        life: Life(7),
        durable: Durable::default(),
        entropy: 5,
        now: Time(0),
    };
    let mut lines = vec![start.to_line()];
    let mut replay = Replay::start(&lines[0]).unwrap();
    let mut inputs = vec![Input::Timeout, Input::Drained];
    let mut at = Time(1_000_000);
    let mut submitted = false;
    while let Some(input) = (!inputs.is_empty()).then(|| inputs.remove(0)) {
        at = at.after(10);
        let line = Recorded { at, input }.to_line();
        for output in replay.take(&line).unwrap().outputs {
            if let Output::Persist { token, .. } = output {
                inputs.extend([Input::Persisted { token }, Input::Drained]);
            }
        }
        lines.push(line);
        if inputs.is_empty() && !submitted {
            submitted = true;
            let change = table::put(b"key", b"value", b"note");
            inputs.extend([Input::Submit { process: ProcessId(2), change }, Input::Drained]);
        }
    }
    lines
}

#[test]
fn a_recording_ends_where_the_party_stood() {
    let text = recording().join("\n");
    let mut steps = 0;
    let replay = Replay::whole(text.as_bytes(), |_| steps += 1).unwrap();
    assert_eq!(replay.party(), Party::Unit(UnitId(1)));
    assert_eq!(steps, text.lines().count() - 1);
    let status = replay.status();
    assert!(status.contains("role: Primary") && status.contains("entries: 1,"), "{status}");
}

#[test]
fn a_damaged_recording_is_refused_by_line() {
    let mut lines = recording();
    lines[2].truncate(5);
    let refused = Replay::whole(lines.join("\n").as_bytes(), |_| ()).unwrap_err().to_string();
    assert!(refused.starts_with("line 3: "), "{refused}");
    assert!(Replay::whole(&b""[..], |_| ()).unwrap_err().to_string().contains("empty"));
}
