//! Every bound of the protocol, with its reason.

/// Control units of one chassis: one primary and up to eight standbys.
pub const MAX_UNITS: usize = 9;
/// Cards of one chassis: the largest chassis sold have some dozens; a cluster used as one device has hundreds.
pub const MAX_CARDS: usize = 1024;
/// Processes of one chassis.
pub const MAX_PROCESSES: usize = 64;
/// Voters of one chassis: a majority of nine survives four deaths; more only costs latency.
pub const MAX_VOTERS: usize = 9;
/// Bytes of one key. The longest real key (an IPv6 flow) is about 40.
pub const MAX_KEY: usize = 1024;
/// Bytes of a card part or a standby-only part. Three parts and a key must fit one frame.
pub const MAX_PART: usize = 64 * 1024;
/// Bytes of a cookie: it names what an op touches, it is not a payload.
pub const MAX_COOKIE: usize = 1024;
/// Bytes of the text of a nack, a refusal or an error.
pub const MAX_REASON: usize = 256;
/// Bytes of a chassis name.
pub const MAX_CHASSIS_NAME: usize = 64;
/// Bytes of one frame's body: bounds what a reader must hold before it can check anything.
pub const MAX_FRAME: usize = 1024 * 1024;
/// Bytes at which a batch is closed. Past 64 KiB larger writes gain nothing measurable.
pub const BATCH_BYTES: usize = 64 * 1024;
/// Ops at which a batch is closed: bounds the time one batch keeps a forwarding table busy.
pub const BATCH_OPS: usize = 1024;
/// Flow-control window of one channel, in bytes at most as encoded ([`crate::wire::card_op_most`],
/// [`crate::wire::update_most`]): what a card or standby may have to buffer.
pub const WINDOW_BYTES: u64 = 1024 * 1024;
/// Ops that one process may have issued and not yet stable; beyond it the source is held back.
pub const MAX_UNSTABLE: usize = 65_536;
/// Stable ops that the log keeps, so that a follower which was away briefly is caught up by tail: some minutes of an Internet
/// table's churn, or 1 % of its entries. Each costs some 200 bytes; who was away for longer is compared.
pub const LOG_RETAIN: usize = 16_384;
/// Acks with an exception (nack) in one ack message.
pub const MAX_NACKS: usize = BATCH_OPS;
/// Refusals that wait at a standby for their updates, which a card may tell long before the primary sends them. Beyond
/// it a takeover finds them by digest.
pub const MAX_WAITING_NACKS: usize = MAX_UNSTABLE;
/// Digest-tree nodes in one ask; each is answered with 16 sums of 16 bytes.
pub const ASK_NODES: usize = 128;
/// Leaves in one ask: as many as fit a frame are answered, which at 10 M entries (160 a leaf) are some dozens, and in a small
/// table all: to read a whole card then takes 64 round trips.
pub const ASK_LEAVES: usize = 1024;
/// Times a nacked op is tried again before it waits for a change that could cure it (invariant L4).
pub const MAX_RETRIES: u32 = 8;
/// Takeover reports that are kept.
pub const MAX_REPORTS: usize = 32;
/// Ops of a card's history above stable. Beyond it the card answers `Unknown` and is reconciled.
pub const MAX_HISTORY: usize = 2 * MAX_UNSTABLE;
/// Keys of a card's process that wait to be written again, since somebody else changed them in the forwarding table: whoever
/// looks at the table finds the others at its next look.
pub const MAX_ASTRAY: usize = 65_536;
/// Answers to one peer that wait for the disk: a peer asks again only when it has given up what it asked before, so more than
/// a few come from one that misbehaves.
pub const MAX_WITHHELD: usize = 64;
/// Keys of a process that were changed since the unit's store took the last ones. Beyond it the leaves they are in are noted
/// instead, and are stored whole.
pub const MAX_UNKEPT: usize = 65_536;
/// Leaves that are emptied in one batch for the unit's store: most of them are empty, and cost little.
pub const KEEP_LEAVES: usize = 4096;
/// Orphans (ops that only a card knows) listed in one promise; with more, the channel is reconciled.
pub const MAX_ORPHANS: usize = 4096;

const _: () = assert!(MAX_KEY + 3 * MAX_PART + MAX_COOKIE < MAX_FRAME);
const _: () = assert!(BATCH_BYTES * 2 < MAX_FRAME && BATCH_BYTES as u64 * 4 <= WINDOW_BYTES);
const _: () = assert!(ASK_NODES * 16 * 17 < MAX_FRAME);
const _: () = assert!(MAX_HISTORY >= MAX_UNSTABLE);
