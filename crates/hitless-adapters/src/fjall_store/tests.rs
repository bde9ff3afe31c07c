//! What is kept is found again; each way in which it can be wrong is told, and survived.

use std::process::Command;

use hitless_proto::entry::{Audience, Content};
use hitless_proto::ids::{CardId, UnitId, Version};
use hitless_proto::kept::KeptRow;
use tempfile::TempDir;

use super::*;

const U1: Party = Party::Unit(UnitId(1));
const FIB: ProcessId = ProcessId(1);
const TABLE: ProcessId = ProcessId(2);

fn store(directory: &TempDir) -> FjallStore {
    FjallStore::new(directory.path(), "lab", U1)
}

fn row(number: u32, seq: Option<u64>) -> KeptRow {
    let content = |seq: u64| Content {
        audience: if number.is_multiple_of(3) { Audience::cards([CardId(2)]) } else { Audience::All },
        card_part: Blob::new(&seq.to_le_bytes()),
        standby_part: (!number.is_multiple_of(5)).then(|| "note".into()),
    };
    let entry = seq.map(|seq| (Version::new(1, seq), content(seq)));
    KeptRow { leaf: number % 1000, key: Blob::new(&number.to_be_bytes()), entry }
}

fn batch(process: ProcessId, rows: impl Iterator<Item = KeptRow>, at: Option<u64>) -> KeepBatch {
    let at = at.map(|seq| KeptAt { version: Version::new(1, seq), in_step: vec![CardId(1), CardId(2)] });
    KeepBatch { process, cleared: Vec::new(), rows: rows.collect(), at }
}

type Kept = BTreeMap<ProcessId, (Version, BTreeMap<Blob, (Version, Content)>)>;

fn load(store: &mut FjallStore) -> Result<Kept, StoreError> {
    let mut kept = Kept::new();
    store.load(&mut |process, at, entries| {
        let of = kept.entry(process).or_default();
        of.0 = at.version;
        of.1.extend(entries.into_iter().map(|(key, version, content)| (key, (version, content))));
    })?;
    kept.retain(|_, (at, entries)| *at > Version::ZERO || !entries.is_empty());
    Ok(kept)
}

/// 3,000 rows of one process, some of which are gone again, and one of another.
fn fill(store: &mut FjallStore) {
    store.write(batch(FIB, (0..3_000).map(|n| row(n, Some(n.into()))), None)).expect("written");
    store.write(batch(FIB, (0..100).map(|n| row(n, None)), Some(5_000))).expect("written");
    store.write(batch(TABLE, [row(7, Some(9))].into_iter(), Some(9))).expect("written");
}

#[test]
fn what_was_written_is_found_again_by_process() {
    let directory = TempDir::new().expect("a directory");
    let mut first = store(&directory);
    assert_eq!(load(&mut first).expect("loads"), Kept::new());
    fill(&mut first);
    drop(first);
    let kept = load(&mut store(&directory)).expect("loads");
    assert_eq!(kept.keys().collect::<Vec<_>>(), [&FIB, &TABLE]);
    let (at, entries) = &kept[&FIB];
    assert_eq!((*at, entries.len()), (Version::new(1, 5_000), 2_900));
    for number in 100..3_000 {
        let row = row(number, Some(number.into()));
        assert_eq!(entries.get(&row.key), row.entry.as_ref());
    }
    assert_eq!((kept[&TABLE].0, kept[&TABLE].1.len()), (Version::new(1, 9), 1));
}

#[test]
fn a_leaf_is_emptied_before_its_rows_are_written() {
    let directory = TempDir::new().expect("a directory");
    let mut store = store(&directory);
    fill(&mut store);
    // Of leaf 500 there are the numbers 500, 1500 and 2500; leaf 501 and the other process stay.
    let rows = [row(1_500, Some(7_000)), row(4_500, Some(7_001)), row(2_501, None)];
    let cleared = vec![500];
    store.write(KeepBatch { cleared, ..batch(FIB, rows.into_iter(), Some(7_001)) }).expect("written");
    let kept = load(&mut store).expect("loads");
    let held = |number| kept[&FIB].1.get(&row(number, None).key).map(|(version, _)| version.seq.0);
    assert_eq!([500, 1_500, 2_500, 4_500].map(held), [None, Some(7_000), None, Some(7_001)]);
    assert_eq!([501, 1_501, 2_501].map(held), [Some(501), Some(1_501), None]);
    assert_eq!((kept[&FIB].0, kept[&TABLE].1.len()), (Version::new(1, 7_001), 1));
}

#[test]
fn another_partys_state_is_told_and_put_aside() {
    let directory = TempDir::new().expect("a directory");
    fill(&mut store(&directory));
    let mut other = FjallStore::new(directory.path(), "field", U1);
    let error = load(&mut other).expect_err("refused");
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    other.begin().expect("begins anew");
    assert_eq!(load(&mut other).expect("loads"), Kept::new());
    drop(other);
    assert!(directory.path().join("entries.damaged").is_dir());
    assert!(matches!(load(&mut store(&directory)), Err(StoreError::Foreign { .. })));
}

#[test]
fn second_opener_is_told_that_it_is_in_use() {
    let directory = TempDir::new().expect("a directory");
    let mut first = store(&directory);
    fill(&mut first);
    assert!(matches!(load(&mut store(&directory)), Err(StoreError::InUse { .. })));
}

/// Whatever file is damaged: never a panic, and never an entry that was not written under its key. Then it begins anew.
#[test]
fn damage_is_told_or_costs_what_came_last() {
    let directory = TempDir::new().expect("a directory");
    fill(&mut store(&directory));
    let sound = files(directory.path());
    assert!(sound.len() > 3, "{sound:?}");
    let mut told = 0;
    for (round, (path, bytes)) in (0..).zip(sound.iter().cycle().take(40)) {
        let bitten = TempDir::new().expect("a directory");
        for (other, bytes) in &sound {
            let place = bitten.path().join(other);
            fs::create_dir_all(place.parent().expect("a parent")).expect("created");
            fs::write(place, bytes).expect("written");
        }
        let mut bytes = bytes.clone();
        if round % 3 == 0 {
            bytes.truncate(bytes.len() * (round % 7) / 8);
        } else if !bytes.is_empty() {
            let at = round * 7_919 % bytes.len();
            bytes[at] ^= 1 << (round % 8);
        }
        fs::write(bitten.path().join(path), bytes).expect("written");
        let mut store = store(&bitten);
        match load(&mut store) {
            Ok(kept) => {
                for (key, (version, _)) in kept.get(&FIB).into_iter().flat_map(|(_, entries)| entries) {
                    assert_eq!(
                        u64::from(u32::from_be_bytes((**key).try_into().expect("a key"))),
                        version.seq.0
                    );
                }
            }
            Err(_) => told += 1,
        }
        store.begin().expect("begins");
        store.write(batch(FIB, [row(1, Some(1))].into_iter(), Some(1))).expect("written");
    }
    assert!(told > 5, "{told} of 40");
}

/// Every file below a directory, by its path from there.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("below").to_owned();
                found.insert(name, fs::read(path).expect("read"));
            }
        }
    }
    found
}

const FULL: &str = "HITLESS_TEST_FULL_STORE";

/// Runs in a process of its own, whose files cannot grow.
#[test]
#[ignore = "run by a_full_disk_is_told_and_what_was_written_stays"]
fn store_on_a_full_disk() {
    let Some(directory) = std::env::var_os(FULL) else { return };
    let mut store = FjallStore::new(Path::new(&directory), "lab", U1);
    load(&mut store).expect("loads");
    let error = (0..10_000).find_map(|round| {
        let rows = (0..1_000).map(|n| row(10_000 + n, Some(round)));
        store.write(batch(FIB, rows, None)).err()
    });
    let error = error.expect("no room");
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("has room"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_full_disk_is_told_and_what_was_written_stays() {
    let directory = TempDir::new().expect("a directory");
    fill(&mut store(&directory));
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "fjall_store::tests::store_on_a_full_disk"])
        .env(FULL, directory.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
    let mut store = store(&directory);
    store.begin().expect("there is room again");
    let kept = load(&mut store).expect("loads");
    assert_eq!(kept[&FIB].0, Version::new(1, 5_000));
    store.write(batch(FIB, [row(1, Some(6_000))].into_iter(), Some(6_000))).expect("written");
}
