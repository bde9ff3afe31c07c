//! Lines of bounded length.

use thiserror::Error;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use crate::MAX_LINE;

/// Why there is no next line.
#[derive(Debug, Error)]
pub enum LineError {
    /// The line was longer than [`MAX_LINE`]; it was skipped to its end.
    #[error("a line of more than {MAX_LINE} bytes")]
    TooLong,
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads lines and holds at most [`MAX_LINE`] bytes. Cancel-safe: what was read of a line is kept.
#[derive(Debug)]
pub struct LineReader<R> {
    reader: R,
    line: Vec<u8>,
    skipping: bool,
    complete: bool,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    /// Wraps `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), skipping: false, complete: false }
    }

    /// The next line without its end; `None` at the end of the stream. A last line that has no end is dropped, since its
    /// sender died in the middle of it.
    ///
    /// # Errors
    /// The line is too long (the next call goes on after it), or reading failed.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, LineError> {
        if std::mem::take(&mut self.complete) {
            self.line.clear();
        }
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            if !self.skipping {
                if self.line.len() + taken > MAX_LINE {
                    self.skipping = true;
                    self.line.clear();
                } else {
                    self.line.extend_from_slice(&chunk[..taken]);
                }
            }
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                if std::mem::take(&mut self.skipping) {
                    return Err(LineError::TooLong);
                }
                self.complete = true;
                return Ok(Some(&self.line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LineError, LineReader};
    use crate::MAX_LINE;

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let mut input = vec![b'x'; MAX_LINE + 1];
        input.extend_from_slice(b"\nsecond\nunfinished");
        let mut lines = LineReader::new(input.as_slice());
        assert!(matches!(lines.next().await, Err(LineError::TooLong)));
        assert_eq!(lines.next().await.unwrap(), Some(b"second".as_slice()));
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_longest_line_passes() {
        let mut input = vec![b'x'; MAX_LINE];
        input.push(b'\n');
        let mut lines = LineReader::new(input.as_slice());
        assert_eq!(lines.next().await.unwrap().map(<[u8]>::len), Some(MAX_LINE));
    }
}
