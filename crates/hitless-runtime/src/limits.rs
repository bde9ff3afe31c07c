//! Every bound of the runtime, with its reason.

use std::time::Duration;

use hitless_proto::limits::{MAX_FRAME, WINDOW_BYTES};

/// A connection that has not said who it is by then is closed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that have not said who they are yet; beyond it the oldest is closed, so that silent ones cannot keep
/// parties of the chassis out.
pub const MAX_UNAUTHENTICATED: usize = 64;
/// Connections turned away that are logged one by one; then one per [`COMPLAINT_PAUSE`], with a count: a scanner must not fill
/// the disk.
pub const COMPLAINTS_AT_ONCE: u32 = 5;
/// Pause between two such lines.
pub const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);
/// A TCP connection that is not established by then is given up and dialled again.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// First pause before a peer is dialled again; doubles up to [`REDIAL_MAX`].
pub const REDIAL_MIN: Duration = Duration::from_millis(50);
/// Longest pause before a peer is dialled again: a unit that comes back is found within it.
pub const REDIAL_MAX: Duration = Duration::from_secs(1);
/// How long a link that we close may take to tell the peer why.
pub const GOODBYE_TIMEOUT: Duration = Duration::from_millis(300);
/// A frame that was begun and is not complete by then is a peer that will never complete it.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the system refused to accept a connection (no descriptors left), so that it is not asked in a loop.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes written to a connection at once: larger writes gain nothing measurable.
pub const WRITE_BYTES: usize = 256 * 1024;
/// Bytes asked of a connection at once.
pub const READ_BYTES: usize = 64 * 1024;
/// Messages that wait to be written to one peer.
pub const OUTBOX_MESSAGES: usize = 65_536;
/// Bytes, as weighed before encoding, that wait to be written to one peer, beside two windows per process. The core never
/// has more in flight than its windows; the rest is for acks, votes and answers.
pub const OUTBOX_BYTES: usize = 32 * 1024 * 1024;
/// Messages from all peers that wait for the core.
pub const INBOX_MESSAGES: usize = 4096;
/// Bytes of frames from all peers that wait for the core; beyond it readers stop reading.
pub const INBOX_BYTES: usize = 64 * 1024 * 1024;
/// Inputs applied before outputs are drained: bounds what the first of them waits for the last.
pub const INPUTS_AT_ONCE: usize = 4096;
/// Commands of handles that wait for the core.
pub const COMMANDS: usize = 256;
/// Batches of changes per process that wait for room; beyond it the caller waits before its batch is queued.
pub const WAITING_BATCHES: usize = 16;
/// Changes in one submitted batch.
pub const MAX_SUBMIT: usize = 4096;
/// Answers of the store, arbiter and table threads that wait for the core.
pub const ANSWERS: usize = 256;
/// States that wait for the store thread; beyond it a state is answered as not persisted.
pub const PERSISTS: usize = 64;
/// Batches that wait for the thread of the kept state; while there are so many, the core is not asked for more.
pub const KEEP_QUEUE: usize = 4;
/// Rows in such a batch, about: past some thousand larger ones gain nothing measurable.
pub const KEEP_ROWS: usize = 4096;
/// What was kept longer ago outlives the machine; the rest outlives the process only.
pub const KEEP_SYNC: Duration = Duration::from_secs(1);
/// Pause after kept state could not be written, before all of it is written again.
pub const KEEP_RETRY: Duration = Duration::from_secs(30);
/// Jobs that wait for the table thread: one batch per process is under way at a time, one look, and dumps.
pub const TABLE_QUEUE: usize = 2 * hitless_proto::limits::MAX_PROCESSES + 1;
/// Findings that a table is asked for at once; the next ones are asked for when the core has taken these.
pub const FINDINGS: usize = 1024;
/// Events that a subscriber may be behind before it misses some, and is told how many.
pub const EVENTS: usize = 8192;
/// Lines that wait for the recorder thread; beyond it recording stops with a notice.
pub const RECORD_LINES: usize = 65_536;
/// Bytes of lines that wait for the recorder thread; likewise.
pub const RECORD_QUEUE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a recording, if nothing else is configured.
pub const RECORD_BYTES: u64 = 1024 * 1024 * 1024;

const _: () = assert!(INBOX_BYTES >= 16 * MAX_FRAME);
const _: () = assert!(OUTBOX_BYTES as u64 >= 4 * WINDOW_BYTES);
const _: () = assert!(REDIAL_MIN.as_millis() < REDIAL_MAX.as_millis());
