//! How logs name what only the owner of a process can name.

use std::fmt;

use hitless_proto::ids::ProcessId;

/// Names for logs. The default has numbers and hexadecimal keys.
#[derive(Clone, Debug)]
pub struct Wording {
    /// Name of a process.
    pub process: fn(ProcessId) -> String,
    /// A key of a process.
    pub key: fn(ProcessId, &[u8]) -> String,
}

impl Default for Wording {
    fn default() -> Self {
        Self { process: |process| process.to_string(), key: |_, key| Hex(key).to_string() }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
