//! Keys and entries as people write them.

use hitless_adapters::schema;
use hitless_admin::{Bytes, Shown};
use hitless_proto::entry::{Audience, Blob, Content};
use hitless_proto::ids::{CardId, ProcessId};
use serde_json::Value;

/// A key for people; hexadecimal where the process is unknown.
#[must_use]
pub fn text(process: u16, key: &[u8]) -> String {
    schema::of(ProcessId(process))
        .map_or_else(|| Bytes(key.to_vec()).to_hex(), |schema| schema.render_key(key))
}

/// The entry as the JSON object that would put it.
#[must_use]
pub fn entry(process: u16, key: &[u8], shown: &Shown) -> Option<Value> {
    let content = Content {
        audience: shown
            .cards
            .as_ref()
            .map_or(Audience::All, |cards| Audience::cards(cards.iter().map(|id| CardId(*id)))),
        card_part: Blob::new(&shown.card_part.0),
        standby_part: shown.standby_part.as_ref().map(|part| Blob::new(&part.0)),
    };
    schema::of(ProcessId(process)).map(|schema| schema.render(key, &content))
}
