//! The check from outside: dump every card's forwarding table and the primary's entries, and compare key by key.

use std::collections::HashMap;
use std::time::Duration;

use hitless_admin::{Bytes, Client};
use hitless_proto::ids::{CardId, Party, UnitId};
use serde::Serialize;

use super::chassis::Chassis;
use super::journal::Journal;
use crate::config::ProcessKind;
use crate::failure::Failure;
use crate::render;

/// A chunk of a dump may wait for the table's thread.
const PATIENCE: Duration = Duration::from_secs(30);
/// Differences that are described; the rest is only counted.
const SHOWN: usize = 5;

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Comparison {
    /// Entries of the primary, over all processes.
    pub(super) entries: u64,
    /// Entries of cards that are equal to the primary's.
    pub(super) equal: u64,
    /// Keys whose last op was told to be safe, and which were looked for.
    pub(super) safe_keys: u64,
    /// Of those, how many are lost or wrong.
    pub(super) lost: u64,
    /// Entries of cards that are missing, differ, or should not be there.
    pub(super) different: u64,
    /// Some of what is wrong, in words.
    pub(super) examples: Vec<String>,
}

impl Comparison {
    fn note(&mut self, process: u16, key: &[u8], what: &str) {
        if self.examples.len() < SHOWN {
            self.examples.push(format!(
                "{} {}: {what}",
                render::process(process),
                render::key::text(process, key)
            ));
        }
    }
}

/// What the primary has for the cards.
struct Reference {
    part: Bytes,
    cards: Option<Vec<u16>>,
    /// Cards on which it was found equal, in this dump.
    found: bool,
}

/// Compares `cards` with `primary`, and `primary` with what the source was told.
pub(super) async fn compare(
    chassis: &Chassis,
    primary: UnitId,
    cards: &[CardId],
    journal: &Journal,
) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    for process in ProcessKind::ALL.map(ProcessKind::number) {
        let mut reference = entries_of(chassis, primary, process, journal, &mut comparison).await?;
        for card in cards {
            compare_card(chassis, *card, process, &mut reference, &mut comparison).await?;
        }
    }
    Ok(comparison)
}

async fn entries_of(
    chassis: &Chassis,
    primary: UnitId,
    process: u16,
    journal: &Journal,
    comparison: &mut Comparison,
) -> Result<HashMap<Box<[u8]>, Reference>, Failure> {
    let mut client = Client::connect(&chassis.admin(Party::Unit(primary)), PATIENCE).await?;
    let mut reference = HashMap::new();
    let take = |rows: Vec<hitless_admin::EntryRow>| {
        let pages = journal.pages();
        for row in rows {
            if let Some(wrong) = pages.model.judge_present(process, &row) {
                comparison.lost += 1;
                comparison.note(process, &row.0.0, wrong.text());
            }
            let held = Reference { part: row.1, cards: row.3, found: false };
            reference.insert(row.0.0.into_boxed_slice(), held);
        }
    };
    comparison.entries += client.dump(process, PATIENCE, take).await?;
    let pages = journal.pages();
    comparison.safe_keys += pages.model.expected(process);
    for key in pages.model.lost(process, |key| reference.contains_key(key)) {
        comparison.lost += 1;
        comparison.note(process, key, super::model::Wrong::Lost.text());
    }
    Ok(reference)
}

async fn compare_card(
    chassis: &Chassis,
    card: CardId,
    process: u16,
    reference: &mut HashMap<Box<[u8]>, Reference>,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let mut client = Client::connect(&chassis.admin(Party::Card(card)), PATIENCE).await?;
    let take = |rows: Vec<hitless_admin::EntryRow>| {
        for row in rows {
            match reference.get_mut(row.0.0.as_slice()).filter(|held| held.is_for(card)) {
                Some(held) => {
                    held.found = true;
                    if held.part == row.1 {
                        comparison.equal += 1;
                    } else {
                        comparison.different += 1;
                        comparison.note(
                            process,
                            &row.0.0,
                            &format!("{card} has another card part than the primary"),
                        );
                    }
                }
                None => {
                    comparison.different += 1;
                    comparison.note(process, &row.0.0, &format!("{card} has it and the primary does not"));
                }
            }
        }
    };
    client.dump(process, PATIENCE, take).await?;
    for (key, held) in reference.iter_mut() {
        if !std::mem::take(&mut held.found) && held.is_for(card) {
            comparison.different += 1;
            comparison.note(process, key, &format!("{card} does not have it"));
        }
    }
    Ok(())
}

impl Reference {
    fn is_for(&self, card: CardId) -> bool {
        self.cards.as_ref().is_none_or(|cards| cards.contains(&card.0))
    }
}
