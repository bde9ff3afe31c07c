//! `docs/claims.md` names a test for every claim, and every test it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The numbers in a cell such as `1, 9, 22-24`.
fn numbers(cell: &str) -> Vec<u32> {
    let parts = cell.split(',').map(str::trim);
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// The words of a cell that are between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Observed: the rows of the table, the names of test functions in this target, and the files that it points to.
#[test]
fn every_claim_has_a_mechanism_and_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = root.join("../..");
    let text = fs::read_to_string(workspace.join("docs/claims.md")).unwrap();
    let mut tests = BTreeSet::new();
    for file in fs::read_dir(root.join("tests/claims")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let functions = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        tests.extend(functions.map(str::to_owned));
    }
    let mut claims = BTreeSet::new();
    let mut named = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let of = numbers(cells[0]);
        let is_claim = !of.is_empty();
        for claim in of {
            assert!(claims.insert(claim), "claim {claim} is listed twice");
        }
        if is_claim {
            assert_eq!(cells.len(), 4, "{row}");
            assert!(!cells[1].is_empty(), "no mechanism: {row}");
            assert!(quoted(cells[2]).count() > 0 && quoted(cells[3]).count() > 0, "no file or test: {row}");
            let files = quoted(cells[2]).map(|file| workspace.join("crates").join(file));
            files.for_each(|file| assert!(file.is_file(), "{}", file.display()));
        }
        named.extend(quoted(cells.last().unwrap()).map(str::to_owned));
    }
    assert_eq!(claims.into_iter().collect::<Vec<_>>(), (1..=43).collect::<Vec<_>>());
    let missing: Vec<&String> = named.difference(&tests).collect();
    assert!(missing.is_empty(), "named, but not there: {missing:?}");
    let unnamed: Vec<&String> = tests.difference(&named).collect();
    assert_eq!(unnamed, ["every_claim_has_a_mechanism_and_a_test_that_exists"], "there, but not named");
}
