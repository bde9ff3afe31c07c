//! The text and JSON form of `table`.

use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::ids::ProcessId;
use hitless_proto::process::Process;
use hitless_proto::process::table::{self, Table};
use serde_json::{Map, Value};

use super::Schema;
use super::fields::{Fields, key, parse_hex, render_bytes, render_hex, render_shared};

/// The form of [`table`]: see the [module](super) for examples.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableSchema;

impl Schema for TableSchema {
    fn process(&self) -> ProcessId {
        table::ID
    }

    fn name(&self) -> &'static str {
        "table"
    }

    fn parse(&self, json: &Value) -> Result<Change, String> {
        let fields = Fields::of(json)?;
        let change = if let Some(deleted) = fields.bytes("delete")? {
            fields.allow(&["delete", "delete_hex"])?;
            fields.check_delete()?;
            Change { key: key(&deleted)?, content: None }
        } else {
            fields.allow(&["key", "key_hex", "value", "value_hex"])?;
            let put = fields.bytes("key")?.ok_or("expected \"key\" or \"delete\"")?;
            let value = fields.bytes("value")?.ok_or("a key needs a \"value\"")?;
            Change { key: key(&put)?, content: Some(fields.content(Blob::new(&value))?) }
        };
        Table.validate(&change)?;
        Ok(change)
    }

    /// As text where that is printable, else as `0x` and hexadecimal digits.
    fn render_key(&self, key: &[u8]) -> String {
        match std::str::from_utf8(key) {
            Ok(text) if !text.starts_with("0x") && !text.chars().any(char::is_control) => text.into(),
            Ok(_) | Err(_) => format!("0x{}", render_hex(key)),
        }
    }

    fn parse_key(&self, text: &str) -> Result<Blob, String> {
        let bytes = match text.strip_prefix("0x") {
            Some(hex) => parse_hex(hex)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.is_empty() { Err("an empty key: a key has at least one byte".into()) } else { key(&bytes) }
    }

    fn render(&self, key: &[u8], content: &Content) -> Value {
        let mut object = Map::new();
        object.insert("process".into(), "table".into());
        render_bytes(&mut object, "key", key);
        render_bytes(&mut object, "value", &content.card_part);
        render_shared(&mut object, content);
        Value::Object(object)
    }
}
