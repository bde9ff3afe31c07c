//! The parts that messages are made of: integers, text, byte strings, lists. Nothing here allocates more than the input
//! has bytes for, and nothing panics.

use alloc::string::String;
use alloc::vec::Vec;

use super::WireError;
use crate::entry::Blob;
use crate::ids::UnitId;
use crate::limits::MAX_REASON;

/// One type's form on the wire. One value has one encoding.
pub(super) trait Codec: Sized {
    /// The fewest bytes of one value: what a claimed count is checked with.
    const LEAST: usize = 1;

    /// Appends the value.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads one value.
    fn take(input: &mut Input<'_>) -> Result<Self, WireError>;
}

/// A struct whose fields follow one another, in this order.
macro_rules! fields {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl Codec for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $(Codec::put(&self.$field, out);)+
            }

            fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
                Ok(Self { $($field: Codec::take(input)?),+ })
            }
        }
    };
}
pub(super) use fields;

/// What is left of a body.
pub(super) struct Input<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(whole: &'a [u8]) -> Self {
        Self { whole, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.whole.len() - self.at
    }

    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        let rest = &self.whole[self.at..];
        let taken = rest.get(..len).ok_or(WireError::Truncated { what, at: self.at })?;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, what)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        let byte = *self.whole.get(self.at).ok_or(WireError::Truncated { what, at: self.at })?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, WireError> {
        let at = self.at;
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(WireError::UnknownTag { what, at, tag }),
        }
    }

    /// LEB128, at most 10 bytes; needless ones are refused.
    pub(super) fn varint(&mut self, what: &'static str) -> Result<u64, WireError> {
        let at = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.whole.get(self.at) else { return Err(WireError::Truncated { what, at }) };
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if (byte == 0 && shift > 0) || (shift == 63 && bits > 1) {
                return Err(WireError::Overlong { what, at });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Overlong { what, at })
    }

    /// A varint of a narrower type.
    pub(super) fn narrow<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, WireError> {
        let at = self.at;
        let value = self.varint(what)?;
        T::try_from(value).map_err(|_| WireError::OutOfRange { what, at, value })
    }

    /// A count of things of at least `least` bytes each: refused above `limit`, and where the rest cannot hold them.
    pub(super) fn count(
        &mut self,
        what: &'static str,
        limit: usize,
        least: usize,
    ) -> Result<usize, WireError> {
        let at = self.at;
        let count = self.varint(what)?;
        self.checked_count(count, limit, least).map_err(|limit| WireError::TooMany { what, at, count, limit })
    }

    fn checked_count(&self, count: u64, limit: usize, least: usize) -> Result<usize, usize> {
        let fits = self.left() / least.max(1);
        match usize::try_from(count) {
            Ok(count) if count <= limit.min(fits) => Ok(count),
            Ok(_) | Err(_) => Err(limit.min(fits)),
        }
    }

    /// A byte string: length, then bytes.
    pub(super) fn string(&mut self, what: &'static str, limit: usize) -> Result<&'a [u8], WireError> {
        let len = self.count(what, limit, 1)?;
        self.bytes(len, what)
    }

    /// `None`: 0; else length plus one, then bytes.
    pub(super) fn optional(
        &mut self,
        what: &'static str,
        limit: usize,
    ) -> Result<Option<&'a [u8]>, WireError> {
        let at = self.at;
        let Some(count) = self.varint(what)?.checked_sub(1) else { return Ok(None) };
        let len = self.checked_count(count, limit, 1).map_err(|limit| WireError::TooMany {
            what,
            at,
            count,
            limit,
        })?;
        self.bytes(len, what).map(Some)
    }

    /// Printable UTF-8.
    pub(super) fn text(&mut self, what: &'static str, limit: usize) -> Result<String, WireError> {
        let at = self.at;
        let bytes = self.string(what, limit)?;
        let text = core::str::from_utf8(bytes).map_err(|_| WireError::NotText { what, at })?;
        if text.chars().any(char::is_control) {
            return Err(WireError::NotText { what, at });
        }
        Ok(String::from(text))
    }

    /// A list in the sender's order.
    pub(super) fn list<T: Codec>(&mut self, what: &'static str, limit: usize) -> Result<Vec<T>, WireError> {
        let count = self.count(what, limit, T::LEAST)?;
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(T::take(self)?);
        }
        Ok(list)
    }

    /// A short list in the sender's order that names nothing twice.
    pub(super) fn unique<T: Codec, K: PartialEq>(
        &mut self,
        what: &'static str,
        limit: usize,
        name: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, WireError> {
        let list = self.list(what, limit)?;
        let twice = list.iter().enumerate().any(|(i, a)| list[..i].iter().any(|b| name(a) == name(b)));
        if twice { Err(WireError::Repeated { what, at: self.at }) } else { Ok(list) }
    }

    /// Numbers that ascend: the first as it is, each other one less its predecessor less one.
    pub(super) fn ascending(&mut self, what: &'static str, limit: usize) -> Result<Vec<u32>, WireError> {
        let count = self.count(what, limit, 1)?;
        let mut list = Vec::with_capacity(count);
        let mut next = Some(0_u32);
        for _ in 0..count {
            let gap: u32 = self.narrow(what)?;
            let value = next
                .and_then(|next| next.checked_add(gap))
                .ok_or(WireError::Unordered { what, at: self.at })?;
            list.push(value);
            next = value.checked_add(1);
        }
        Ok(list)
    }

    /// A unit that exists: not the 0 of "nobody".
    pub(super) fn unit(&mut self) -> Result<UnitId, WireError> {
        let at = self.at;
        match UnitId::take(self)? {
            UnitId(0) => Err(WireError::OutOfRange { what: "unit", at, value: 0 }),
            unit => Ok(unit),
        }
    }

    pub(super) fn end(&self) -> Result<(), WireError> {
        match self.left() {
            0 => Ok(()),
            bytes => Err(WireError::Trailing { bytes }),
        }
    }
}

pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of `value` as a varint.
pub(super) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Small for small differences of either sign.
pub(super) fn zigzag(from: u64, to: u64) -> u64 {
    let delta = to.wrapping_sub(from) as i64;
    ((delta << 1) ^ (delta >> 63)) as u64
}

/// The number that `zigzag` got `code` for, from `from`.
pub(super) fn unzigzag(from: u64, code: u64) -> u64 {
    from.wrapping_add((code >> 1) ^ (code & 1).wrapping_neg())
}

pub(super) fn put_string(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(super) fn put_optional(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        None => out.push(0),
        Some(bytes) => {
            put_varint(bytes.len() as u64 + 1, out);
            out.extend_from_slice(bytes);
        }
    }
}

/// Text for people: cut to `MAX_REASON` bytes, control characters made spaces, so that no reason closes a link.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MAX_REASON));
    for character in text.chars() {
        let shown = if character.is_control() { ' ' } else { character };
        if clean.len() + shown.len_utf8() > MAX_REASON {
            break;
        }
        clean.push(shown);
    }
    clean
}

pub(super) fn put_list<T: Codec>(list: &[T], out: &mut Vec<u8>) {
    put_varint(list.len() as u64, out);
    for item in list {
        item.put(out);
    }
}

/// The counterpart of [`Input::ascending`]. What does not ascend gives bytes that it refuses.
pub(super) fn put_ascending(list: impl ExactSizeIterator<Item = u32>, out: &mut Vec<u8>) {
    put_varint(list.len() as u64, out);
    let mut next = 0_u32;
    for value in list {
        put_varint(u64::from(value.wrapping_sub(next)), out);
        next = value.wrapping_add(1);
    }
}

/// A key after another: one byte of two nibbles, how many leading bytes are those of `previous`, and how many follow; a
/// nibble of 15 is continued by a varint.
pub(super) fn put_key(key: &[u8], previous: &[u8], out: &mut Vec<u8>) {
    let shared = shared_len(key, previous);
    let rest = &key[shared..];
    out.push((shared.min(15) << 4 | rest.len().min(15)) as u8);
    for len in [shared, rest.len()] {
        if let Some(more) = len.checked_sub(15) {
            put_varint(more as u64, out);
        }
    }
    out.extend_from_slice(rest);
}

/// The counterpart of [`put_key`]; fewer shared bytes than there are, or more than `previous` has, are refused.
pub(super) fn take_key(previous: &[u8], limit: usize, input: &mut Input<'_>) -> Result<Blob, WireError> {
    let what = "key";
    let at = input.at();
    let nibbles = input.byte(what)?;
    let mut lens = [u64::from(nibbles >> 4), u64::from(nibbles & 15)];
    for len in &mut lens {
        if *len == 15 {
            *len = input.varint(what)?.saturating_add(15);
        }
    }
    let count = lens[0].saturating_add(lens[1]);
    let (Ok(shared), Ok(rest)) = (usize::try_from(lens[0]), usize::try_from(lens[1])) else {
        return Err(WireError::TooMany { what, at, count, limit });
    };
    if count > limit as u64 {
        return Err(WireError::TooMany { what, at, count, limit });
    }
    let Some(head) = previous.get(..shared) else {
        return Err(WireError::TooMany {
            what: "shared bytes of a key",
            at,
            count: lens[0],
            limit: previous.len(),
        });
    };
    let rest = input.bytes(rest, what)?;
    if rest.first().is_some_and(|&byte| previous.get(shared) == Some(&byte)) {
        return Err(WireError::NotShortest { what, at: input.at() });
    }
    Ok(joined(head, rest))
}

fn joined(head: &[u8], rest: &[u8]) -> Blob {
    let mut short = [0; 48];
    let len = head.len() + rest.len();
    match short.get_mut(..len) {
        Some(short) => {
            short[..head.len()].copy_from_slice(head);
            short[head.len()..].copy_from_slice(rest);
            Blob::new(short)
        }
        None => Blob::new(&[head, rest].concat()),
    }
}

fn shared_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
