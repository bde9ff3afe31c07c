//! Files as bytes: transparent decompression, position in the file, and lines of bounded length.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

/// Memory an .xz file may ask for, in KiB: `xz -9` needs 65 MiB; a hostile file may ask for 4 GiB.
const XZ_MEMORY_KIB: u32 = 128 * 1024;
/// Bytes per read of the file and of what is unpacked.
const BUFFER: usize = 128 * 1024;

/// A file that is being read, unpacked if it is packed (gzip, xz or bzip2, told by its first bytes).
pub struct Input {
    reader: Box<dyn BufRead + Send>,
    position: Arc<AtomicU64>,
    /// In bytes; 0 where it is not known.
    size: u64,
}

impl Input {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened or read, or is a directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory: name a file in it"));
        }
        Ok(Self { size: metadata.len(), ..Self::new(file)? })
    }

    /// Reads from anything, of a size that is not known.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn new(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let position = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: reader, position: Arc::clone(&position) };
        let reader = unpack(BufReader::with_capacity(BUFFER, counted))?;
        Ok(Self { reader, position, size: 0 })
    }

    /// The first bytes, at most as many as a buffer holds, without taking them.
    ///
    /// # Errors
    /// The file cannot be read or unpacked.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    /// Bytes of the file that were read, and its size. Of a pipe the size is not known.
    #[must_use]
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.position.load(Ordering::Relaxed), Some(self.size).filter(|&size| size > 0))
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

fn unpack(mut packed: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let start = packed.fill_buf()?;
    let reader: Box<dyn Read + Send> = if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(packed))
    } else if start.starts_with(b"\xfd7zXZ\0") {
        Box::new(XzReader::new_mem_limit(packed, true, XZ_MEMORY_KIB))
    } else if start.starts_with(b"BZh") {
        Box::new(MultiBzDecoder::new(packed))
    } else {
        return Ok(Box::new(packed));
    };
    Ok(Box::new(BufReader::with_capacity(BUFFER, reader)))
}

/// Counts what is read through it.
struct Counted<R> {
    inner: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer)?;
        self.position.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }
}

/// Why a line could not be had.
#[derive(Debug)]
pub(super) enum LineError {
    /// It is longer than the limit; what follows it can still be read.
    TooLong,
    /// It is not UTF-8.
    NotUtf8,
    /// Nothing more can be read.
    Io(io::Error),
}

/// Reads line by line without ever holding more than one line of bounded length.
pub(super) struct Lines<R> {
    reader: R,
    limit: usize,
    number: u64,
    line: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `limit` bytes each.
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, number: 0, line: Vec::new(), ended: false }
    }

    /// Number of the line that `next` gave last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Where the lines come from.
    pub(super) fn reader(&self) -> &R {
        &self.reader
    }

    /// The next line without its end; `None` at the end of the input. After `LineError::Io` the input has ended.
    pub(super) fn next(&mut self) -> Option<Result<&str, LineError>> {
        if self.ended {
            return None;
        }
        self.line.clear();
        self.number += 1;
        let complete = match self.fill() {
            Ok(complete) => complete,
            Err(error) => {
                self.ended = true;
                return Some(Err(LineError::Io(error)));
            }
        };
        if !complete {
            self.ended = true;
            if self.line.is_empty() {
                return None;
            }
        }
        if self.line.len() > self.limit {
            return Some(Err(LineError::TooLong));
        }
        Some(std::str::from_utf8(&self.line).map_err(|_| LineError::NotUtf8))
    }

    /// Takes up to and including the next line end, keeping at most one byte more than the limit. Whether an end came.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = available.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(available.len());
            let room = (self.limit + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&available[..taken.min(room)]);
            let at_end = available.is_empty();
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() || at_end {
                return Ok(end.is_some());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(input: &[u8], limit: usize) -> Vec<Result<String, String>> {
        let mut lines = Lines::new(BufReader::with_capacity(3, input), limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next() {
            all.push(line.map(str::to_owned).map_err(|error| format!("{error:?}")));
        }
        all
    }

    #[test]
    fn lines_are_cut_at_their_ends_and_the_last_needs_none() {
        assert_eq!(texts(b"", 9), []);
        assert_eq!(texts(b"one\n\nthree", 9), [Ok("one".into()), Ok(String::new()), Ok("three".into())]);
    }

    #[test]
    fn a_line_over_the_limit_is_named_and_the_next_is_read() {
        let long = "x".repeat(10_000);
        let input = format!("{long}\nnext\n1234\n12345\n");
        let expected = [Err("TooLong".into()), Ok("next".into()), Ok("1234".into()), Err("TooLong".into())];
        assert_eq!(texts(input.as_bytes(), 4), expected);
        assert_eq!(texts(b"\xff\nok\n", 9), [Err("NotUtf8".into()), Ok("ok".into())]);
    }

    fn unpacked(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        unpack(io::Cursor::new(bytes.to_vec()))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn packed_input_is_told_by_its_first_bytes() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"10.0.0.0/8\n").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip.write_all(b"10.0.0.0/8\n").unwrap();
        for packed in [b"10.0.0.0/8\n".to_vec(), gzip.clone(), bzip.finish().unwrap()] {
            assert_eq!(unpacked(&packed).unwrap(), "10.0.0.0/8\n");
        }
        assert_eq!(unpacked(b"").unwrap(), "");
        assert!(unpacked(&gzip[..gzip.len() - 3]).is_err());
        assert!(unpacked(b"\xfd7zXZ\0garbage").is_err());
    }

    /// Made with `printf '10.0.0.0/8\n' | xz`.
    const XZ: &[u8] = &[
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16,
        0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x0a, 0x31, 0x30, 0x2e, 0x30, 0x2e, 0x30, 0x2e,
        0x30, 0x2f, 0x38, 0x0a, 0x00, 0x00, 0xfd, 0x60, 0x56, 0x8f, 0x0a, 0x08, 0x70, 0x0d, 0x00, 0x01, 0x23,
        0x0b, 0xc2, 0x1b, 0xfd, 0x09, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];

    #[test]
    fn xz_is_unpacked() {
        assert_eq!(unpacked(XZ).unwrap(), "10.0.0.0/8\n");
    }
}
