//! The ops of batches: what a card is sent, what a standby is sent, and the exceptions in acks.

use alloc::string::String;
use alloc::vec::Vec;

use super::WireError;
use super::batch::{
    Before, COOKIE, DELETE, EPOCH, Flags, Member, PART, SEQ, check_repeat, put_cookie_after, put_version,
    repeats, shortest, take_cookie_after, take_flags, take_op_key, take_version,
};
use super::codec::{Codec, Input, clean, put_ascending, put_key, put_optional, put_string};
use crate::entry::{Audience, CardContent, CardOp, Content, Origin, Update};
use crate::ids::{CardId, Version};
use crate::limits::{MAX_CARDS, MAX_PART, MAX_REASON};
use crate::message::Nack;

/// Of a card's op: the entry is for all cards.
const FOR_ALL: u8 = 0x20;
/// Of an update: the standby-only part is not that of the previous put; it follows.
const STANDBY: u8 = 0x20;
/// Of an update: who gets it is not the same as before; it follows.
const SCOPE: u8 = 0x40;
/// Of an update: the origin is not the previous op's; it follows.
const ORIGIN: u8 = 0x80;
/// Of a nack: the reason is not the previous one's; it follows.
const REASON: u8 = 0x20;

impl Member for CardOp {
    fn version(&self) -> Version {
        self.version
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn has_content(&self) -> bool {
        self.content.is_some()
    }

    fn put_after(&self, before: &Before<'_, Self>, out: &mut Vec<u8>) {
        let mut flags = Flags::open(out);
        put_version(self.version, before.version(), &mut flags, out);
        put_key(&self.key, before.key(), out);
        put_cookie_after(&self.cookie, &mut flags, out);
        match &self.content {
            None => flags.set(DELETE),
            Some(content) => {
                if content.for_all {
                    flags.set(FOR_ALL);
                }
                put_part(&content.part, card_part(before), &mut flags, out);
            }
        }
        flags.close(out);
    }

    fn take_after(before: &Before<'_, Self>, input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        let flags = take_flags(DELETE | SEQ | EPOCH | PART | COOKIE | FOR_ALL, input)?;
        refuse_with_delete(flags, PART | FOR_ALL, at)?;
        let version = take_version(flags, before.version(), input)?;
        let key = take_op_key(before.key(), input)?;
        let cookie = take_cookie_after(flags, input)?;
        let content = if flags & DELETE != 0 {
            None
        } else {
            let part = take_part(flags, card_part(before), input)?.into();
            Some(CardContent { part, for_all: flags & FOR_ALL != 0 })
        };
        Ok(Self { version, key, content, cookie })
    }
}

fn card_part<'a>(before: &Before<'a, CardOp>) -> &'a [u8] {
    before.put.and_then(|put| put.content.as_ref()).map_or(&[], |content| &content.part)
}

pub(super) fn put_part(part: &[u8], previous: &[u8], flags: &mut Flags, out: &mut Vec<u8>) {
    if !repeats(part, previous) {
        flags.set(PART);
        put_string(part, out);
    }
}

pub(super) fn take_part<'a, 'i: 'a>(
    flags: u8,
    previous: &'a [u8],
    input: &mut Input<'i>,
) -> Result<&'a [u8], WireError> {
    let what = "card part";
    if flags & PART == 0 {
        check_repeat(previous, what, input)?;
        return Ok(previous);
    }
    let part = input.string(what, MAX_PART)?;
    shortest(!repeats(part, previous), what, input)?;
    Ok(part)
}

fn refuse_with_delete(flags: u8, refused: u8, at: usize) -> Result<(), WireError> {
    if flags & DELETE != 0 && flags & refused != 0 {
        return Err(WireError::UnknownTag { what: "flags of a delete", at, tag: flags });
    }
    Ok(())
}

impl Member for Update {
    fn version(&self) -> Version {
        self.version
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn has_content(&self) -> bool {
        self.content.is_some()
    }

    fn put_after(&self, before: &Before<'_, Self>, out: &mut Vec<u8>) {
        let mut flags = Flags::open(out);
        let origin = before.last.map_or(Origin::Source, |last| last.origin);
        put_version(self.version, before.version(), &mut flags, out);
        put_key(&self.key, before.key(), out);
        put_cookie_after(&self.cookie, &mut flags, out);
        if self.origin != origin {
            flags.set(ORIGIN);
            self.origin.put(out);
        }
        put_scope(self, before, &mut flags, out);
        match &self.content {
            None => flags.set(DELETE),
            Some(content) => {
                let previous = before.put.and_then(|put| put.content.as_ref());
                put_part(
                    &content.card_part,
                    previous.map_or(&[], |content| &content.card_part),
                    &mut flags,
                    out,
                );
                let standby = content.standby_part.as_deref();
                if !repeats_standby(standby, previous) {
                    flags.set(STANDBY);
                    put_optional(standby, out);
                }
            }
        }
        flags.close(out);
    }

    fn take_after(before: &Before<'_, Self>, input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        let flags = take_flags(0xff, input)?;
        refuse_with_delete(flags, PART | STANDBY, at)?;
        let version = take_version(flags, before.version(), input)?;
        let key = take_op_key(before.key(), input)?;
        let cookie = take_cookie_after(flags, input)?;
        let mut origin = before.last.map_or(Origin::Source, |last| last.origin);
        if flags & ORIGIN != 0 {
            let taken = Origin::take(input)?;
            shortest(taken != origin, "origin", input)?;
            origin = taken;
        }
        let (audience, to) = take_scope(flags, before, input)?;
        let content = match audience {
            None => None,
            Some(audience) => {
                let previous = before.put.and_then(|put| put.content.as_ref());
                let part = take_part(flags, previous.map_or(&[], |content| &content.card_part), input)?;
                let standby_part = take_standby(flags, previous, input)?;
                Some(Content { audience, card_part: part.into(), standby_part: standby_part.map(Into::into) })
            }
        };
        Ok(Self { version, key, content, to, cookie, origin })
    }
}

/// Before the first put the standby-only part counts as known and empty.
fn previous_standby(previous: Option<&Content>) -> Option<&[u8]> {
    previous.map_or(Some(&[]), |content| content.standby_part.as_deref())
}

fn repeats_standby(standby: Option<&[u8]>, previous: Option<&Content>) -> bool {
    match (standby, previous_standby(previous)) {
        (None, None) => true,
        (Some(standby), Some(previous)) => repeats(standby, previous),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn take_standby<'a, 'i: 'a>(
    flags: u8,
    previous: Option<&'a Content>,
    input: &mut Input<'i>,
) -> Result<Option<&'a [u8]>, WireError> {
    let what = "standby-only part";
    if flags & STANDBY == 0 {
        let part = previous_standby(previous);
        check_repeat(part.unwrap_or_default(), what, input)?;
        return Ok(part);
    }
    let standby = input.optional(what, MAX_PART)?;
    shortest(!repeats_standby(standby, previous), what, input)?;
    Ok(standby)
}

/// Who got the previous op; before the first one, all.
fn previous_scope<'a>(before: &Before<'a, Update>) -> (&'a Audience, &'a Audience) {
    let audience =
        before.put.and_then(|put| put.content.as_ref()).map_or(&Audience::All, |content| &content.audience);
    (audience, before.last.map_or(&Audience::All, |last| &last.to))
}

/// Of a put: its audience, then whether it is sent to just that audience, or to whom. Of a delete: to whom.
fn put_scope(update: &Update, before: &Before<'_, Update>, flags: &mut Flags, out: &mut Vec<u8>) {
    let (audience, to) = previous_scope(before);
    match &update.content {
        None if update.to == *to => {}
        None => {
            flags.set(SCOPE);
            update.to.put(out);
        }
        Some(content) if content.audience == *audience && update.to == *to => {}
        Some(content) => {
            flags.set(SCOPE);
            content.audience.put(out);
            let narrowed = update.to != content.audience;
            narrowed.put(out);
            if narrowed {
                update.to.put(out);
            }
        }
    }
}

/// The audience (none: a delete), and to whom the op is sent.
fn take_scope(
    flags: u8,
    before: &Before<'_, Update>,
    input: &mut Input<'_>,
) -> Result<(Option<Audience>, Audience), WireError> {
    let (audience, to) = previous_scope(before);
    let what = "audience";
    match (flags & SCOPE != 0, flags & DELETE != 0) {
        (false, true) => Ok((None, to.clone())),
        (false, false) => Ok((Some(audience.clone()), to.clone())),
        (true, true) => {
            let taken = Audience::take(input)?;
            shortest(taken != *to, what, input)?;
            Ok((None, taken))
        }
        (true, false) => {
            let for_whom = Audience::take(input)?;
            let narrowed = bool::take(input)?;
            let sent = if narrowed { Audience::take(input)? } else { for_whom.clone() };
            shortest(narrowed == (sent != for_whom), what, input)?;
            shortest(for_whom != *audience || sent != *to, what, input)?;
            Ok((Some(for_whom), sent))
        }
    }
}

/// 0: all. 1: these, ascending.
impl Codec for Audience {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::All => out.push(0),
            Self::Cards(cards) => {
                out.push(1);
                put_ascending(cards.iter().map(|card| u32::from(card.0)), out);
            }
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        if !input.flag("audience")? {
            return Ok(Self::All);
        }
        let cards = input.ascending("cards of an audience", MAX_CARDS)?;
        let in_range = |card: u32| (1..=MAX_CARDS as u32).contains(&card);
        if let Some(&card) = cards.iter().find(|&&card| !in_range(card)) {
            let value = u64::from(card);
            return Err(WireError::OutOfRange { what: "card of an audience", at: input.at(), value });
        }
        Ok(Self::Cards(cards.into_iter().map(|card| CardId(card as u16)).collect()))
    }
}

impl Codec for Origin {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Source => 0,
            Self::Replay => 1,
            Self::Adopt => 2,
            Self::Retry => 3,
            Self::Repair => 4,
        });
    }

    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let at = input.at();
        match input.byte("origin")? {
            0 => Ok(Self::Source),
            1 => Ok(Self::Replay),
            2 => Ok(Self::Adopt),
            3 => Ok(Self::Retry),
            4 => Ok(Self::Repair),
            tag => Err(WireError::UnknownTag { what: "origin", at, tag }),
        }
    }
}

impl Member for Nack {
    fn version(&self) -> Version {
        self.version
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn has_content(&self) -> bool {
        true
    }

    fn put_after(&self, before: &Before<'_, Self>, out: &mut Vec<u8>) {
        let mut flags = Flags::open(out);
        put_version(self.version, before.version(), &mut flags, out);
        put_key(&self.key, before.key(), out);
        put_cookie_after(&self.cookie, &mut flags, out);
        let reason = clean(&self.reason);
        if reason != before.last.map_or_else(String::new, |last| clean(&last.reason)) {
            flags.set(REASON);
            put_string(reason.as_bytes(), out);
        }
        flags.close(out);
    }

    fn take_after(before: &Before<'_, Self>, input: &mut Input<'_>) -> Result<Self, WireError> {
        let flags = take_flags(SEQ | EPOCH | COOKIE | REASON, input)?;
        let version = take_version(flags, before.version(), input)?;
        let key = take_op_key(before.key(), input)?;
        let cookie = take_cookie_after(flags, input)?;
        let previous = before.last.map_or("", |last| last.reason.as_str());
        let reason: String = if flags & REASON == 0 {
            previous.into()
        } else {
            let reason = input.text("reason", MAX_REASON)?;
            shortest(reason != previous, "reason", input)?;
            reason
        };
        Ok(Self { version, cookie, key, reason })
    }
}
