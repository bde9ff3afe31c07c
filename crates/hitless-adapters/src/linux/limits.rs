//! Every bound of the Linux table, with its reason.

use std::time::Duration;

/// Messages in one send. Below 64 the system call costs more than the message; from 256 on nothing more is gained, and a
/// batch keeps the kernel's routing lock.
pub(super) const BATCH_MESSAGES: usize = 512;
/// Bytes at which a send is closed: a third of what a socket sends at once by default (212,992).
pub(super) const BATCH_BYTES: usize = 64 * 1024;
/// What the kernel may queue of answers to one send: an error for each message takes about a kilobyte there.
pub(super) const ANSWER_BUFFER: usize = 4 * 1024 * 1024;
/// What the kernel may queue of changes that others make, before it drops them and we read everything again: about 50,000
/// routes.
pub(super) const WATCH_BUFFER: usize = 64 * 1024 * 1024;
/// Bytes of the largest datagram that is taken: twice what the kernel puts into one part of a dump.
pub(super) const DATAGRAM: usize = 64 * 1024;
/// The kernel answers within the system call that asks; an answer that is not there by then will never come.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Dumps that were interrupted by changes, in a row, before it is given up for now. Each is short against the time between two
/// changes of next hops, or somebody changes them in a loop.
pub(super) const DUMP_TRIES: u32 = 16;
/// Datagrams of a dump that are read before other work has its turn: some 10,000 routes, some 20 ms.
pub(super) const PARTS_AT_ONCE: usize = 32;
/// Notifications that are read before other work has its turn.
pub(super) const EVENTS_AT_ONCE: usize = 65_536;
/// Keys whose place somebody else has taken that are remembered, so that the kernel is read anew only for new ones.
pub(super) const MAX_CONFLICTS: usize = 65_536;
/// Keys deleted while a survey goes on; beyond it the survey begins anew.
pub(super) const MAX_DELETED: usize = 262_144;
/// How long the watching thread waits at most before it looks again whether it is still wanted.
pub(super) const WATCH_PAUSE: Duration = Duration::from_secs(1);
