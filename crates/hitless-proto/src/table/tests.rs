//! Tests of the table against a plain map.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::entry::Blob;

fn content(card: &[u8], standby: Option<&[u8]>, cards: Option<&[u16]>) -> Content {
    Content {
        audience: cards.map_or(Audience::All, |cards| Audience::cards(cards.iter().map(|id| CardId(*id)))),
        card_part: Blob::new(card),
        standby_part: standby.map(Blob::new),
    }
}

#[test]
fn a_row_gives_back_what_was_written() {
    let mut table = Table::for_unit(DigestKey::new(1));
    let whole = content(b"card part", Some(b"standby part"), Some(&[3, 1, 3]));
    table.write(Version::new(7, 1 << 40), b"key", Some(&whole), false);
    let row = table.row(b"key").unwrap();
    assert_eq!(row.version(), Version::new(7, 1 << 40));
    assert_eq!(row.content(), Some(whole));
    assert_eq!(row.audience(), Audience::cards([CardId(1), CardId(3)]));
    assert!(!row.failed() && !row.deleted() && !row.for_all());
    assert!(table.row(b"other").is_none());
}

#[test]
fn tombstones_are_kept_until_forgotten_and_only_by_their_own_op() {
    let mut table = Table::for_unit(DigestKey::new(1));
    table.write(Version::new(1, 1), b"k", Some(&content(b"v", None, None)), false);
    table.write(Version::new(1, 2), b"k", None, false);
    assert!(table.row(b"k").unwrap().deleted());
    assert_eq!((table.entries(), table.unit_sum(0, 0)), (0, Sum::ZERO));
    table.forget(Version::new(1, 1), b"k");
    assert!(table.row(b"k").is_some());
    table.forget(Version::new(1, 2), b"k");
    assert!(table.row(b"k").is_none());
}

#[test]
fn a_cards_digest_equals_what_its_unit_expects_of_it() {
    let mut unit = Table::for_unit(DigestKey::new(9));
    let mut card = Table::for_card(DigestKey::new(9));
    for n in 0..500u64 {
        let cards: Option<&[u16]> = if n % 3 == 0 { Some(&[2]) } else { None };
        let whole = content(&n.to_le_bytes(), Some(b"source"), cards);
        unit.write(Version::new(1, n), &n.to_be_bytes(), Some(&whole), false);
        // The card holds the same under another version, and without the standby-only part.
        let held = content(&n.to_le_bytes(), None, Some(&[2]));
        card.write(Version::new(3, n), &n.to_be_bytes(), Some(&held), false);
    }
    assert_eq!(unit.card_sum(CardId(2), 0, 0), card.card_sum(CardId(2), 0, 0));
    assert_ne!(unit.card_sum(CardId(1), 0, 0), card.card_sum(CardId(2), 0, 0));
}

#[test]
fn long_keys_and_parts_and_many_cards_come_back() {
    let cards: Vec<u16> = (1..=1024).collect();
    let mut table = Table::for_unit(DigestKey::new(1));
    for (key, card, standby) in
        [(1, 0, 0), (255, 255, 255), (256, 3, 3), (3, 256, 3), (4, 3, 65_536), (1024, 65_536, 0)]
    {
        let key = vec![7; key];
        let whole = content(&vec![1; card], Some(&vec![2; standby]), Some(&cards));
        for whole in [whole.clone(), content(b"short", None, None), whole] {
            table.write(Version::new(1, 2), &key, Some(&whole), true);
            let row = table.row(&key).unwrap();
            assert_eq!((row.content(), row.key(), row.failed()), (Some(whole), &key[..], true));
        }
    }
    assert_eq!(table.rows().count(), 6);
}

proptest! {
    #[test]
    fn any_writes_and_forgettings_leave_what_a_plain_map_holds(
        ops in proptest::collection::vec((0u16..300, proptest::option::of(0usize..300), any::<bool>()), 0..400)
    ) {
        let mut table = Table::for_unit(DigestKey::new(5));
        let mut model: BTreeMap<[u8; 2], (Version, Option<Content>)> = BTreeMap::new();
        for (n, (key, len, named)) in ops.iter().enumerate() {
            let (key, version) = (key.to_be_bytes(), Version::new(1, n as u64 + 1));
            if let (None, Some((held, None))) = (len, model.get(&key)) {
                table.forget(*held, &key);
                model.remove(&key);
                continue;
            }
            let whole = len.map(|len| content(&vec![9; len], Some(&[4]), named.then_some(&[1, 2][..])));
            table.write(version, &key, whole.as_ref(), false);
            model.insert(key, (version, whole));
        }
        for (key, (version, whole)) in &model {
            let row = table.row(key).unwrap();
            prop_assert_eq!((row.version(), row.content()), (*version, whole.clone()));
        }
        prop_assert_eq!(table.rows().count(), model.len());
        let bytes = |(key, (_, whole)): (&[u8; 2], &(Version, Option<Content>))| {
            whole.as_ref().map_or(0, |whole| key.len() + whole.card_part.len()) as u64
        };
        prop_assert_eq!(table.card_bytes(), model.iter().map(bytes).sum::<u64>());
        let leaves = (0..LEAVES).flat_map(|leaf| table.leaf(leaf)).count();
        prop_assert_eq!(leaves, model.len());
    }

    #[test]
    fn digests_depend_on_what_is_held_and_not_on_the_way_there(
        ops in proptest::collection::vec((0u8..20, proptest::option::of(0u8..4)), 0..200)
    ) {
        let mut table = Table::for_unit(DigestKey::new(5));
        let mut model = BTreeMap::new();
        for (n, (key, value)) in ops.iter().enumerate() {
            let version = Version::new(1, n as u64 + 1);
            let whole = value.map(|value| content(&[value], None, None));
            table.write(version, &[*key], whole.as_ref(), false);
            model.insert(*key, (version, whole));
        }
        let mut again = Table::for_unit(DigestKey::new(5));
        for (key, (version, whole)) in model.iter().rev() {
            again.write(*version, &[*key], whole.as_ref(), false);
        }
        prop_assert_eq!(table.unit_sum(0, 0), again.unit_sum(0, 0));
        prop_assert_eq!(table.entries(), model.values().filter(|(_, whole)| whole.is_some()).count() as u64);
        prop_assert_eq!(table.rows().count(), model.len());
    }
}

/// A store that takes what it is given, however much at a time, holds what the table holds, as of where it says.
#[test]
fn what_is_given_to_a_store_is_the_table() {
    let mut table = Table::for_unit(DigestKey::new(3));
    table.keep(KeptAt::default());
    let mut stored: BTreeMap<(u32, Blob), (Version, Content)> = BTreeMap::new();
    let mut at = Version::ZERO;
    for seq in 1..200_000u64 {
        let key = (seq * 7919 % 20_011).to_be_bytes();
        let content = content(&seq.to_le_bytes(), Some(b"s"), None);
        table.write(Version::new(1, seq), &key, (seq % 5 > 0).then_some(&content), false);
        if seq % 5 == 0 {
            table.forget(Version::new(1, seq), &key);
        }
        // It is never at rest, and the second half is more at once than keys are noted.
        let most = if seq < 100_000 && seq % 3 == 0 { 4 } else { 0 };
        store(&mut table, (most, seq), &mut stored, &mut at);
        assert!(seq > 100_000 || at.seq.0 + 2_000 > seq, "{at} at {seq}");
    }
    assert!(table.unkept.as_ref().unwrap().waiting() < LEAVES as usize + 2 * crate::limits::MAX_UNKEPT);
    while store(&mut table, (1_000, 199_999), &mut stored, &mut at) {}
    assert_eq!(at, Version::new(1, 199_999));
    let held = table.rows().filter_map(|row| {
        Some(((table.leaf_of(row.key()), Blob::new(row.key())), (row.version(), row.content()?)))
    });
    assert_eq!(stored, held.collect());
    let mut again = table.emptied();
    while store(&mut again, (5_000, 200_000), &mut stored, &mut at) {}
    assert!(stored.is_empty() && at == Version::new(1, 200_000));
}

/// Gives the store what it lacks.
fn store(
    table: &mut Table,
    (most, seq): (usize, u64),
    stored: &mut BTreeMap<(u32, Blob), (Version, Content)>,
    at: &mut Version,
) -> bool {
    let taken = if most > 0 {
        let position = KeptAt { version: Version::new(1, seq), in_step: Vec::new() };
        table.take_unkept(most, position)
    } else {
        None
    };
    let Some(((cleared, rows), reached)) = taken else { return false };
    stored.retain(|(leaf, _), _| !cleared.contains(leaf));
    for row in rows {
        match row.entry {
            Some(entry) => drop(stored.insert((row.leaf, row.key), entry)),
            None => drop(stored.remove(&(row.leaf, row.key))),
        }
    }
    *at = reached.map_or(*at, |reached| reached.version);
    true
}
