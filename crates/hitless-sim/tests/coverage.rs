//! Coverage: its rows, its table, and what is counted.
#![allow(clippy::unwrap_used)]

use hitless_proto::ids::Time;
use hitless_proto::process::table;
use hitless_sim::World;
use hitless_sim::coverage::{Coverage, ROWS, Row, Victim, expected, markdown};
use hitless_sim::moments::{Ambush, Deed, When};
use hitless_sim::run::run;
use hitless_sim::trace::Tracing;

#[test]
fn every_fault_of_the_list_has_a_row_in_order() {
    assert!(ROWS.is_sorted_by(|one, next| one.row < next.row && one.number <= next.number));
    let numbers: std::collections::BTreeSet<u8> = ROWS.iter().map(|line| line.number).collect();
    assert_eq!(numbers, (1..=66).collect());
    for line in ROWS {
        assert!(!line.why.is_empty(), "{}: why nowhere else?", line.name);
    }
}

#[test]
fn the_document_has_the_rows() {
    let document = include_str!("../../../docs/simulation.md");
    assert!(document.contains(&markdown()), "docs/simulation.md should have:\n{}", markdown());
}

#[test]
fn what_was_never_hit_is_missing() {
    let mut coverage = Coverage::default();
    assert_eq!(coverage.missing().len(), expected().count());
    let (row, victim) = expected().next().unwrap();
    coverage.hit(row, victim);
    assert_eq!(coverage.missing().len() + 1, expected().count());
    assert!(!coverage.missing().contains(&(row, victim)));
    assert!(coverage.table().contains("MISSING"));
}

#[test]
fn runs_count_what_they_hit_each_time_the_same() {
    let (one, again) = (run(3, Tracing::Off), run(3, Tracing::Off));
    assert_eq!(one.summary.coverage, again.summary.coverage);
    assert_ne!(one.summary.coverage, Coverage::default());
}

/// A whole chassis with an ambush for `row`.
fn lie_in_wait(row: Row) -> World {
    let mut world = World::builder().units(3).build();
    world.run_until(World::is_whole).unwrap();
    let until = Time(world.now().0 + 10_000_000);
    world.lay(Ambush { when: When::Moment(row), deed: Deed::Kill, until, cards_live: true });
    world
}

#[test]
fn an_ambush_meets_a_primary_in_the_freeze_of_a_switchover() {
    let mut world = lie_in_wait(Row::InTheFreeze);
    let primary = world.primary().unwrap();
    world.switchover(None).unwrap();
    world.run_until(|world| world.unit(primary).is_none()).unwrap();
    assert_eq!(world.met().len(), 1);
    assert_eq!(world.coverage().hits(Row::InTheFreeze, Victim::HANDING_OVER), 1);
    assert_eq!(world.coverage().hits(Row::HandedOver, Victim::HANDING_OVER), 0);
}

#[test]
fn an_ambush_meets_a_primary_whose_op_has_reached_a_standby_and_no_card() {
    let mut world = lie_in_wait(Row::StandbyNoCard);
    let primary = world.primary().unwrap();
    for n in 0..200 {
        let change = table::put(format!("key-{n}").as_bytes(), b"value", b"note");
        if world.submit(table::ID, change).is_err() {
            break;
        }
        world.run_for(1_000).unwrap();
    }
    assert!(world.unit(primary).is_none(), "it lives");
    assert_eq!(world.met().len(), 1);
}
