//! Scenes hold with every rule in place; every rule has its mutant, and the document says where each was seen.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use hitless_proto::rules::RULES;
use hitless_sim::mutants::{MUTANTS, markdown};
use hitless_sim::run::run_case;
use hitless_sim::scenes::{SCENES, Scene};
use hitless_sim::{Case, Tracing};

#[test]
fn every_scene_holds_whatever_the_seed() {
    for scene in SCENES {
        for seed in 0..20 {
            let case = Case { seed, scene: Some(scene), ..Case::default() };
            let outcome = run_case(&case, Tracing::Off);
            assert_eq!(outcome.violation, None, "{case} --trace");
            assert!(outcome.summary.steps > 100, "{case} did nothing");
        }
    }
}

#[test]
fn every_rule_has_a_mutant_and_every_scene_is_there_for_one() {
    let of = MUTANTS.iter().map(|mutant| mutant.rule).collect::<Vec<_>>();
    assert_eq!(of, RULES);
    let used: BTreeSet<&str> = MUTANTS.iter().filter_map(|mutant| mutant.scene).collect();
    let there: BTreeSet<&str> = SCENES.iter().map(|scene| scene.name).collect();
    assert_eq!((used, SCENES.len()), (there.clone(), there.len()));
    assert!(SCENES.iter().all(|scene| Scene::named(scene.name) == Some(scene)));
}

#[test]
fn the_document_has_the_mutants() {
    let document = include_str!("../../../docs/simulation.md");
    assert!(document.contains(&markdown()), "docs/simulation.md should have:\n{}", markdown());
}
