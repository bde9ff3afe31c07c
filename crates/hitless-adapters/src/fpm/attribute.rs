//! Netlink's smallest parts: messages within a frame, and attributes within a message. Both are 4-aligned, in the byte
//! order of the host.

use hitless_proto::process::fib::FibError;
use thiserror::Error;

/// Bytes of a message's head (`nlmsghdr`).
const MESSAGE_HEAD: usize = 16;
/// Bytes of an attribute's head (`rtattr`).
const ATTRIBUTE_HEAD: usize = 4;
/// The bits of an attribute's type that say what it is; the others say that it is nested or in network order.
const TYPE_BITS: u16 = 0x3fff;

/// Why a message is not taken. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at byte {at} of the message: {reason}")]
pub struct Refusal {
    /// From the beginning of the message.
    pub at: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The length of a message leads out of its frame, or into its own head. The rest of the frame is lost.
    #[error("a message of {length} bytes, where {left} are left in the frame")]
    MessageLength {
        /// What it says.
        length: u32,
        /// What there is.
        left: usize,
    },
    /// The length of an attribute leads out of its message, or into its own head.
    #[error("attribute {kind} of {length} bytes, where {left} are left")]
    AttributeLength {
        /// Its type.
        kind: u16,
        /// What it says.
        length: u16,
        /// What there is.
        left: usize,
    },
    /// Too few bytes to be anything.
    #[error("{0} bytes that are no attribute")]
    Trailing(usize),
    /// More or fewer bytes than the value has.
    #[error("{what} of {length} bytes")]
    Size {
        /// What it should be.
        what: &'static str,
        /// Its bytes.
        length: usize,
    },
    /// An attribute that can be there once is there again.
    #[error("{0} stands twice")]
    Twice(&'static str),
    /// What it cannot be without.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Ids of next-hop objects start at 1.
    #[error("the id 0 of a next-hop object")]
    ZeroId,
    /// What it asks for is not what the fib can hold: without it, packets would go elsewhere.
    #[error("{0} cannot be taken")]
    Unsupported(&'static str),
    /// Too much of something.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// What it names is no entry of the fib.
    #[error(transparent)]
    Fib(#[from] FibError),
}

pub(super) fn refuse<T>(at: usize, reason: Reason) -> Result<T, Refusal> {
    Err(Refusal { at, reason })
}

/// One message of a frame, not looked into yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// Of its first byte in the frame's payload.
    pub at: usize,
    /// Its type (`RTM_NEWROUTE`...).
    pub kind: u16,
    /// What follows its head.
    pub body: &'a [u8],
}

/// The messages of a frame's payload, as far as their lengths can be followed.
#[derive(Debug)]
pub struct Messages<'a> {
    payload: &'a [u8],
    at: usize,
}

impl<'a> Messages<'a> {
    /// Of this payload.
    #[must_use]
    pub fn of(payload: &'a [u8]) -> Self {
        Self { payload, at: 0 }
    }
}

impl<'a> Iterator for Messages<'a> {
    /// A message; or where in the payload one is broken, which ends the frame.
    type Item = Result<RawMessage<'a>, (usize, Refusal)>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        let rest = self.payload.get(at..).filter(|rest| !rest.is_empty())?;
        let broken = |length| {
            let reason = Reason::MessageLength { length, left: rest.len() };
            Some(Err((at, Refusal { at: 0, reason })))
        };
        let Some((head, _)) = rest.split_first_chunk::<MESSAGE_HEAD>() else {
            self.at = self.payload.len();
            return broken(0);
        };
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]);
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let message = usize::try_from(length).ok().and_then(|length| rest.get(MESSAGE_HEAD..length));
        let Some(body) = message else {
            self.at = self.payload.len();
            return broken(length);
        };
        self.at = at + aligned(MESSAGE_HEAD + body.len());
        Some(Ok(RawMessage { at, kind, body }))
    }
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    /// Of its head, from the beginning of the message.
    pub(super) at: usize,
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
}

/// The attributes of a message, or those within an attribute.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    /// `at`: where the bytes begin, from the beginning of the message.
    pub(super) fn of(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, at }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let (at, rest) = (self.at, self.rest);
        if rest.is_empty() {
            return None;
        }
        self.rest = &[];
        let Some((&[a, b, c, d], _)) = rest.split_first_chunk::<ATTRIBUTE_HEAD>() else {
            return Some(refuse(at, Reason::Trailing(rest.len())));
        };
        let (length, kind) = (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]) & TYPE_BITS);
        let Some(value) = rest.get(ATTRIBUTE_HEAD..usize::from(length)) else {
            return Some(refuse(at, Reason::AttributeLength { kind, length, left: rest.len() }));
        };
        let whole = aligned(usize::from(length));
        self.rest = rest.get(whole..).unwrap_or_default();
        self.at = at + whole;
        Some(Ok(Attribute { at, kind, value }))
    }
}

impl Attribute<'_> {
    /// Its value, if it has the size of a `u32`.
    pub(super) fn number(&self, what: &'static str) -> Result<u32, Refusal> {
        let bytes = self.value.try_into();
        bytes.map(u32::from_ne_bytes).or_else(|_| self.wrong_size(what))
    }

    pub(super) fn wrong_size<T>(&self, what: &'static str) -> Result<T, Refusal> {
        refuse(self.at, Reason::Size { what, length: self.value.len() })
    }

    /// Puts a value that can be there once.
    pub(super) fn once<T>(&self, place: &mut Option<T>, value: T, what: &'static str) -> Result<(), Refusal> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => refuse(self.at, Reason::Twice(what)),
        }
    }
}
