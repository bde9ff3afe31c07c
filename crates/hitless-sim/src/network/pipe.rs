//! One direction of a connection, as TCP has it: a stream of bytes in chunks that know nothing of frames, and what the
//! receiving end makes of them.

use std::collections::VecDeque;

use hitless_proto::ids::Time;
use hitless_proto::message::Message;
use hitless_proto::wire::{self, FRAME_HEADER, FrameReader, WireError};

use crate::random::Random;

/// A frame that is cut comes in at most so many chunks: each is a step of the world.
const MOST_CHUNKS: u64 = 3;

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// Bytes that arrive together.
    Chunk(Vec<u8>),
    /// The other end is closed.
    Fin,
}

/// What is on the way, and the receiving end of it.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) parcels: VecDeque<(Time, Parcel)>,
    /// An arrival is in the calendar.
    pub(crate) planned: bool,
    /// Nothing arrives before the latest that was sent before it.
    pub(crate) latest: Time,
    pub(crate) inflow: Inflow,
    /// A bit of the next bytes that are sent is to be flipped.
    flip_next: bool,
}

/// Bytes in, messages out: the framing that production uses.
#[derive(Clone, Debug)]
pub(crate) struct Inflow {
    reader: FrameReader,
    /// Bytes that came.
    came: u64,
    /// Of them: in whole frames.
    taken: u64,
    /// Where in the stream a bit was flipped.
    flipped: Option<u64>,
    /// Since when a frame is under way.
    pub(crate) begun: Option<Time>,
    /// The end of its time is in the calendar.
    pub(crate) watched: bool,
}

impl Default for Inflow {
    fn default() -> Self {
        // The greeting is part of the dial: whoever sends bytes here was greeted.
        let mut reader = FrameReader::new();
        reader.greeted();
        Self { reader, came: 0, taken: 0, flipped: None, begun: None, watched: false }
    }
}

impl Pipe {
    /// A frame is sent: it arrives as it is, with nothing else.
    pub(crate) fn send(&mut self, mut frame: Vec<u8>, due: Time, random: &mut Random) {
        if std::mem::take(&mut self.flip_next) {
            let at = random.below(frame.len() as u64);
            self.inflow.flipped = Some(self.inflow.came + self.under_way() + at);
            flip(&mut frame, at as usize, random);
        }
        self.latest = self.latest.max(due);
        self.parcels.push_back((self.latest, Parcel::Chunk(frame)));
    }

    /// A frame is sent, and cut at arbitrary places: its head may arrive with what was sent before it, its tail later.
    pub(crate) fn send_torn(&mut self, frame: Vec<u8>, due: Time, spread: u64, random: &mut Random) {
        self.send(frame, due, random);
        let Some((_, Parcel::Chunk(mut rest))) = self.parcels.pop_back() else { return };
        if let Some((at, Parcel::Chunk(last))) = self.parcels.back_mut() {
            let head = random.below(rest.len() as u64 + 1) as usize;
            last.extend(rest.drain(..head));
            *at = self.latest;
        }
        for chunk in 1..=MOST_CHUNKS {
            if rest.is_empty() {
                return;
            }
            let most = rest.len() as u64;
            let size = if chunk == MOST_CHUNKS { most } else { random.between(1, most) };
            let tail = rest.split_off(size as usize);
            self.parcels.push_back((self.latest, Parcel::Chunk(rest)));
            self.latest = self.latest.after(random.between(1, spread.max(1)));
            rest = tail;
        }
    }

    /// The end of the stream is sent.
    pub(crate) fn fin(&mut self, due: Time) {
        self.latest = self.latest.max(due);
        self.parcels.push_back((self.latest, Parcel::Fin));
    }

    /// Of what is on the way only the first `whole` parcels arrive, and some bytes of the next.
    pub(crate) fn cut_off(&mut self, whole: usize, random: &mut Random) {
        self.parcels.truncate(whole + 1);
        match self.parcels.get_mut(whole) {
            Some((_, Parcel::Chunk(chunk))) => {
                chunk.truncate(random.below(chunk.len() as u64) as usize);
                if chunk.is_empty() {
                    self.parcels.truncate(whole);
                }
            }
            Some((_, Parcel::Fin)) => self.parcels.truncate(whole),
            None => {}
        }
    }

    /// Flips a bit of what is on the way, or of what is sent next. One at a time: two could undo each other.
    pub(crate) fn flip(&mut self, random: &mut Random) {
        if self.inflow.flipped.is_some() {
            return;
        }
        let under_way = self.under_way();
        if under_way == 0 {
            self.flip_next = true;
            return;
        }
        let mut at = random.below(under_way);
        self.inflow.flipped = Some(self.inflow.came + at);
        for (_, parcel) in &mut self.parcels {
            match parcel {
                Parcel::Chunk(chunk) if at < chunk.len() as u64 => return flip(chunk, at as usize, random),
                Parcel::Chunk(chunk) => at -= chunk.len() as u64,
                Parcel::Fin => {}
            }
        }
    }

    /// What arrives if nothing more is sent.
    pub(crate) fn last_words(&self) -> Vec<Message> {
        let (mut inflow, mut words) = (self.inflow.clone(), Vec::new());
        for (_, parcel) in &self.parcels {
            let Parcel::Chunk(chunk) = parcel else { continue };
            inflow.push(chunk);
            while let Ok(Some(message)) = inflow.next() {
                words.push(message);
            }
        }
        words
    }

    fn under_way(&self) -> u64 {
        let chunks = self.parcels.iter().map(|(_, parcel)| match parcel {
            Parcel::Chunk(chunk) => chunk.len() as u64,
            Parcel::Fin => 0,
        });
        chunks.sum()
    }
}

fn flip(bytes: &mut [u8], at: usize, random: &mut Random) {
    bytes[at] ^= 1 << random.below(8);
}

impl Inflow {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.came += chunk.len() as u64;
        self.reader.push(chunk);
    }

    /// The next message; `None`: more bytes are needed.
    ///
    /// # Errors
    /// What came is not the protocol: the link is closed.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, WireError> {
        let Some(body) = self.reader.next_body()? else { return Ok(None) };
        self.taken += (FRAME_HEADER + body.len()) as u64;
        self.begun = None;
        wire::decode(body).map(Some)
    }

    /// At least one message was taken.
    pub(crate) fn has_taken(&self) -> bool {
        self.taken > 0
    }

    /// The connection, if it ended here, ended within a frame.
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.reader.is_mid_frame()
    }

    /// A bit was flipped on the way: an error is no surprise.
    pub(crate) fn is_damaged(&self) -> bool {
        self.flipped.is_some()
    }

    /// A frame was taken that has, or follows, a flipped bit: the framing did not see it.
    pub(crate) fn took_damage(&self) -> bool {
        self.flipped.is_some_and(|at| at < self.taken)
    }
}

#[cfg(test)]
mod tests;
