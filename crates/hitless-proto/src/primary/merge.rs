//! What several cards hold of one entry, made one: for a unit that rebuilds the state of a process from them.

use alloc::collections::BTreeMap;

use crate::entry::{Audience, Blob, Content};
use crate::ids::{CardId, Version};
use crate::message::LeafEntry;
use crate::table::Table;

/// Takes entries over into a table, card by card, in any order.
///
/// What a card found in its forwarding table when it started has no version, and nobody knows for which cards it is. It
/// counts as of where the card was last proved equal; of what was never proved the first that is read counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Merge {
    /// As of when the content is that was taken, where that is not the version of its row.
    dates: BTreeMap<Blob, Version>,
}

impl Merge {
    /// Takes over one entry of `card`, whose channel was last `proved` up to there.
    pub(super) fn take(
        &mut self,
        table: &mut Table,
        cards: &[CardId],
        (card, proved): (CardId, Version),
        entry: &LeafEntry,
    ) {
        if entry.content.is_none() && !entry.deleted {
            return;
        }
        let unversioned = entry.version == Version::ZERO;
        let told = entry.content.as_ref().map(|content| Content {
            audience: if content.for_all && !unversioned { Audience::All } else { Audience::cards([card]) },
            card_part: content.part.clone(),
            standby_part: None,
        });
        let at = if unversioned { proved } else { entry.version };
        let held = table.row(&entry.key).map(|row| (row.version(), row.content()));
        let (version, date, content) = match (held, told) {
            (Some((version, Some(held))), Some(told)) => {
                let held_at = self.dates.get(&entry.key).copied().unwrap_or(version);
                let audience = merged((version, &held), (entry.version, &told), cards);
                let newer = if at > held_at { told } else { held };
                (version.max(entry.version), at.max(held_at), Some(Content { audience, ..newer }))
            }
            // A card for which an entry is no longer is told of a delete, at the version of its last retry: that says
            // nothing of the other cards.
            (Some((version, None)), Some(told)) if named(&told) || version == entry.version => {
                (version.max(entry.version), at, Some(told))
            }
            (Some((_, Some(held))), None) if named(&held) => return,
            (Some((version, _)), _) if version >= entry.version => return,
            (_, told) => (entry.version, at, told),
        };
        if date == version {
            self.dates.remove(&entry.key);
        } else {
            self.dates.insert(entry.key.clone(), date);
        }
        table.write(version, &entry.key, content.as_ref(), false);
    }
}

fn named(content: &Content) -> bool {
    content.audience != Audience::All
}

/// For which cards an entry is. One that is not for all is for each card that holds it in any version, since a replay or a
/// retry to one card raises the version there only.
fn merged(held: (Version, &Content), told: (Version, &Content), cards: &[CardId]) -> Audience {
    let union = || held.1.audience.union(&told.1.audience);
    match (held.0 == Version::ZERO, told.0 == Version::ZERO) {
        (true, true) if cards.iter().all(|card| union().contains(*card)) => Audience::All,
        (false, false) if !(named(held.1) && named(told.1)) => {
            if told.0 > held.0 {
                told.1.audience.clone()
            } else {
                held.1.audience.clone()
            }
        }
        (true | false, true | false) => union(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::digest::{DigestKey, Sum};
    use crate::entry::CardContent;

    const CARDS: [CardId; 3] = [CardId(1), CardId(2), CardId(3)];
    const NEVER: Version = Version::ZERO;

    fn entry(version: Version, part: Option<(&str, bool)>) -> LeafEntry {
        let content = part.map(|(part, for_all)| CardContent { part: part.into(), for_all });
        let deleted = part.is_none();
        LeafEntry { key: "key".into(), version, sum: Sum::ZERO, failed: false, deleted, content }
    }

    /// What is made of what the cards hold, in every order in which they may be read.
    fn merged(told: &[(CardId, Version, LeafEntry)]) -> (Audience, Blob) {
        let mut made = None;
        for turn in 0..told.len() {
            for backwards in [false, true] {
                let mut told: Vec<_> = told.iter().cycle().skip(turn).take(told.len()).collect();
                if backwards {
                    told.reverse();
                }
                let (mut merge, mut table) = (Merge::default(), Table::for_unit(DigestKey::new(7)));
                for (card, proved, entry) in told {
                    merge.take(&mut table, &CARDS, (*card, *proved), entry);
                }
                let content = table.row(b"key").unwrap().content().unwrap();
                let found = (content.audience, content.card_part);
                assert_eq!(*made.get_or_insert(found.clone()), found, "the order matters");
            }
        }
        made.unwrap()
    }

    #[test]
    fn what_was_proved_later_counts_although_it_has_no_version() {
        let told = [
            (CardId(1), NEVER, entry(Version::ZERO, Some(("old", true)))),
            (CardId(2), Version::new(4, 156), entry(Version::ZERO, Some(("new", true)))),
            (CardId(3), NEVER, entry(Version::new(3, 90), Some(("older", true)))),
        ];
        assert_eq!(merged(&told), (Audience::All, "new".into()));
    }

    #[test]
    fn a_version_beats_what_was_proved_before_it() {
        let told = [
            (CardId(1), Version::new(3, 100), entry(Version::ZERO, Some(("old", true)))),
            (CardId(2), NEVER, entry(Version::new(3, 115), Some(("new", true)))),
        ];
        assert_eq!(merged(&told), (Audience::All, "new".into()));
    }

    #[test]
    fn one_cards_delete_does_not_make_anothers_old_entry_new() {
        let told = [
            (CardId(3), NEVER, entry(Version::new(1, 1483), None)),
            (CardId(1), NEVER, entry(Version::new(1, 244), Some(("old", false)))),
            (CardId(2), NEVER, entry(Version::new(1, 1483), Some(("new", false)))),
        ];
        assert_eq!(merged(&told), (Audience::cards([CardId(1), CardId(2)]), "new".into()));
    }

    #[test]
    fn what_every_card_found_is_for_all() {
        let told = CARDS.map(|card| (card, NEVER, entry(Version::ZERO, Some(("same", true)))));
        assert_eq!(merged(&told), (Audience::All, "same".into()));
    }
}
