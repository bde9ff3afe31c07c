//! Each way in which a state directory can be wrong.

use std::process::Command;

use hitless_proto::arbiter::{Record, VoterState};
use hitless_proto::ids::{CardId, Epoch, Life, UnitId};
use hitless_proto::message::Ballot;
use tempfile::TempDir;

use super::*;

const U1: Party = Party::Unit(UnitId(1));

fn durable(epoch: u32) -> Durable {
    let accepted = Record {
        epoch: Epoch(epoch),
        version: 3,
        owner: UnitId(1),
        opened: true,
        in_sync: vec![(UnitId(1), Life(u64::MAX)), (UnitId(2), Life(0))],
    };
    let promised = Ballot { epoch: Epoch(epoch + 1), unit: UnitId(2) };
    Durable { promised: Epoch(epoch + 1), owner: UnitId(2), voter: VoterState { promised, accepted } }
}

fn open(directory: &TempDir) -> RedbStore {
    RedbStore::open(directory.path(), "lab", U1).expect("opens")
}

fn refusal(directory: &Path, chassis: &str, party: Party) -> StoreError {
    RedbStore::open(directory, chassis, party).err().expect("refused")
}

#[test]
fn what_was_saved_last_is_found_again() {
    let directory = TempDir::new().expect("a directory");
    let mut store = open(&directory);
    assert_eq!(store.load().expect("loads"), None);
    for epoch in 0..5 {
        store.save(&durable(epoch)).expect("saves");
        assert_eq!(store.load().expect("loads"), Some(durable(epoch)));
    }
    drop(store);
    assert_eq!(open(&directory).load().expect("loads"), Some(durable(4)));
}

#[test]
fn directory_is_created_and_belongs_to_one_party() {
    let directory = TempDir::new().expect("a directory");
    let nested = directory.path().join("a/b");
    drop(RedbStore::open(&nested, "lab", U1).expect("opens"));
    let text = refusal(&nested, "lab", Party::Card(CardId(1))).to_string();
    assert!(
        text.contains("belongs to unit-1 of chassis \"lab\", and this is card-1 of chassis \"lab\""),
        "{text}"
    );
    let text = refusal(&nested, "field", U1).to_string();
    assert!(text.contains("and this is unit-1 of chassis \"field\""), "{text}");
    drop(RedbStore::open(&nested, "lab", U1).expect("still its own"));
}

#[test]
fn second_opener_is_told_that_it_is_in_use() {
    let directory = TempDir::new().expect("a directory");
    let _store = open(&directory);
    assert!(matches!(refusal(directory.path(), "lab", U1), StoreError::InUse { .. }));
}

#[test]
fn directory_that_is_a_file_is_an_environment_error() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "x").expect("written");
    assert!(matches!(refusal(&file, "lab", U1), StoreError::Io { action: "create", .. }));
}

#[test]
fn garbage_is_damage() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join(FILE), vec![0x5a; 100_000]).expect("written");
    let error = refusal(directory.path(), "lab", U1);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

/// Whatever bytes are hit: the saved state is found or the damage is told. Never a panic, never an older promise.
#[test]
fn damaged_file_never_yields_another_state() {
    let directory = TempDir::new().expect("a directory");
    let mut store = open(&directory);
    store.save(&durable(1)).expect("saves");
    store.save(&durable(7)).expect("saves");
    drop(store);
    let place = directory.path().join(FILE);
    let sound = fs::read(&place).expect("read");
    let used: Vec<usize> = (0..sound.len()).filter(|&at| sound[at] != 0).collect();
    let mut told = 0;
    for round in 0..120 {
        let mut bytes = sound.clone();
        let at = used[round * 7_919 % used.len()];
        bytes[at] ^= 1 << (round % 8);
        fs::write(&place, &bytes).expect("written");
        let state = RedbStore::open(directory.path(), "lab", U1).and_then(|mut store| store.load());
        match state {
            Ok(state) => assert_eq!(state, Some(durable(7)), "byte {at}"),
            Err(StoreError::Damaged { .. } | StoreError::Foreign { .. }) => told += 1,
            Err(error) => panic!("byte {at}: {error:?}"),
        }
    }
    assert!(told > 5, "{told} of 120");
}

#[test]
fn leftover_of_an_interrupted_start_is_no_obstacle() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("hitless.new"), vec![0; 5_000]).expect("written");
    open(&directory).save(&durable(1)).expect("saves");
    assert!(!directory.path().join("hitless.new").exists());
}

#[test]
fn truncated_file_is_damage() {
    let directory = TempDir::new().expect("a directory");
    open(&directory).save(&durable(1)).expect("saves");
    let place = directory.path().join(FILE);
    let sound = fs::read(&place).expect("read");
    for length in [0, 1, 100, 4096, 5000, sound.len() / 2, sound.len() - 1] {
        fs::write(&place, &sound[..length]).expect("written");
        let error = refusal(directory.path(), "lab", U1);
        assert!(matches!(error, StoreError::Damaged { .. }), "{length}: {error:?}");
    }
}

const FULL: &str = "HITLESS_TEST_FULL_DIRECTORY";

/// Runs in a process of its own, whose files cannot grow.
#[test]
#[ignore = "run by full_disk_is_told_and_survived"]
fn store_on_a_full_disk() {
    let Some(directory) = std::env::var_os(FULL) else { return };
    let error = RedbStore::open(Path::new(&directory), "lab", U1).err().expect("no room");
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("has room"));
}

#[test]
#[cfg(unix)]
fn full_disk_is_told_and_survived() {
    let directory = TempDir::new().expect("a directory");
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "redb_store::tests::store_on_a_full_disk"])
        .env(FULL, directory.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
    open(&directory).save(&durable(1)).expect("there is room again");
}
