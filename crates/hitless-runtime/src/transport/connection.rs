//! One connection as frames.

use std::future::pending;
use std::io::ErrorKind;
use std::time::Duration;

use hitless_proto::message::Hello;
use hitless_proto::wire::{FRAME_HEADER, FrameReader, Wire, WireError, decode_wire, encode_wire_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Stream;
use super::link::LinkEnd;
use crate::limits::{FRAME_TIMEOUT, GOODBYE_TIMEOUT, READ_BYTES};

/// The receiving half.
pub(super) struct FrameSource {
    half: Box<dyn AsyncRead + Send + Unpin>,
    frames: FrameReader,
    scratch: Vec<u8>,
    /// When the frame that is under way must be complete.
    deadline: Option<Instant>,
}

/// The sending half.
pub(super) struct FrameSink {
    half: Box<dyn AsyncWrite + Send + Unpin>,
}

/// A connection whose peer said who it is.
pub(super) struct Connection {
    pub(super) source: FrameSource,
    pub(super) sink: FrameSink,
    /// What the peer said.
    pub(super) hello: Hello,
}

pub(super) fn frames(stream: Stream) -> (FrameSource, FrameSink) {
    let source = FrameSource {
        half: stream.reader,
        frames: FrameReader::new(),
        scratch: vec![0; READ_BYTES],
        deadline: None,
    };
    (source, FrameSink { half: stream.writer })
}

impl FrameSource {
    /// The next frame, and its bytes on the wire. Cancel-safe: what was read is kept.
    pub(super) async fn next(&mut self) -> Result<(Wire, usize), LinkEnd> {
        loop {
            if let Some(found) = self.taken().map_err(|error| LinkEnd::Garbage(error.reason()))? {
                self.deadline = None;
                return Ok(found);
            }
            let under_way = self.frames.is_mid_frame();
            if !under_way {
                self.deadline = None;
            } else if self.deadline.is_none() {
                self.deadline = Some(Instant::now() + FRAME_TIMEOUT);
            }
            let read = tokio::select! {
                read = self.half.read(&mut self.scratch) => read,
                () = passed(self.deadline) => {
                    let seconds = FRAME_TIMEOUT.as_secs();
                    return Err(LinkEnd::Garbage(format!("a frame was not complete after {seconds} s")));
                }
            };
            match read {
                Ok(0) if under_way => return Err(LinkEnd::Torn),
                Ok(0) => return Err(LinkEnd::Closed),
                Ok(count) => self.frames.push(&self.scratch[..count]),
                Err(error) => return Err(failed(&error, under_way)),
            }
        }
    }

    /// The peer is known: frames of full length may come.
    pub(super) fn greeted(&mut self) {
        self.frames.greeted();
    }

    fn taken(&mut self) -> Result<Option<(Wire, usize)>, WireError> {
        let Some(body) = self.frames.next_body()? else { return Ok(None) };
        Ok(Some((decode_wire(body)?, FRAME_HEADER + body.len())))
    }

    /// Reads and drops what comes until the peer closes or `limit` is over: closing with unread bytes would destroy what
    /// we sent last.
    pub(super) async fn linger(&mut self, limit: Duration) {
        let drain = async { while !matches!(self.half.read(&mut self.scratch).await, Ok(0) | Err(_)) {} };
        let _at_limit = timeout(limit, drain).await;
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// A reset is how the system tells that the peer's process is gone: no different from a close.
fn failed(error: &std::io::Error, under_way: bool) -> LinkEnd {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe if under_way => {
            LinkEnd::Torn
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => LinkEnd::Closed,
        _other => LinkEnd::Failed(error.to_string()),
    }
}

impl FrameSink {
    /// Writes encoded frames. Not cancel-safe: a frame may be half written.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), LinkEnd> {
        self.half.write_all(bytes).await.map_err(|error| failed(&error, false))?;
        self.half.flush().await.map_err(|error| failed(&error, false))
    }

    /// Writes one frame of the handshake or a heartbeat.
    pub(super) async fn frame(&mut self, frame: &Wire) -> Result<(), LinkEnd> {
        let mut bytes = Vec::new();
        encode_wire_frame(frame, &mut bytes).map_err(|error| LinkEnd::Failed(error.to_string()))?;
        self.write(&bytes).await
    }

    /// Tells the peer why we close, if it takes it in time. Only between two frames.
    pub(super) async fn goodbye(&mut self, reason: &str) {
        let told = async {
            if self.frame(&Wire::Goodbye { reason: reason.to_owned() }).await.is_ok() {
                let _closed_already = self.half.shutdown().await;
            }
        };
        let _at_limit = timeout(GOODBYE_TIMEOUT, told).await;
    }
}
