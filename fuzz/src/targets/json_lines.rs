//! JSON lines, and the objects that an admin `submit` carries: what is read is written and read again.

use hitless_adapters::schema;
use hitless_adapters::source::JsonLines;
use hitless_proto::entry::{Change, Content};
use hitless_proto::ids::ProcessId;

use super::sources::drain;
use crate::budget::Budget;

/// A value in a JSON array takes 32 bytes for the 2 that it has in the text, in a vector that grows by doubling, so up to
/// three times that; a field takes a node of a tree. All of it is made twice.
const BUDGET: Budget = Budget { base: 64 * 1024, per_byte: 1024 };

/// The input is the file; each line is also taken by itself.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        drain(&mut JsonLines::new("file".to_owned(), input), input.len() + 2);
        let Ok(text) = std::str::from_utf8(input) else { return };
        for line in text.lines() {
            if let Ok((process, Change { key, content })) = schema::parse_line(line) {
                same_key(process, &key);
                if let Some(content) = content {
                    same_entry(process, &key, &content);
                }
            }
        }
    });
}

/// An entry as an operator is shown it puts the same entry.
fn same_entry(process: ProcessId, key: &[u8], content: &Content) {
    let Some(schema) = schema::of(process) else { panic!("{process} has no schema") };
    let shown = schema.render(key, content);
    let again = schema::parse_object(&shown);
    let change = Change { key: key.into(), content: Some(content.clone()) };
    assert_eq!(again, Ok((process, change)), "{shown}");
}

/// A key as an operator is shown it names the same key.
fn same_key(process: ProcessId, key: &[u8]) {
    let Some(schema) = schema::of(process) else { panic!("{process} has no schema") };
    let shown = schema.render_key(key);
    assert_eq!(schema.parse_key(&shown).as_deref(), Ok(key), "{shown}");
}
