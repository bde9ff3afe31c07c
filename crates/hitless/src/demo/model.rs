//! What the source knows: per key the last op it was told is safe, and those after it that are not.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use hitless_admin::{Bytes, ChangeRow, EntryRow};

/// The source's own copy of what it asked for, as fingerprints.
#[derive(Debug, Default)]
pub(super) struct Model {
    keys: HashMap<(u16, Box<[u8]>), Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The content of the last safe op; `None`: it deleted, or there was none.
    safe: Option<u64>,
    /// Contents of the ops after it, oldest first: each may be there or not.
    later: Vec<Option<u64>>,
}

/// What is wrong with one key of the new primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// An op that was told to be safe is lost.
    Lost,
    /// The key holds what is neither its last safe op nor a later one.
    Other,
    /// The key is there though its deletion is safe, or nobody ever asked for it.
    Extra,
}

impl Wrong {
    pub(super) fn text(&self) -> &'static str {
        match self {
            Self::Lost => "a safe op is lost",
            Self::Other => "it holds something else than the source asked for",
            Self::Extra => "it is there though its deletion was safe",
        }
    }
}

fn fingerprint(card: &Bytes, standby: Option<&Bytes>, cards: Option<&Vec<u16>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (card, standby, cards).hash(&mut hasher);
    hasher.finish()
}

fn content(row: &ChangeRow) -> Option<u64> {
    row.2.as_ref().map(|card| fingerprint(card, row.3.as_ref(), row.4.as_ref()))
}

fn key(process: u16, key: &Bytes) -> (u16, Box<[u8]>) {
    (process, key.0.as_slice().into())
}

impl Model {
    /// `row` is submitted.
    pub(super) fn submitted(&mut self, row: &ChangeRow) {
        self.keys.entry(key(row.0, &row.1)).or_default().later.push(content(row));
    }

    /// The oldest op of this key that was not safe is safe now.
    pub(super) fn safe(&mut self, row: &ChangeRow) {
        if let Entry::Occupied(mut known) = self.keys.entry(key(row.0, &row.1)) {
            let known = known.get_mut();
            if !known.later.is_empty() {
                known.safe = known.later.remove(0);
            }
        }
    }

    /// `row` will never be applied.
    pub(super) fn rejected(&mut self, row: &ChangeRow) {
        let content = content(row);
        if let Entry::Occupied(mut known) = self.keys.entry(key(row.0, &row.1)) {
            let later = &mut known.get_mut().later;
            if let Some(index) = later.iter().position(|other| *other == content) {
                later.remove(index);
            }
        }
    }

    /// Keys that must be there: their last safe op put them, and nothing later is under way.
    pub(super) fn expected(&self, process: u16) -> u64 {
        self.keys.iter().filter(|((of, _), known)| *of == process && known.must_be_there()).count() as u64
    }

    /// Judges a key that is there.
    pub(super) fn judge_present(&self, process: u16, row: &EntryRow) -> Option<Wrong> {
        let Some(known) = self.keys.get(&key(process, &row.0)) else {
            return Some(Wrong::Extra);
        };
        let found = Some(fingerprint(&row.1, row.2.as_ref(), row.3.as_ref()));
        if found == known.safe || known.later.contains(&found) {
            None
        } else if known.safe.is_none() && known.later.iter().all(Option::is_none) {
            Some(Wrong::Extra)
        } else {
            Some(Wrong::Other)
        }
    }

    /// Keys that must be there and for which `present` says no.
    pub(super) fn lost<'a>(
        &'a self,
        process: u16,
        present: impl Fn(&[u8]) -> bool + 'a,
    ) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.keys
            .iter()
            .filter(move |((of, key), known)| *of == process && known.must_be_there() && !present(key))
            .map(|((_, key), _)| &**key)
    }
}

impl Known {
    fn must_be_there(&self) -> bool {
        self.safe.is_some() && !self.later.contains(&None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(value: u8) -> ChangeRow {
        ChangeRow(1, Bytes(vec![1]), Some(Bytes(vec![value])), None, None)
    }

    fn delete() -> ChangeRow {
        ChangeRow(1, Bytes(vec![1]), None, None, None)
    }

    fn row(value: u8) -> EntryRow {
        EntryRow(Bytes(vec![1]), Bytes(vec![value]), None, None, 1, 1)
    }

    #[test]
    fn a_safe_op_must_be_there_and_a_later_one_may() {
        let mut model = Model::default();
        model.submitted(&put(1));
        assert_eq!(model.expected(1), 0);
        model.safe(&put(1));
        model.submitted(&put(2));
        assert_eq!(model.expected(1), 1);
        assert_eq!((model.judge_present(1, &row(1)), model.judge_present(1, &row(2))), (None, None));
        assert_eq!(model.judge_present(1, &row(3)), Some(Wrong::Other));
        assert_eq!(model.lost(1, |_| false).count(), 1);
        assert_eq!(model.lost(1, |_| true).count(), 0);
    }

    #[test]
    fn a_deletion_under_way_leaves_both_open_and_a_safe_one_does_not() {
        let mut model = Model::default();
        model.submitted(&put(1));
        model.safe(&put(1));
        model.submitted(&delete());
        assert_eq!((model.lost(1, |_| false).count(), model.judge_present(1, &row(1))), (0, None));
        model.safe(&delete());
        assert_eq!(model.judge_present(1, &row(1)), Some(Wrong::Extra));
    }

    #[test]
    fn what_nobody_asked_for_is_extra() {
        assert_eq!(Model::default().judge_present(1, &row(1)), Some(Wrong::Extra));
    }
}
