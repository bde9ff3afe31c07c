//! What can be wrong with bytes from a peer, by name.

use thiserror::Error;

use crate::limits::MAX_FRAME;

/// Bytes that no correct party of this wire version sends. `what` is the field, `at` its offset in the frame's body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// A frame without a body.
    #[error("a frame without a body")]
    EmptyFrame,
    /// The header announces more than may come.
    #[error(
        "a frame of {len} bytes where at most {limit} may come: this is not a hitless peer, or a damaged stream"
    )]
    FrameTooLong {
        /// As announced.
        len: u32,
        /// [`MAX_FRAME`], or less before the handshake.
        limit: usize,
    },
    /// The body is not what was sent.
    #[error("checksum {found:08x} where the frame's header says {expected:08x}: damaged on the way")]
    Checksum {
        /// As announced.
        expected: u32,
        /// Of the bytes that came.
        found: u32,
    },
    /// A message of ours is longer than a frame; nothing was encoded. The sender must close batches earlier.
    #[error("a message of {len} bytes: at most {MAX_FRAME} fit a frame")]
    TooLarge {
        /// Bytes of its body.
        len: usize,
    },
    /// No message has this kind.
    #[error("message kind 0x{0:02x} is not known")]
    UnknownKind(u8),
    /// A known kind at a place where it may not come: before or after the handshake.
    #[error("message kind 0x{0:02x} is out of place")]
    OutOfPlace(u8),
    /// Not a hitless `Hello`, or not a hitless durable state.
    #[error("wrong magic: not written by hitless")]
    BadMagic,
    /// A hitless party whose wire version cannot be spoken here.
    #[error("wire version {theirs}: this party speaks {ours}; run the same release at both ends")]
    IncompatibleVersion {
        /// Our newest.
        ours: u16,
        /// Theirs, or the oldest they accept where that is what excludes us.
        theirs: u16,
    },
    /// The body ends within a field.
    #[error("{what} is cut short at byte {at}")]
    Truncated {
        /// The field.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// Bytes after the last field.
    #[error("{bytes} bytes after the end of the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// An integer with needless bytes, or above 64 bits.
    #[error("{what} at byte {at} is an overlong integer")]
    Overlong {
        /// The field.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A number outside what the field can be.
    #[error("{what} at byte {at} is {value}: out of range")]
    OutOfRange {
        /// The field.
        what: &'static str,
        /// Where.
        at: usize,
        /// What it is.
        value: u64,
    },
    /// A count or length above its limit, or above what the rest of the body could hold.
    #[error("{what} at byte {at}: {count} where at most {limit} may come")]
    TooMany {
        /// The field.
        what: &'static str,
        /// Where.
        at: usize,
        /// As claimed.
        count: u64,
        /// The limit of `limits`, or the bytes that are left.
        limit: usize,
    },
    /// A tag, flag or bit that means nothing.
    #[error("{what} at byte {at}: {tag} means nothing")]
    UnknownTag {
        /// The field.
        what: &'static str,
        /// Where.
        at: usize,
        /// The tag.
        tag: u8,
    },
    /// Text that is not UTF-8, or has control characters.
    #[error("{what} at byte {at} is not text")]
    NotText {
        /// The field.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A list that must ascend, and does not.
    #[error("{what}, before byte {at}, do not ascend")]
    Unordered {
        /// The list.
        what: &'static str,
        /// Where it ends.
        at: usize,
    },
    /// A list that names something twice.
    #[error("{what}, before byte {at}, name one twice")]
    Repeated {
        /// The list.
        what: &'static str,
        /// Where it ends.
        at: usize,
    },
    /// A longer form where a shorter one says the same: one message, one encoding.
    #[error("{what}, before byte {at}, is not in its shortest form")]
    NotShortest {
        /// The field.
        what: &'static str,
        /// Where it ends.
        at: usize,
    },
}

impl WireError {
    /// As the text of a `Goodbye`: at most `MAX_REASON` bytes.
    #[must_use]
    pub fn reason(&self) -> alloc::string::String {
        super::codec::clean(&alloc::string::ToString::to_string(self))
    }
}
