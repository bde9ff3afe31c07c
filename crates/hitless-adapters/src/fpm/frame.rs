//! Cuts what a session sends into frames: version (1), type (1: netlink), length of the whole frame (`u16`, big-endian).

use thiserror::Error;

/// Bytes of a frame's head.
const HEAD: usize = 4;
const VERSION: u8 = 1;
const TYPE_NETLINK: u8 = 1;
const TYPE_PROTOBUF: u8 = 2;

/// What is wrong with the head of a frame: nothing that follows can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("at byte {offset} of the session: {fault}")]
pub struct FrameError {
    /// Of the frame's first byte, from the beginning of the session.
    pub offset: u64,
    /// What is wrong.
    pub fault: FrameFault,
}

/// What is wrong with the head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// Not the version that there is.
    #[error("a frame of version {0}, not {VERSION}")]
    Version(u8),
    /// FRR's other form.
    #[error("a protobuf frame: start zebra with `-M dplane_fpm_nl`, which sends netlink")]
    Protobuf,
    /// Neither.
    #[error("a frame of type {0}, not {TYPE_NETLINK} (netlink)")]
    Type(u8),
    /// Shorter than its head.
    #[error("a frame of {0} bytes: its head alone has {HEAD}")]
    Length(u16),
}

/// A whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Of the payload's first byte, from the beginning of the session.
    pub offset: u64,
    /// Netlink messages.
    pub payload: &'a [u8],
}

/// Holds what is no whole frame yet: at most one frame and what was pushed last.
#[derive(Debug, Default)]
pub struct FrameReader {
    held: Vec<u8>,
    /// Bytes of `held` that were given out.
    done: usize,
    /// Of `held[0]`, from the beginning of the session.
    offset: u64,
}

impl FrameReader {
    /// More bytes of the session.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.done);
        self.offset += self.done as u64;
        self.done = 0;
        self.held.extend_from_slice(bytes);
    }

    /// The next frame, if it is there as a whole. A head is checked as far as it has come.
    ///
    /// # Errors
    /// The head of a frame is wrong. The session must end: where the next frame begins is not known.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let at = self.done;
        let rest = &self.held[at..];
        let offset = self.offset + at as u64;
        let wrong = |fault| Err(FrameError { offset, fault });
        match rest {
            [version, ..] if *version != VERSION => return wrong(FrameFault::Version(*version)),
            [_, TYPE_PROTOBUF, ..] => return wrong(FrameFault::Protobuf),
            [_, kind, ..] if *kind != TYPE_NETLINK => return wrong(FrameFault::Type(*kind)),
            _ => {}
        }
        let [_, _, high, low, ..] = *rest else { return Ok(None) };
        let length = u16::from_be_bytes([high, low]);
        let whole = usize::from(length);
        if whole < HEAD {
            return wrong(FrameFault::Length(length));
        }
        if rest.len() < whole {
            return Ok(None);
        }
        self.done = at + whole;
        Ok(Some(Frame { offset: offset + HEAD as u64, payload: &self.held[at + HEAD..at + whole] }))
    }
}

/// A frame around these messages; `None`: they do not fit one.
#[must_use]
pub fn frame_of(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(payload.len() + HEAD).ok()?;
    let mut frame = Vec::with_capacity(usize::from(length));
    frame.extend_from_slice(&[VERSION, TYPE_NETLINK]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(payload);
    Some(frame)
}
