//! Between changes as the protocol has them and rows as the admin API has them.

use hitless_admin::{Bytes, ChangeRow};
use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::ids::{CardId, ProcessId};

/// A change as a row.
#[must_use]
pub fn row_of(process: ProcessId, change: &Change) -> ChangeRow {
    let content = change.content.as_ref();
    ChangeRow(
        process.0,
        Bytes(change.key.to_vec()),
        content.map(|content| Bytes(content.card_part.to_vec())),
        content.and_then(|content| content.standby_part.as_ref()).map(|part| Bytes(part.to_vec())),
        content.and_then(|content| cards_of(&content.audience)),
    )
}

/// A row as a change.
#[must_use]
pub fn change_of(row: &ChangeRow) -> (ProcessId, Change) {
    let content = row.2.as_ref().map(|card_part| Content {
        audience: row
            .4
            .as_ref()
            .map_or(Audience::All, |cards| Audience::cards(cards.iter().map(|card| CardId(*card)))),
        card_part: Blob::new(&card_part.0),
        standby_part: row.3.as_ref().map(|part| Blob::new(&part.0)),
    });
    (ProcessId(row.0), Change { key: Blob::new(&row.1.0), content })
}

/// The named cards; `None`: all.
#[must_use]
pub fn cards_of(audience: &Audience) -> Option<Vec<u16>> {
    match audience {
        Audience::All => None,
        Audience::Cards(cards) => Some(cards.iter().map(|card| card.0).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_back_from_its_row() {
        let part = |text: &str| Blob::from(text);
        let content = |audience, standby_part| Content { audience, card_part: part("c"), standby_part };
        let cases = [
            None,
            Some(content(Audience::All, None)),
            Some(content(Audience::All, Some(part("")))),
            Some(content(Audience::cards([CardId(2), CardId(1)]), Some(part("s")))),
            Some(content(Audience::cards([]), Some(part("s")))),
        ];
        for content in cases {
            let change = Change { key: part("k"), content };
            assert_eq!(change_of(&row_of(ProcessId(7), &change)), (ProcessId(7), change));
        }
    }
}
