//! The file under contention, damage and delay.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hitless_proto::ids::Epoch;
use tempfile::TempDir;

use super::*;

const L: Life = Life(u64::MAX - 1);

fn arbiter(directory: &Path) -> LocalArbiter {
    LocalArbiter::new(directory.join("epoch.json"), "lab")
}

fn claim(unit: u8, life: Life) -> ArbiterRequest {
    ArbiterRequest::Claim { unit: UnitId(unit), life, recovering: None }
}

fn granted(verdict: Verdict) -> Record {
    match verdict {
        Verdict::Granted(record) => record,
        other => panic!("not granted: {other:?}"),
    }
}

fn unavailable(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unavailable(text) => text,
        other => panic!("available: {other:?}"),
    }
}

#[test]
fn only_units_in_sync_claim_and_only_owners_write() {
    let directory = TempDir::new().expect("a directory");
    let mut one = arbiter(directory.path());
    let mut two = arbiter(directory.path());
    let first = granted(one.decide(claim(1, L)));
    assert_eq!((first.epoch, first.owner, first.opened), (Epoch(1), UnitId(1), false));
    let opened = first.changed(true, vec![(UnitId(1), L), (UnitId(2), Life(5))]);
    assert_eq!(one.decide(ArbiterRequest::Write(opened.clone())), Verdict::Written(opened.clone()));
    assert_eq!(two.decide(claim(2, Life(6))), Verdict::Denied(opened.clone()), "another life");
    assert_eq!(two.decide(claim(3, L)), Verdict::Denied(opened.clone()), "not in sync");
    let second = granted(two.decide(claim(2, Life(5))));
    assert_eq!(second, opened.claimed_by(UnitId(2), Epoch(2)));
    let late = opened.changed(true, vec![]);
    assert_eq!(one.decide(ArbiterRequest::Write(late)), Verdict::Superseded(second));
}

#[test]
fn recovering_unit_claims_exactly_the_record_it_judged() {
    let directory = TempDir::new().expect("a directory");
    let mut arbiter = arbiter(directory.path());
    let opened = granted(arbiter.decide(claim(1, L))).changed(true, vec![(UnitId(1), L)]);
    arbiter.decide(ArbiterRequest::Write(opened.clone()));
    let recover = |seen: &Record| ArbiterRequest::Claim {
        unit: UnitId(1),
        life: Life(9),
        recovering: Some(seen.clone()),
    };
    let stale = Record { version: 0, ..opened.clone() };
    assert_eq!(arbiter.decide(recover(&stale)), Verdict::Denied(opened.clone()));
    assert_eq!(granted(arbiter.decide(recover(&opened))).epoch, Epoch(2));
}

#[test]
fn write_that_was_stored_without_a_verdict_does_not_share_its_version() {
    let directory = TempDir::new().expect("a directory");
    let mut arbiter = arbiter(directory.path());
    let first = granted(arbiter.decide(claim(1, L)));
    let one = first.changed(true, vec![(UnitId(1), L)]);
    assert_eq!(arbiter.decide(ArbiterRequest::Write(one.clone())), Verdict::Written(one.clone()));
    assert_eq!(arbiter.decide(ArbiterRequest::Write(one.clone())), Verdict::Written(one), "again");
    let other = first.changed(true, vec![]);
    assert_eq!(
        arbiter.decide(ArbiterRequest::Write(other.clone())),
        Verdict::Written(Record { version: 2, ..other })
    );
}

#[test]
fn epochs_used_up_are_told_as_such() {
    let directory = TempDir::new().expect("a directory");
    let last = Record { epoch: Epoch(u32::MAX), in_sync: vec![(UnitId(1), L)], ..Record::default() };
    arbiter(directory.path()).file.write(&last).expect("written");
    let told = unavailable(arbiter(directory.path()).decide(claim(1, L)));
    assert!(told.contains("epochs are used up"), "{told}");
    assert_eq!(arbiter(directory.path()).decide(claim(2, L)), Verdict::Denied(last), "not in sync");
}

#[test]
fn damage_is_told_and_kept() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("epoch.json");
    let sound = {
        granted(arbiter(directory.path()).decide(claim(1, L)));
        fs::read_to_string(&path).expect("read")
    };
    for garbage in [
        "",
        "{",
        "null",
        "\u{0}\u{0}",
        &sound[..sound.len() / 2],
        &sound.replace("1,", "-1,"),
        &format!("{sound}x"),
    ] {
        fs::write(&path, garbage).expect("written");
        let text = unavailable(arbiter(directory.path()).decide(claim(1, L)));
        assert!(text.contains("cannot be understood") && text.contains("epoch.json"), "{garbage:?}: {text}");
        assert_eq!(fs::read_to_string(&path).expect("read"), garbage, "not overwritten");
    }
    fs::write(&path, [0xff, 0xfe]).expect("written");
    assert!(unavailable(arbiter(directory.path()).decide(claim(1, L))).contains("not text"));
    fs::write(&path, sound.replace("lab", "field")).expect("written");
    assert!(
        unavailable(arbiter(directory.path()).decide(claim(1, L))).contains("belongs to chassis \"field\"")
    );
    fs::write(&path, sound).expect("written");
    granted(arbiter(directory.path()).decide(claim(2, L)));
}

#[test]
fn missing_directory_and_held_lock_are_told() {
    let directory = TempDir::new().expect("a directory");
    let mut lost = arbiter(&directory.path().join("absent"));
    assert!(unavailable(lost.decide(claim(1, L))).contains("check that its directory exists"));
    let mut waiting = arbiter(directory.path());
    waiting.wait = Duration::from_millis(30);
    let holder = arbiter(directory.path()).acquire().expect("locked");
    assert!(unavailable(waiting.decide(claim(1, L))).contains("held by another process"));
    drop(holder);
    granted(waiting.decide(claim(1, L)));
}

const CONTENDERS: usize = 4;
const CLAIMS: usize = 25;

/// Claims `CLAIMS` epochs, opens each, and names them; superseded writes are other contenders at work.
fn contend(directory: &Path, unit: u8) -> Vec<u32> {
    let mut arbiter = arbiter(directory);
    let everyone: Vec<(UnitId, Life)> = (1..=CONTENDERS as u8).map(|unit| (UnitId(unit), L)).collect();
    let mut epochs = Vec::new();
    while epochs.len() < CLAIMS {
        let record = granted(arbiter.decide(claim(unit, L)));
        assert_eq!(record.owner, UnitId(unit));
        epochs.push(record.epoch.0);
        match arbiter.decide(ArbiterRequest::Write(record.changed(true, everyone.clone()))) {
            Verdict::Written(written) => assert_eq!(written.epoch, record.epoch),
            Verdict::Superseded(newer) => assert!(newer.epoch > record.epoch),
            other => panic!("{other:?}"),
        }
    }
    epochs
}

fn check_contest(epochs: impl IntoIterator<Item = u32>, directory: &Path) {
    let mut counts = BTreeMap::new();
    for epoch in epochs {
        *counts.entry(epoch).or_insert(0) += 1;
    }
    let expected: BTreeMap<u32, i32> = (1..=(CONTENDERS * CLAIMS) as u32).map(|epoch| (epoch, 1)).collect();
    assert_eq!(counts, expected, "every epoch once");
    assert_eq!(arbiter(directory).file.read().expect("read").epoch.0 as usize, CONTENDERS * CLAIMS);
}

#[test]
fn contending_threads_never_share_an_epoch() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    let epochs: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (1..=CONTENDERS as u8).map(|unit| scope.spawn(move || contend(path, unit))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a contender")).collect()
    });
    check_contest(epochs, path);
}

const CONTENDER: &str = "HITLESS_TEST_CONTENDER";

/// Runs in a process of its own.
#[test]
#[ignore = "run by contending_processes_never_share_an_epoch"]
fn contender() {
    let Ok(task) = std::env::var(CONTENDER) else { return };
    let (unit, directory) = task.split_once(' ').expect("a task");
    let epochs = contend(Path::new(directory), unit.parse().expect("a unit"));
    let text: Vec<String> = epochs.iter().map(u32::to_string).collect();
    fs::write(Path::new(directory).join(format!("epochs-{unit}")), text.join(" ")).expect("written");
}

#[test]
fn contending_processes_never_share_an_epoch() {
    let directory = TempDir::new().expect("a directory");
    let start = |unit: usize| -> Child {
        Command::new(std::env::current_exe().expect("this test"))
            .args(["--ignored", "--exact", "local_arbiter::tests::contender"])
            .env(CONTENDER, format!("{unit} {}", directory.path().display()))
            .stdout(Stdio::null())
            .spawn()
            .expect("a contender")
    };
    let children: Vec<Child> = (1..=CONTENDERS).map(start).collect();
    for mut child in children {
        assert!(child.wait().expect("ends").success());
    }
    let read =
        |unit: usize| fs::read_to_string(directory.path().join(format!("epochs-{unit}"))).expect("epochs");
    let texts: Vec<String> = (1..=CONTENDERS).map(read).collect();
    let epochs = texts.iter().flat_map(|text| text.split(' ')).map(|epoch| epoch.parse().expect("an epoch"));
    check_contest(epochs, directory.path());
}
