//! What a party is told, in numbers, and what follows from it.

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Life, Party, Seq, Version};

/// A state of one party, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LocalId(pub(crate) u32);

/// A message, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MessageId(pub(crate) u32);

/// What is on a disk, by number; 0 is an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct DurableId(pub(crate) u32);

/// A batch of writes for a forwarding table, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WritesId(pub(crate) u32);

/// One call into a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    Connected(Party, Life),
    Disconnected(Party),
    Message(Party, MessageId),
    Persisted(u64),
    Applied(u64, usize),
    Timeout,
    /// The op of the bounds with this index.
    Submit(u8),
}

/// What a party puts out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Send(Party, MessageId),
    Persist(u64, DurableId),
    Apply(u64, WritesId),
    Completed {
        programmed: Seq,
        safe: Seq,
    },
    Issued(u8, Version),
    /// What a takeover does on the channel to a card, if by acks: the keys it replays or adopts; `None` for all.
    Planned(CardId, Option<Vec<Blob>>),
    /// It reads what the cards hold, since no unit has live state.
    Recovers,
    Violates(&'static str, String),
}
