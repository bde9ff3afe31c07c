//! One key at a time: what is made of what was kept and what the cards say, in every order in which they may be read.

use alloc::vec::Vec;

use super::*;
use crate::digest::{DigestKey, Sum};
use crate::entry::CardContent;

const CARDS: [CardId; 3] = [CardId(1), CardId(2), CardId(3)];
const NEVER: Version = Version::ZERO;
/// As of where the state was kept.
const BASE: Version = Version { epoch: crate::ids::Epoch(2), seq: crate::ids::Seq(100) };

fn at(seq: u64) -> Version {
    Version::new(2, seq)
}

/// A card's entry, for all cards or not; `None`: a delete that it remembers.
fn entry(version: Version, part: Option<(&str, bool)>) -> Option<LeafEntry> {
    let content = part.map(|(part, for_all)| CardContent { part: part.into(), for_all });
    let deleted = part.is_none();
    Some(LeafEntry { key: "key".into(), version, sum: Sum::ZERO, failed: false, deleted, content })
}

fn kept(version: Version, part: &str, audience: Audience) -> Option<(Version, Content)> {
    Some((version, Content { audience, card_part: part.into(), standby_part: Some("note".into()) }))
}

/// What the key holds in the end: audience, card part, standby-only part.
type Made = Option<(Audience, Blob, Option<Blob>)>;

/// With a base in which the key is so, or is not.
fn made(kept: Option<(Version, Content)>, told: &[(CardId, Version, Option<LeafEntry>)]) -> Made {
    make(Some(KeptAt { version: BASE, in_step: [CardId(1), CardId(2)].into() }), kept, told)
}

/// Without a base.
fn gathered(told: &[(CardId, Version, Option<LeafEntry>)]) -> Made {
    make(None, None, told)
}

fn make(
    base: Option<KeptAt>,
    kept: Option<(Version, Content)>,
    told: &[(CardId, Version, Option<LeafEntry>)],
) -> Made {
    let mut made: Option<Made> = None;
    for turn in 0..told.len() {
        for backwards in [false, true] {
            let mut told: Vec<_> = told.iter().cycle().skip(turn).take(told.len()).collect();
            if backwards {
                told.reverse();
            }
            let mut table = Table::for_unit(DigestKey::new(7));
            if let Some((version, content)) = &kept {
                table.write(*version, b"key", Some(content), false);
            }
            let read = told.iter().map(|(card, proved, _)| (*card, *proved)).collect();
            let mut rebuild = Rebuild::new(base.clone(), read);
            for (card, _, entry) in told {
                entry.iter().for_each(|entry| rebuild.take(*card, entry));
            }
            let leaf = table.leaf_of(b"key");
            rebuild.finish(&mut table, &[leaf], &CARDS);
            let content = table.row(b"key").and_then(|row| row.content());
            let found = content.map(|content| (content.audience, content.card_part, content.standby_part));
            assert_eq!(*made.get_or_insert(found.clone()), found, "the order matters");
        }
    }
    made.unwrap()
}

fn all(part: &str) -> Made {
    Some((Audience::All, part.into(), None))
}

fn all_noted(part: &str) -> Made {
    Some((Audience::All, part.into(), Some("note".into())))
}

#[test]
fn what_was_deleted_while_a_card_was_away_does_not_come_back() {
    let away = (CardId(3), at(40), entry(at(30), Some(("old", true))));
    let told = [(CardId(1), at(110), None), (CardId(2), at(110), None), away.clone()];
    assert_eq!(made(None, &told), None);
    // Nor where the card began a new life meanwhile, and nobody else is proved.
    let anew = (CardId(3), NEVER, entry(NEVER, Some(("old", true))));
    assert_eq!(made(None, &[(CardId(1), NEVER, None), anew]), None);
}

#[test]
fn what_a_card_in_a_new_life_found_counts_if_it_was_in_step_with_the_base() {
    let anew = |card, part| (CardId(card), NEVER, entry(NEVER, Some((part, true))));
    let held = || kept(at(50), "old", Audience::All);
    let both = Audience::cards([CardId(1), CardId(2)]);
    assert_eq!(made(None, &[anew(1, "new"), anew(2, "new")]), Some((both, "new".into(), None)));
    assert_eq!(made(held(), &[anew(1, "new"), anew(2, "new"), anew(3, "older")]), all("new"));
    assert_eq!(made(held(), &[anew(3, "older")]), all_noted("old"), "it was away");
    // Of an op that is beyond the position the store has the row already: that card may have a newer one.
    let beyond = kept(at(103), "beyond", Audience::All);
    assert_eq!(made(beyond.clone(), &[anew(1, "newest")]), all("newest"));
    assert_eq!(made(beyond, &[anew(3, "older")]), all_noted("beyond"));
    // New since the base: it is for whoever holds it, as far as anybody knows.
    assert_eq!(
        made(None, &[anew(1, "new"), anew(3, "new")]),
        Some((Audience::cards([CardId(1), CardId(3)]), "new".into(), None))
    );
    // A table may be lost with its machine.
    assert_eq!(made(held(), &[(CardId(1), NEVER, None), (CardId(2), NEVER, None)]), all_noted("old"));
    // A card that was proved later says that it was deleted.
    assert_eq!(made(held(), &[anew(1, "new"), (CardId(2), at(110), None)]), None);
}

#[test]
fn an_op_right_after_the_base_is_not_taken_for_what_a_card_found() {
    let first = (CardId(1), at(101), entry(at(101), Some(("first", true))));
    assert_eq!(
        made(kept(at(103), "third", Audience::All), core::slice::from_ref(&first)),
        all_noted("third")
    );
    // What has a version is better known than what was found.
    let anew = (CardId(2), NEVER, entry(NEVER, Some(("found", true))));
    assert_eq!(made(None, &[first, anew]), all("first"));
}

#[test]
fn what_was_deleted_after_the_base_does_not_come_back_from_it_nor_from_a_card_that_is_behind() {
    let held = kept(at(50), "old", Audience::All);
    let behind = (CardId(2), at(90), entry(at(50), Some(("old", true))));
    assert_eq!(made(held.clone(), &[(CardId(1), at(110), None), behind.clone()]), None);
    assert_eq!(made(held.clone(), &[(CardId(1), at(110), entry(at(105), None)), behind.clone()]), None);
    // A delete that a card remembers counts, though the card was not proved since.
    assert_eq!(made(held.clone(), &[(CardId(1), at(90), entry(at(105), None)), behind.clone()]), None);
    // A card that was not proved since the base says nothing by not holding it.
    assert_eq!(made(held, &[(CardId(1), at(90), None), behind]), all_noted("old"));
}

#[test]
fn what_was_written_after_the_base_is_taken_from_the_cards() {
    let newer = (CardId(1), at(110), entry(at(107), Some(("new", true))));
    let behind = (CardId(2), at(90), entry(at(50), Some(("old", true))));
    assert_eq!(made(kept(at(50), "old", Audience::All), &[newer.clone(), behind.clone()]), all("new"));
    assert_eq!(made(None, &[newer.clone(), (CardId(2), at(90), None)]), all("new"));
    // The same part by a newer op: the other part may have changed.
    let same = (CardId(1), at(110), entry(at(107), Some(("old", true))));
    assert_eq!(made(kept(at(50), "old", Audience::All), &[same, behind]), all("old"));
    // Written and deleted after the base, and a card was away in between.
    let away = (CardId(2), at(104), entry(at(103), Some(("short", true))));
    assert_eq!(made(None, &[(CardId(1), at(110), None), away]), None);
}

#[test]
fn an_op_that_no_card_got_stands() {
    let held = kept(at(99), "new", Audience::All);
    let behind = |card| (CardId(card), at(90), entry(at(50), Some(("old", true))));
    assert_eq!(made(held.clone(), &[behind(1), behind(2)]), all_noted("new"));
    // So does one that the store has although it is beyond the position.
    let beyond = kept(at(120), "newest", Audience::All);
    let proved = (CardId(1), at(110), entry(at(50), Some(("old", true))));
    assert_eq!(made(beyond, &[proved, behind(2)]), all_noted("newest"));
}

#[test]
fn cards_in_a_new_life_keep_what_was_kept() {
    let anew = |card| (CardId(card), NEVER, entry(NEVER, Some(("same", true))));
    let held = kept(at(50), "same", Audience::All);
    assert_eq!(made(held.clone(), &[anew(1), anew(2), anew(3)]), all_noted("same"));
    let proved = |card| (CardId(card), at(110), entry(NEVER, Some(("same", true))));
    assert_eq!(made(held, &[proved(1), proved(2), anew(3)]), all_noted("same"));
    assert_eq!(made(None, &[proved(1), proved(2), proved(3)]), all("same"), "written after the base");
}

#[test]
fn a_card_speaks_only_for_itself_where_an_entry_is_for_named_cards() {
    let both = Audience::cards([CardId(1), CardId(2)]);
    let held = || kept(at(50), "part", both.clone());
    let holds = |card, proved| (CardId(card), at(proved), entry(at(50), Some(("part", false))));
    let noted = |cards: &[u16]| {
        let cards = Audience::cards(cards.iter().map(|card| CardId(*card)));
        Some((cards, Blob::from("part"), Some(Blob::from("note"))))
    };
    assert_eq!(made(held(), &[holds(1, 110), holds(2, 110), (CardId(3), at(110), None)]), noted(&[1, 2]));
    assert_eq!(made(held(), &[holds(1, 110), (CardId(2), at(110), None)]), noted(&[1]));
    assert_eq!(made(held(), &[holds(1, 110), (CardId(2), at(90), None)]), noted(&[1, 2]));
    assert_eq!(made(held(), &[(CardId(1), at(110), None), (CardId(2), at(110), None)]), None);
    // Moved to the third card after the base.
    let moved = (CardId(3), at(110), entry(at(107), Some(("part", false))));
    let told = [(CardId(1), at(110), entry(at(107), None)), (CardId(2), at(110), None), moved];
    assert_eq!(made(held(), &told), Some((Audience::cards([CardId(3)]), "part".into(), None)));
    // From all cards to two of them.
    let named = |card| (CardId(card), at(110), entry(at(107), Some(("part", false))));
    let told = [named(1), named(2), (CardId(3), at(112), entry(at(107), None))];
    assert_eq!(made(kept(at(50), "part", Audience::All), &told), Some((both, "part".into(), None)));
}

#[test]
fn without_a_base_what_was_proved_later_counts_although_it_has_no_version() {
    let told = [
        (CardId(1), NEVER, entry(NEVER, Some(("old", true)))),
        (CardId(2), Version::new(4, 156), entry(NEVER, Some(("new", true)))),
        (CardId(3), NEVER, entry(Version::new(3, 90), Some(("older", true)))),
    ];
    assert_eq!(gathered(&told), all("new"));
}

#[test]
fn without_a_base_a_version_beats_what_was_proved_before_it() {
    let told = [
        (CardId(1), Version::new(3, 100), entry(NEVER, Some(("old", true)))),
        (CardId(2), NEVER, entry(Version::new(3, 115), Some(("new", true)))),
    ];
    assert_eq!(gathered(&told), all("new"));
}

#[test]
fn without_a_base_what_stood_when_a_card_was_proved_beats_a_delete_before_that() {
    // Put, deleted, put again with the same content: that card was away, and found equal.
    let told = [
        (CardId(1), at(2), entry(at(2), None)),
        (CardId(2), Version::new(3, 7), entry(at(1), Some(("same", true)))),
    ];
    assert_eq!(gathered(&told), all("same"));
}

#[test]
fn without_a_base_what_was_deleted_while_a_card_was_away_does_not_come_back() {
    let away = (CardId(3), at(40), entry(at(30), Some(("old", true))));
    assert_eq!(gathered(&[(CardId(1), at(110), None), away.clone()]), None);
    assert_eq!(gathered(&[(CardId(1), at(40), entry(at(50), None)), away.clone()]), None);
    assert_eq!(
        gathered(&[(CardId(1), NEVER, None), away]),
        all("old"),
        "a table may be lost with its machine"
    );
}

#[test]
fn without_a_base_one_cards_delete_says_nothing_of_another() {
    let told = [
        (CardId(3), NEVER, entry(Version::new(1, 1483), None)),
        (CardId(1), NEVER, entry(Version::new(1, 244), Some(("old", false)))),
        (CardId(2), NEVER, entry(Version::new(1, 1483), Some(("new", false)))),
    ];
    assert_eq!(gathered(&told), Some((Audience::cards([CardId(1), CardId(2)]), "new".into(), None)));
}

#[test]
fn without_a_base_who_did_not_hear_that_it_is_no_more_for_all_is_not_named() {
    let told = [
        (CardId(1), NEVER, entry(at(30), Some(("old", true)))),
        (CardId(2), NEVER, entry(at(40), Some(("new", false)))),
    ];
    assert_eq!(gathered(&told), Some((Audience::cards([CardId(2)]), "new".into(), None)));
}

#[test]
fn without_a_base_what_every_card_found_is_for_all() {
    let told = CARDS.map(|card| (card, NEVER, entry(NEVER, Some(("same", true)))));
    assert_eq!(gathered(&told), all("same"));
}
