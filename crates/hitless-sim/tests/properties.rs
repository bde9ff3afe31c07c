//! `docs/simulation.md` has a row for every checker, and a checker for every row.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hitless_sim::checkers::properties;

/// Files beside the checkers: what they are given, their tests, and the one that must fail.
const OTHERS: &[&str] = &["mod", "past", "plans", "canary", "tests"];

/// The rows of the section "Properties": property, and the file of its checker.
fn rows(text: &str) -> Vec<(String, String)> {
    let section = text.split("## ").find(|section| section.starts_with("Properties")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| property"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let row = |cells: Vec<&str>| {
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
        let file = cells[2].split('`').nth(1).and_then(|path| path.strip_prefix("checkers/")).unwrap();
        (cells[0].to_owned(), file.strip_suffix(".rs").unwrap().to_owned())
    };
    cells.map(row).collect()
}

#[test]
fn every_property_has_a_checker_and_every_checker_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join("../../docs/simulation.md")).unwrap());
    let named: Vec<&str> = rows.iter().map(|(property, _)| property.as_str()).collect();
    let watched = properties();
    assert_eq!(named.iter().collect::<BTreeSet<_>>(), watched.iter().collect::<BTreeSet<_>>());
    assert_eq!(
        (named.len(), watched.len()),
        (rows.len(), rows.len()),
        "a property is named or watched twice"
    );

    let mut files = BTreeSet::new();
    for (property, file) in &rows {
        let source = fs::read_to_string(root.join(format!("src/checkers/{file}.rs"))).unwrap();
        assert!(source.contains(&format!("\"{property}\"")), "{file}.rs does not check {property:?}");
        assert!(files.insert(file.clone()), "{file}.rs has two rows");
    }
    let all = fs::read_dir(root.join("src/checkers")).unwrap().map(|file| file.unwrap().path());
    let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let all: BTreeSet<String> = all.map(stem).filter(|name| !OTHERS.contains(&name.as_str())).collect();
    assert_eq!(files, all);
}
