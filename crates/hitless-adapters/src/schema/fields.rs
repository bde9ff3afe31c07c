//! The fields of a JSON object, read strictly: nothing is guessed and nothing is ignored.

use std::fmt;

use hitless_proto::entry::{Audience, Blob, Content};
use hitless_proto::ids::CardId;
use hitless_proto::limits::{MAX_CARDS, MAX_KEY, MAX_PART};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value, json};

/// Fields that every object may have.
const SHARED: [&str; 4] = ["process", "cards", "note", "note_hex"];

/// One JSON object in which no field stands twice: `serde_json` alone would silently take the last.
pub(super) fn unique(line: &str) -> Result<Value, String> {
    let object: UniqueObject =
        serde_json::from_str(line).map_err(|error| format!("not JSON as expected: {error}"))?;
    Ok(Value::Object(object.0))
}

struct UniqueObject(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("field \"{name}\" stands twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields).map(Self)
    }
}

/// The fields of one object.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(json: &'a Value) -> Result<Self, String> {
        json.as_object().map(Self).ok_or_else(|| "expected a JSON object".into())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Refuses every field but these and the shared ones.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|name| !SHARED.contains(&name.as_str()) && !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(format!("field \"{name}\" does not belong here: expected {}", names.join(", ")))
            }
        }
    }

    /// Refuses every field but these: for an object within an object.
    pub(super) fn allow_only(&self, names: &[&str]) -> Result<(), String> {
        self.allow(names)?;
        match SHARED.iter().find(|name| self.has(name)) {
            None => Ok(()),
            Some(name) => {
                Err(format!("field \"{name}\" does not belong here: expected {}", names.join(", ")))
            }
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| {
            value.as_str().ok_or_else(|| format!("\"{name}\" must be a text, not {value}"))
        };
        self.value(name).map(text).transpose()
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, String> {
        self.value(name).map(|value| number(name, value)).transpose()
    }

    /// The bytes of `name` (text) or `name_hex`.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let in_hex = format!("{name}_hex");
        match (self.text(name)?, self.text(&in_hex)?) {
            (Some(_), Some(_)) => Err(format!("\"{name}\" and \"{in_hex}\": give one of them")),
            (Some(text), None) => Ok(Some(text.as_bytes().to_vec())),
            (None, Some(hex)) => parse_hex(hex).map(Some).map_err(|reason| format!("\"{in_hex}\": {reason}")),
            (None, None) => Ok(None),
        }
    }

    /// The content of a put, with the audience and the standby-only part that the shared fields name.
    pub(super) fn content(&self, card_part: Blob) -> Result<Content, String> {
        let note = self.bytes("note")?.unwrap_or_default();
        within("note", &note, MAX_PART)?;
        within("content", &card_part, MAX_PART)?;
        Ok(Content { audience: self.audience()?, card_part, standby_part: Some(Blob::new(&note)) })
    }

    /// A delete goes to whoever holds the entry: it names neither cards nor a note.
    pub(super) fn check_delete(&self) -> Result<(), String> {
        match SHARED[1..].iter().find(|name| self.has(name)) {
            None => Ok(()),
            Some(name) => Err(format!("\"{name}\" does not belong to a delete")),
        }
    }

    fn audience(&self) -> Result<Audience, String> {
        let Some(cards) = self.value("cards") else { return Ok(Audience::All) };
        let list = cards.as_array().filter(|list| !list.is_empty() && list.len() <= MAX_CARDS);
        let list =
            list.ok_or_else(|| format!("\"cards\" must be a list of 1 to {MAX_CARDS} card numbers"))?;
        let card = |value: &Value| {
            let card = number("cards", value)?;
            let known = u16::try_from(card).ok().filter(|&card| card != 0 && usize::from(card) <= MAX_CARDS);
            known.map(CardId).ok_or_else(|| format!("\"cards\": {card} is not in 1..={MAX_CARDS}"))
        };
        Ok(Audience::cards(list.iter().map(card).collect::<Result<Vec<_>, _>>()?))
    }
}

/// A whole number that fits 32 bits.
pub(super) fn number(name: &str, value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("\"{name}\" must be a whole number from 0 to {}, not {value}", u32::MAX))
}

/// The key, if its size is possible.
pub(super) fn key(bytes: &[u8]) -> Result<Blob, String> {
    within("key", bytes, MAX_KEY)?;
    Ok(Blob::new(bytes))
}

fn within(name: &str, bytes: &[u8], limit: usize) -> Result<(), String> {
    let length = bytes.len();
    if length <= limit {
        Ok(())
    } else {
        Err(format!("\"{name}\" has {length} bytes, over the limit of {limit}"))
    }
}

/// Puts the fields of the audience and the standby-only part, as they would be given.
pub(super) fn render_shared(object: &mut Map<String, Value>, content: &Content) {
    if let Audience::Cards(cards) = &content.audience {
        object.insert("cards".into(), cards.iter().map(|card| Value::from(card.0)).collect());
    }
    match &content.standby_part {
        None => drop(object.insert("note_unknown".into(), json!(true))),
        Some(note) if note.is_empty() => {}
        Some(note) => render_bytes(object, "note", note),
    }
}

/// Puts `name` where the bytes are text, else `name_hex`.
pub(super) fn render_bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.into(), text.into()),
        Err(_) => object.insert(format!("{name}_hex"), render_hex(bytes).into()),
    };
}

pub(super) fn render_hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("an odd number of hexadecimal digits".into());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? << 4 | digit(low)?).ok();
    pairs.iter().map(byte).collect::<Option<_>>().ok_or_else(|| "not hexadecimal".into())
}
