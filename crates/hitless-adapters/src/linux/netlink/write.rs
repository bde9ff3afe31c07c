//! Encodes messages one behind the other into a buffer that is sent at once.

use super::codes::{NLM_F_ACK, NLM_F_REQUEST};

/// Length, type, flags, number, port.
const HEADER: usize = 16;
const ALIGN: usize = 4;
/// Where the flags are in a header.
const FLAGS: usize = 6;

/// Messages one behind the other.
#[derive(Debug, Default)]
pub(in crate::linux) struct Encoder {
    bytes: Vec<u8>,
    /// Where the last message begins.
    last: usize,
    count: usize,
}

impl Encoder {
    /// Begins a message with its fixed part.
    pub(in crate::linux) fn begin(&mut self, (kind, flags): (u16, u16), number: u32, fixed: &[u8]) {
        self.last = self.bytes.len();
        self.count += 1;
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
        self.bytes.extend_from_slice(&number.to_ne_bytes());
        // The kernel fills in the port.
        self.bytes.extend_from_slice(&[0; 4]);
        self.put(fixed);
    }

    /// An attribute of the message under way.
    pub(in crate::linux) fn attribute(&mut self, kind: u16, value: &[u8]) {
        // Values are at most a group of next hops: some kilobytes.
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.put(value);
    }

    /// An attribute of four bytes.
    pub(in crate::linux) fn number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Appends, pads, and notes the length.
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let length = u32::try_from(self.bytes.len() - self.last).unwrap_or(u32::MAX);
        if let Some(place) = self.bytes.get_mut(self.last..self.last + 4) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
    }

    /// Asks for an answer to the last message, whatever becomes of it.
    pub(in crate::linux) fn acknowledge_last(&mut self) {
        let at = self.last + FLAGS;
        if self.bytes.len() >= self.last + HEADER
            && let Some(flags) = self.bytes.get_mut(at..at + 2)
        {
            let asked = u16::from_ne_bytes([flags[0], flags[1]]) | NLM_F_ACK;
            flags.copy_from_slice(&asked.to_ne_bytes());
        }
    }

    /// The bytes of all messages.
    pub(in crate::linux) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many messages there are.
    pub(in crate::linux) fn count(&self) -> usize {
        self.count
    }

    /// Begins anew; the buffer is kept.
    pub(in crate::linux) fn clear(&mut self) {
        self.bytes.clear();
        (self.last, self.count) = (0, 0);
    }
}
