//! Reads what the kernel sends. Nothing is believed about lengths: a message that does not add up is refused with its place.

use std::fmt;

use rustix::io::Errno;

use super::codes::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG};

const HEADER: usize = 16;
const ATTRIBUTE: usize = 4;
/// No error of the kernel has a larger number.
const MAX_ERRNO: i32 = 4095;
/// Nested, and in network byte order: bits of an attribute's type that are no part of it.
const TYPE_BITS: u16 = 0x3fff;

/// Bytes that are no netlink message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::linux) struct Malformed {
    /// Where, from the beginning of what was read.
    pub(in crate::linux) offset: usize,
    /// How.
    pub(in crate::linux) what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a malformed netlink message: {} at byte {}", self.what, self.offset)
    }
}

impl From<Malformed> for std::io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, malformed.to_string())
    }
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub(in crate::linux) struct Message<'a> {
    pub(in crate::linux) kind: u16,
    pub(in crate::linux) flags: u16,
    /// The number of the request that it answers or that led to it.
    pub(in crate::linux) number: u32,
    /// Port of whoever made that request; 0: the kernel itself.
    pub(in crate::linux) port: u32,
    /// All behind the header.
    pub(in crate::linux) body: &'a [u8],
}

/// The messages of a datagram, up to the first that does not add up.
pub(in crate::linux) fn messages(bytes: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let offset = at;
        at = bytes.len();
        let Some(header) = rest.first_chunk::<HEADER>() else {
            return Some(Err(Malformed { offset, what: "a header cut short" }));
        };
        let length = four(&header[..4]) as usize;
        let Some(body) = rest.get(HEADER..length) else {
            return Some(Err(Malformed { offset, what: "a length that does not fit" }));
        };
        at = offset + length.next_multiple_of(4);
        let two = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        Some(Ok(Message {
            kind: two(4),
            flags: two(6),
            number: four(&header[8..]),
            port: four(&header[12..]),
            body,
        }))
    })
}

/// A number at the beginning of some bytes; missing ones count as zero.
fn four(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |chunk| u32::from_ne_bytes(*chunk))
}

impl<'a> Message<'a> {
    /// The fixed part of `N` bytes, and the attributes behind it.
    ///
    /// # Errors
    /// It is shorter.
    pub(in crate::linux) fn parts<const N: usize>(&self) -> Result<(&'a [u8; N], Attributes<'a>), Malformed> {
        let (fixed, rest) = self
            .body
            .split_first_chunk::<N>()
            .ok_or(Malformed { offset: HEADER, what: "a body cut short" })?;
        Ok((fixed, Attributes { bytes: rest.get(N.next_multiple_of(4) - N..).unwrap_or(&[]), at: 0 }))
    }
}

/// Attributes one behind the other.
#[derive(Clone, Copy, Debug)]
pub(in crate::linux) struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let offset = self.at;
        self.at = self.bytes.len();
        let Some(&[a, b, c, d]) = rest.first_chunk::<ATTRIBUTE>() else {
            return Some(Err(Malformed { offset, what: "an attribute cut short" }));
        };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let Some(value) = rest.get(ATTRIBUTE..length) else {
            return Some(Err(Malformed { offset, what: "the length of an attribute" }));
        };
        self.at = offset + length.next_multiple_of(4);
        Some(Ok((u16::from_ne_bytes([c, d]) & TYPE_BITS, value)))
    }
}

impl Attributes<'_> {
    /// A value of four bytes.
    ///
    /// # Errors
    /// It has fewer.
    pub(in crate::linux) fn number(value: &[u8]) -> Result<u32, Malformed> {
        value
            .first_chunk::<4>()
            .map(|chunk| u32::from_ne_bytes(*chunk))
            .ok_or(Malformed { offset: 0, what: "a number cut short" })
    }
}

/// What the kernel answers to a message: an error, or that it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::linux) struct Refusal {
    /// Which error.
    pub(in crate::linux) errno: Errno,
    /// The kernel's own words, where it has any.
    pub(in crate::linux) text: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = std::io::Error::from(self.errno);
        match &self.text {
            Some(text) => write!(f, "the kernel refuses: {} ({system})", text.trim_end_matches('.')),
            None => write!(f, "the kernel refuses: {system}"),
        }
    }
}

/// Reads the body of an error message. `Ok(None)`: it was done.
///
/// # Errors
/// It is cut short.
pub(in crate::linux) fn refusal(message: &Message<'_>) -> Result<Option<Refusal>, Malformed> {
    let (code, rest) = message
        .body
        .split_first_chunk::<4>()
        .ok_or(Malformed { offset: HEADER, what: "an error cut short" })?;
    let code = i32::from_ne_bytes(*code);
    if code == 0 {
        return Ok(None);
    }
    if !(-MAX_ERRNO..0).contains(&code) {
        return Err(Malformed { offset: HEADER, what: "an error that is none" });
    }
    // The message that it is about follows: its header only, or all of it.
    let repeated = if message.flags & NLM_F_CAPPED == 0 { four(rest) as usize } else { HEADER };
    let mut text = None;
    if message.flags & NLM_F_ACK_TLVS != 0 {
        let bytes = rest.get(repeated.next_multiple_of(4)..).unwrap_or(&[]);
        // Words that cannot be read do not make the error another one.
        for (kind, value) in (Attributes { bytes, at: 0 }).flatten() {
            if kind == NLMSGERR_ATTR_MSG {
                text = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned());
            }
        }
    }
    Ok(Some(Refusal { errno: Errno::from_raw_os_error(code.saturating_neg()), text }))
}
