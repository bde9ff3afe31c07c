//! `table`: opaque keys and values, for anything that has no process of its own yet.

use alloc::string::String;

use super::Process;
use crate::entry::{Audience, Blob, Change, Content};
use crate::ids::ProcessId;

/// Number of the process on the wire.
pub const ID: ProcessId = ProcessId(2);

/// The process itself. The key names the entry, the card part is the value, the standby-only part is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct Table;

impl Process for Table {
    fn id(&self) -> ProcessId {
        ID
    }

    fn name(&self) -> &'static str {
        "table"
    }

    fn validate(&self, change: &Change) -> Result<(), String> {
        if change.key.is_empty() { Err("an empty key: a key has at least one byte".into()) } else { Ok(()) }
    }
}

/// The change that puts this entry, for all cards.
#[must_use]
pub fn put(key: &[u8], value: &[u8], note: &[u8]) -> Change {
    let content =
        Content { audience: Audience::All, card_part: Blob::new(value), standby_part: Some(Blob::new(note)) };
    Change { key: Blob::new(key), content: Some(content) }
}

/// The change that deletes this entry.
#[must_use]
pub fn delete(key: &[u8]) -> Change {
    Change { key: Blob::new(key), content: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Cookie;

    #[test]
    fn an_empty_key_is_refused_and_an_empty_value_is_not() {
        assert!(Table.validate(&put(b"", b"v", b"")).is_err());
        assert!(Table.validate(&delete(b"")).is_err());
        assert_eq!(Table.validate(&put(b"k", b"", b"")), Ok(()));
        assert_eq!(Table.validate(&delete(&[0, 255])), Ok(()));
    }

    #[test]
    fn its_replay_is_narrowed_by_key() {
        assert_eq!(Table.cookie(&put(b"k", b"v", b"")), Cookie::Key);
        assert_eq!((Table.ranks(), Table.rank(b"k")), (1, 0));
    }
}
