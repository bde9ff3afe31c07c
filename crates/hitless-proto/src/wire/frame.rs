//! Frames: `u32 body length | u32 CRC-32C of the body | body`, little-endian.

use alloc::vec::Vec;

use crc::{CRC_32_ISCSI, Crc, Table};

use super::{Wire, WireError, put_message, put_wire};
use crate::limits::MAX_FRAME;
use crate::message::Message;

/// Bytes before the body.
pub const FRAME_HEADER: usize = 8;
/// Longest body of a peer that has not been greeted yet: a `Hello` or a `Goodbye` fits, and strangers cost no more.
pub const GREETING_LIMIT: usize = 512;

/// Sixteen bytes per step: no machine instruction is needed, and none may be used without `unsafe`.
static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// CRC-32C (Castagnoli) of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// Appends `message` as a frame.
///
/// # Errors
/// [`WireError::TooLarge`]; `out` is as it was.
pub fn encode_frame(message: &Message, out: &mut Vec<u8>) -> Result<(), WireError> {
    frame(out, |out| put_message(message, out))
}

/// Appends anything that travels as a frame.
///
/// # Errors
/// [`WireError::TooLarge`]; `out` is as it was.
pub fn encode_wire_frame(wire: &Wire, out: &mut Vec<u8>) -> Result<(), WireError> {
    frame(out, |out| put_wire(wire, out))
}

fn frame(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), WireError> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER]);
    put(out);
    let (header, body) = out[start..].split_at_mut(FRAME_HEADER);
    let len = body.len();
    let Some(len) = u32::try_from(len).ok().filter(|_| len <= MAX_FRAME) else {
        out.truncate(start);
        return Err(WireError::TooLarge { len });
    };
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4..].copy_from_slice(&crc32c(body).to_le_bytes());
    Ok(())
}

/// Bytes in, frames out. Holds at most one frame and what was pushed with it.
///
/// After an error the stream cannot be read on: every later call gives the same error. (What is wrong *within* a frame
/// is for [`super::decode_wire`] to say, and leaves the stream readable.)
#[derive(Clone, Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    limit: usize,
    failed: Option<WireError>,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameReader {
    /// For a connection that begins: bodies up to [`GREETING_LIMIT`].
    #[must_use]
    pub fn new() -> Self {
        Self { buffer: Vec::new(), start: 0, limit: GREETING_LIMIT, failed: None }
    }

    /// The peer is known: bodies up to [`MAX_FRAME`] from here.
    pub fn greeted(&mut self) {
        self.limit = MAX_FRAME;
    }

    /// Bytes from the connection, in any pieces. Take all frames before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The body of the next frame, checked; `None`: more bytes are needed.
    ///
    /// # Errors
    /// The stream is no stream of frames, or was damaged: close the connection.
    pub fn next_body(&mut self) -> Result<Option<&[u8]>, WireError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.find() {
            Ok(None) => Ok(None),
            Ok(Some(len)) => {
                let body = self.start + FRAME_HEADER;
                self.start = body + len;
                Ok(Some(&self.buffer[body..body + len]))
            }
            Err(error) => {
                self.buffer = Vec::new();
                self.start = 0;
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Whether the connection, if it ended here, ended within a frame.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        self.start < self.buffer.len()
    }

    fn find(&self) -> Result<Option<usize>, WireError> {
        let Some((header, rest)) = self.buffer[self.start..].split_first_chunk::<FRAME_HEADER>() else {
            return Ok(None);
        };
        let [l0, l1, l2, l3, c0, c1, c2, c3] = *header;
        let (announced, expected) =
            (u32::from_le_bytes([l0, l1, l2, l3]), u32::from_le_bytes([c0, c1, c2, c3]));
        let len = match usize::try_from(announced) {
            Ok(0) => return Err(WireError::EmptyFrame),
            Ok(len) if len <= self.limit => len,
            Ok(_) | Err(_) => return Err(WireError::FrameTooLong { len: announced, limit: self.limit }),
        };
        let Some(body) = rest.get(..len) else { return Ok(None) };
        let found = crc32c(body);
        if found != expected {
            return Err(WireError::Checksum { expected, found });
        }
        Ok(Some(len))
    }
}
