//! Sizes before encoding.

use super::codec::varint_len;
use crate::entry::{Audience, CardOp, Cookie, Update};

/// Flags, a key's two nibbles continued, a position and an epoch, each at their longest.
const HEAD: usize = 1 + (1 + 2 + 2) + 10 + 5;

/// Most bytes of one op in a batch, where nothing of it repeats. A batch of ops whose sum of these, plus 64, is at most
/// `MAX_FRAME` is never `TooLarge`.
#[must_use]
pub fn card_op_most(op: &CardOp) -> usize {
    HEAD + op.key.len() + cookie(&op.cookie) + op.content.as_ref().map_or(0, |content| 3 + content.part.len())
}

/// Bytes of one op in a batch of rising positions, where nothing of it repeats: what takeover reports count.
#[must_use]
pub fn card_op_bytes(op: &CardOp) -> usize {
    let version = varint_len(op.version.seq.0.saturating_mul(2)) + varint_len(u64::from(op.version.epoch.0));
    let content =
        op.content.as_ref().map_or(0, |content| varint_len(content.part.len() as u64) + content.part.len());
    1 + version + key(&op.key) + cookie(&op.cookie) + content
}

/// Most bytes of one update in a batch: [`card_op_most`] for standbys.
#[must_use]
pub fn update_most(update: &Update) -> usize {
    let content = update.content.as_ref().map_or(0, |content| {
        let standby = content.standby_part.as_ref().map_or(0, |part| part.len());
        2 * 3 + content.card_part.len() + standby + audience(&content.audience)
    });
    HEAD + 2 + update.key.len() + cookie(&update.cookie) + audience(&update.to) + content
}

fn key(key: &[u8]) -> usize {
    1 + key.len().checked_sub(15).map_or(0, |more| varint_len(more as u64)) + key.len()
}

fn cookie(cookie: &Cookie) -> usize {
    match cookie {
        Cookie::Key => 0,
        Cookie::None => 1,
        Cookie::Bytes(bytes) => 2 + bytes.len(),
    }
}

fn audience(audience: &Audience) -> usize {
    match audience {
        Audience::All => 1,
        Audience::Cards(cards) => 3 + 2 * cards.len(),
    }
}
