//! Batches: each op is written as what it differs in from the one before it.
//!
//! An op is a byte of flags, then the fields that the flags announce. A route whose next hop repeats, next in sequence
//! and with a key like the last one's, takes 4 to 7 bytes. Canonical: a flag is set only where something differs.

use alloc::vec::Vec;
use core::borrow::Borrow;

use super::WireError;
use super::codec::{Codec, Input, put_optional, put_varint, take_key, unzigzag, zigzag};
use crate::entry::{Blob, Cookie};
use crate::ids::{Epoch, Seq, Version};
use crate::limits::{MAX_COOKIE, MAX_KEY};

/// No content: a delete.
pub(super) const DELETE: u8 = 0x01;
/// The position is not the previous one's plus 1: the zigzag difference follows.
pub(super) const SEQ: u8 = 0x02;
/// The epoch is not the previous one's: it follows.
pub(super) const EPOCH: u8 = 0x04;
/// The card part is not that of the previous put: it follows.
pub(super) const PART: u8 = 0x08;
/// The cookie is not the key: it follows.
pub(super) const COOKIE: u8 = 0x10;

/// Longest part that is left out where it repeats. It bounds what a frame can unfold to: an op of two bytes stands for
/// at most this much, twice.
pub(super) const MAX_REPEAT: usize = 1024;

/// What stands before an op in its batch.
pub(super) struct Before<'a, E> {
    /// The version that the first op is compared with.
    pub(super) base: Version,
    /// The op before.
    pub(super) last: Option<&'a E>,
    /// The last op before that has content.
    pub(super) put: Option<&'a E>,
}

/// Something that batches are made of.
pub(super) trait Member: Sized {
    /// The fewest bytes of one.
    const LEAST: usize = 2;

    fn version(&self) -> Version;

    fn key(&self) -> &[u8];

    /// Whether later members may leave out content that this one has.
    fn has_content(&self) -> bool;

    fn put_after(&self, before: &Before<'_, Self>, out: &mut Vec<u8>);

    fn take_after(before: &Before<'_, Self>, input: &mut Input<'_>) -> Result<Self, WireError>;
}

impl<E: Member> Before<'_, E> {
    pub(super) fn version(&self) -> Version {
        self.last.map_or(self.base, E::version)
    }

    pub(super) fn key(&self) -> &[u8] {
        self.last.map_or(&[], E::key)
    }
}

pub(super) fn put_batch<C: Borrow<E>, E: Member>(members: &[C], base: Version, out: &mut Vec<u8>) {
    put_varint(members.len() as u64, out);
    let mut before = Before { base, last: None, put: None };
    for member in members {
        let member = member.borrow();
        member.put_after(&before, out);
        before.last = Some(member);
        if member.has_content() {
            before.put = Some(member);
        }
    }
}

pub(super) fn take_batch<C: Borrow<E> + From<E>, E: Member>(
    what: &'static str,
    limit: usize,
    base: Version,
    input: &mut Input<'_>,
) -> Result<Vec<C>, WireError> {
    let count = input.count(what, limit, E::LEAST)?;
    let mut members: Vec<C> = Vec::with_capacity(count);
    let mut put: Option<usize> = None;
    for index in 0..count {
        let before =
            Before { base, last: members.last().map(C::borrow), put: put.map(|at| members[at].borrow()) };
        let member = E::take_after(&before, input)?;
        if member.has_content() {
            put = Some(index);
        }
        members.push(C::from(member));
    }
    Ok(members)
}

/// Refuses a batch whose positions do not ascend from `prev`.
pub(super) fn check_ascending<C: Borrow<E>, E: Member>(
    members: &[C],
    prev: Seq,
    input: &Input<'_>,
) -> Result<(), WireError> {
    let mut last = prev;
    for member in members {
        let seq = member.borrow().version().seq;
        if seq <= last {
            return Err(WireError::Unordered { what: "ops", at: input.at() });
        }
        last = seq;
    }
    Ok(())
}

/// The flags being gathered, and where they stand in the output.
pub(super) struct Flags {
    at: usize,
    set: u8,
}

impl Flags {
    pub(super) fn open(out: &mut Vec<u8>) -> Self {
        out.push(0);
        Self { at: out.len() - 1, set: 0 }
    }

    pub(super) fn set(&mut self, flag: u8) {
        self.set |= flag;
    }

    pub(super) fn close(self, out: &mut [u8]) {
        out[self.at] = self.set;
    }
}

pub(super) fn take_flags(allowed: u8, input: &mut Input<'_>) -> Result<u8, WireError> {
    let at = input.at();
    let flags = input.byte("flags")?;
    if flags & !allowed != 0 {
        return Err(WireError::UnknownTag { what: "flags", at, tag: flags });
    }
    Ok(flags)
}

pub(super) fn put_version(version: Version, last: Version, flags: &mut Flags, out: &mut Vec<u8>) {
    if version.epoch != last.epoch {
        flags.set(EPOCH);
        version.epoch.put(out);
    }
    if last.seq.0.checked_add(1) != Some(version.seq.0) {
        flags.set(SEQ);
        put_varint(zigzag(last.seq.0, version.seq.0), out);
    }
}

pub(super) fn take_version(flags: u8, last: Version, input: &mut Input<'_>) -> Result<Version, WireError> {
    let mut epoch = last.epoch;
    if flags & EPOCH != 0 {
        epoch = Epoch::take(input)?;
        shortest(epoch != last.epoch, "epoch of an op", input)?;
    }
    let following = last.seq.0.checked_add(1);
    let at = input.at();
    let seq = if flags & SEQ != 0 {
        let seq = unzigzag(last.seq.0, input.varint("position of an op")?);
        shortest(following != Some(seq), "position of an op", input)?;
        seq
    } else {
        following.ok_or(WireError::OutOfRange { what: "position of an op", at, value: last.seq.0 })?
    };
    Ok(Version { epoch, seq: Seq(seq) })
}

pub(super) fn take_op_key(previous: &[u8], input: &mut Input<'_>) -> Result<Blob, WireError> {
    take_key(previous, MAX_KEY, input)
}

pub(super) fn put_cookie_after(cookie: &Cookie, flags: &mut Flags, out: &mut Vec<u8>) {
    match cookie {
        Cookie::Key => return,
        Cookie::None => put_optional(None, out),
        Cookie::Bytes(bytes) => put_optional(Some(bytes), out),
    }
    flags.set(COOKIE);
}

pub(super) fn take_cookie_after(flags: u8, input: &mut Input<'_>) -> Result<Cookie, WireError> {
    if flags & COOKIE == 0 {
        return Ok(Cookie::Key);
    }
    Ok(input.optional("cookie", MAX_COOKIE)?.map_or(Cookie::None, |bytes| Cookie::Bytes(bytes.into())))
}

/// Whether `part` is left out after `previous`.
pub(super) fn repeats(part: &[u8], previous: &[u8]) -> bool {
    part.len() <= MAX_REPEAT && part == previous
}

pub(super) fn shortest(is_shortest: bool, what: &'static str, input: &Input<'_>) -> Result<(), WireError> {
    if is_shortest { Ok(()) } else { Err(WireError::NotShortest { what, at: input.at() }) }
}

/// A part that was left out: only a short one may be.
pub(super) fn check_repeat(previous: &[u8], what: &'static str, input: &Input<'_>) -> Result<(), WireError> {
    if previous.len() <= MAX_REPEAT {
        return Ok(());
    }
    Err(WireError::TooMany { what, at: input.at(), count: previous.len() as u64, limit: MAX_REPEAT })
}
