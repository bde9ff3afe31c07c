//! Entries as a control unit's own store holds them: never sent, but written down like the rest.

use alloc::vec::Vec;

use super::WireError;
use super::codec::{Codec, Input, put_ascending, put_optional, put_string};
use crate::entry::{Audience, Content};
use crate::ids::{CardId, Version};
use crate::kept::KeptAt;
use crate::limits::{MAX_CARDS, MAX_PART};

/// An entry, without its key, as bytes for a store: version, audience, card part, standby-only part.
#[must_use]
pub fn encode_kept(version: Version, content: &Content) -> Vec<u8> {
    let standby = content.standby_part.as_deref();
    let mut out = Vec::with_capacity(16 + content.card_part.len() + standby.map_or(0, <[u8]>::len));
    version.put(&mut out);
    content.audience.put(&mut out);
    put_string(&content.card_part, &mut out);
    put_optional(standby, &mut out);
    out
}

/// Reads what [`encode_kept`] wrote.
///
/// # Errors
/// What is wrong with it. One such entry is reason to trust nothing in the store.
pub fn decode_kept(bytes: &[u8]) -> Result<(Version, Content), WireError> {
    let mut input = Input::new(bytes);
    let version = Version::take(&mut input)?;
    let audience = Audience::take(&mut input)?;
    let card_part = input.string("card part", MAX_PART)?.into();
    let standby_part = input.optional("standby-only part", MAX_PART)?.map(Into::into);
    input.end()?;
    Ok((version, Content { audience, card_part, standby_part }))
}

/// A position, and the cards that were in step then, as bytes for a store.
#[must_use]
pub fn encode_kept_at(at: &KeptAt) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    at.version.put(&mut out);
    put_ascending(at.in_step.iter().map(|card| u32::from(card.0)), &mut out);
    out
}

/// Reads what [`encode_kept_at`] wrote.
///
/// # Errors
/// What is wrong with it.
pub fn decode_kept_at(bytes: &[u8]) -> Result<KeptAt, WireError> {
    let mut input = Input::new(bytes);
    let version = Version::take(&mut input)?;
    let cards = input.ascending("cards in step", MAX_CARDS)?;
    input.end()?;
    // A number that is no card's names none of this chassis.
    let in_step = cards.into_iter().filter_map(|card| u16::try_from(card).ok()).map(CardId).collect();
    Ok(KeptAt { version, in_step })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Blob;

    #[test]
    fn an_entry_comes_back_as_it_was_and_damage_is_refused() {
        let audiences = [Audience::All, Audience::cards([]), Audience::cards([CardId(3), CardId(1024)])];
        for audience in audiences {
            for standby_part in [None, Some(Blob::default()), Some("from a source".into())] {
                let content = Content { audience: audience.clone(), card_part: "part".into(), standby_part };
                let bytes = encode_kept(Version::new(7, 1 << 40), &content);
                assert_eq!(decode_kept(&bytes), Ok((Version::new(7, 1 << 40), content)));
                for cut in 0..bytes.len() {
                    assert!(decode_kept(&bytes[..cut]).is_err());
                }
                assert!(decode_kept(&[&bytes[..], &[0]].concat()).is_err());
            }
        }
        let at = KeptAt { version: Version::new(2, 300), in_step: [1, 7, 1024].map(CardId).into() };
        let bytes = encode_kept_at(&at);
        assert_eq!(decode_kept_at(&bytes), Ok(at));
        assert!(decode_kept_at(&bytes[1..]).is_err());
    }
}
