//! FRR's zebra as a source of the fib: what it sends by FPM (netlink framed), and the view that a session gives.
//!
//! All of it is pure: bytes and events in, changes and answers out, time as an argument. The sockets are the caller's.
//!
//! ```text
//!   bytes -> FrameReader -> Messages -> decode -> FpmSource -> changes for the fib -> the core
//!                                                    ^   |
//!             role, entries held, outcomes ----------+   +---> answers to zebra
//! ```
//!
//! A session is a *view*: after it began, zebra announces everything that it has, and nothing says when that was all. So the
//! view is compared with what the core holds, route by route as it is announced; what is not named again is *stale* and
//! stays, until a positive signal sweeps it. See [`FpmSource`].

mod answer;
mod attribute;
mod frame;
mod message;
mod next_hop;
mod notes;
mod objects;
mod registry;
mod route;
mod routes;
mod source;
mod status;
mod submit;
#[cfg(test)]
mod tests;

pub use attribute::{Messages, RawMessage, Reason, Refusal};
pub use frame::{Frame, FrameError, FrameFault, FrameReader, frame_of};
pub use message::{Decoded, Definition, Hop, Message, RouteKey, RouteMessage, Target, decode};
pub use notes::SOURCE;
pub use objects::DeviceNames;
pub use source::{FpmSettings, FpmSource, SweepRefusal};
pub use status::FpmStatus;

/// Next hops of one session: zebra shares them between routes, and has some thousands where there are many peers.
pub const MAX_OBJECTS: usize = 1 << 20;
/// Routes of one view, and held: ten times the Internet's.
pub const MAX_ROUTES: usize = 1 << 24;
/// Changes that a batch for the core has at least, if there are as many; with a group and its members behind the last
/// of them it is still below what the core takes at once.
pub const BATCH: usize = 2048;
/// Next hops that nothing uses any more may be so many before they are deleted while there is other work.
pub const MAX_UNUSED: usize = 1024;
/// Pause before interfaces that were not there are looked for again, in microseconds.
pub const NAME_PAUSE: u64 = 1_000_000;

/// What is in some bytes, as far as they can be followed: for tests on arbitrary input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Whole frames.
    pub frames: usize,
    /// Messages that say something of the fib.
    pub taken: usize,
    /// Messages that do not concern it.
    pub kept_out: usize,
    /// Messages that were refused.
    pub refused: usize,
}

/// Reads bytes as a session would.
#[must_use]
pub fn examine(bytes: &[u8]) -> Examined {
    let (mut reader, mut found) = (FrameReader::default(), Examined::default());
    reader.push(bytes);
    while let Ok(Some(frame)) = reader.next_frame() {
        found.frames += 1;
        for message in Messages::of(frame.payload) {
            match message.map(|message| decode(&message)) {
                Ok(Ok(Decoded { message: Message::KeptOut, .. })) => found.kept_out += 1,
                Ok(Ok(_)) => found.taken += 1,
                Ok(Err(_)) | Err(_) => found.refused += 1,
            }
        }
    }
    found
}
