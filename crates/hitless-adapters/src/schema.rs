//! The text and JSON form of each process, for the command line and for JSON lines.
//!
//! ```json
//! {"process":"fib","next_hop":7,"via":"192.0.2.1","dev":"eth0"}
//! {"process":"fib","group":1,"members":[{"next_hop":7,"weight":10},{"next_hop":8}]}
//! {"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"note":"static"}
//! {"process":"fib","prefix":"10.0.0.0/8","table":100,"metric":20,"next_hop":7}
//! {"process":"fib","delete":"10.0.0.0/8"}
//! {"process":"fib","delete":"10.0.0.0/8","table":100}
//! {"process":"fib","delete_next_hop":7}
//! {"process":"table","key":"k1","value":"v1","cards":[1,2]}
//! {"process":"table","delete":"k1"}
//! ```
//!
//! `cards` names the audience (all, where it is missing), `note` is the standby-only part. What is no UTF-8 text is
//! given in hexadecimal as `key_hex`, `value_hex`, `delete_hex`, `note_hex`.

mod fib;
mod fields;
mod table;

use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::ids::ProcessId;
use serde_json::Value;

pub use self::fib::FibSchema;
pub use self::table::TableSchema;

/// The text and JSON form of one process.
pub trait Schema: Sync {
    /// The process.
    fn process(&self) -> ProcessId;

    /// Its name: the `process` of a JSON object.
    fn name(&self) -> &'static str;

    /// The change that a JSON object asks for.
    ///
    /// # Errors
    /// What is wrong with it: a field that is missing, unknown or of the wrong type, a value that the process refuses.
    fn parse(&self, json: &Value) -> Result<Change, String>;

    /// A key as people write it.
    fn render_key(&self, key: &[u8]) -> String;

    /// The key that people write so.
    ///
    /// # Errors
    /// The text is not a key.
    fn parse_key(&self, text: &str) -> Result<Blob, String>;

    /// An entry as the JSON object that would put it.
    fn render(&self, key: &[u8], content: &Content) -> Value;
}

/// The schemas in the box.
#[must_use]
pub fn schemas() -> &'static [&'static dyn Schema] {
    &[&FibSchema, &TableSchema]
}

/// The schema of a process.
#[must_use]
pub fn of(process: ProcessId) -> Option<&'static dyn Schema> {
    schemas().iter().copied().find(|schema| schema.process() == process)
}

/// The schema of the process of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Schema> {
    schemas().iter().copied().find(|schema| schema.name() == name)
}

/// The change that one line of JSON asks for.
///
/// # Errors
/// What is wrong with the line.
pub fn parse_line(line: &str) -> Result<(ProcessId, Change), String> {
    parse_object(&fields::unique(line)?)
}

/// The change that a JSON object asks for.
///
/// # Errors
/// What is wrong with the object.
pub fn parse_object(json: &Value) -> Result<(ProcessId, Change), String> {
    let Some(name) = json.get("process") else {
        return Err(format!("no \"process\": expected one of {}", names()));
    };
    let schema = name
        .as_str()
        .and_then(named)
        .ok_or_else(|| format!("no process {name}: expected one of {}", names()))?;
    Ok((schema.process(), schema.parse(json)?))
}

fn names() -> String {
    schemas().iter().map(|schema| format!("\"{}\"", schema.name())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
