//! MRT records (RFC 6396): where they begin and end, and what both kinds of MRT source take from them.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use bgpkit_parser::models::{Attributes, CommonHeader, MrtMessage};
use bgpkit_parser::{ParserError, chunk_mrt_record};
use hitless_proto::entry::Blob;
use hitless_runtime::source::BadInput;

use super::input::Input;
use super::{bad, failed};

/// Bytes of the text of an AS path that are kept as the standby-only part; real paths have 5 AS numbers on average.
const MAX_PATH_TEXT: usize = 120;
/// Bytes of the header that all records share.
const HEADER: u64 = 12;
/// Bytes behind a header that are read at most: what the parser takes, and 4 of a time in microseconds.
const MAX_BODY: u32 = 16 * 1024 * 1024 + 4;

/// The record types that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TableDump,
    TableDumpV2,
    Bgp4Mp,
    Bgp4MpEt,
}

/// The type of the first record, if these bytes begin an MRT file. No text has a zero byte in its fifth place.
pub(super) fn kind_of(start: &[u8]) -> Option<Kind> {
    match start.get(4..6)? {
        [0, 12] => Some(Kind::TableDump),
        [0, 13] => Some(Kind::TableDumpV2),
        [0, 16] => Some(Kind::Bgp4Mp),
        [0, 17] => Some(Kind::Bgp4MpEt),
        _ => None,
    }
}

/// Reads record by record.
pub(super) struct Records {
    name: String,
    input: Counted,
    /// The bytes of the current record.
    record: Vec<u8>,
    number: u64,
    /// Offset of the current record in the unpacked file.
    offset: u64,
    ended: bool,
}

struct Counted {
    input: Input,
    taken: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.input.read(buffer)?;
        self.taken += taken as u64;
        Ok(taken)
    }
}

impl Records {
    pub(super) fn new(name: String, input: Input) -> Self {
        let input = Counted { input, taken: 0 };
        Self { name, input, record: Vec::new(), number: 0, offset: 0, ended: false }
    }

    /// The next record, parsed; `None` at the end. Behind a record whose content is wrong the next one is read;
    /// where a record's end is not known, the file ends.
    pub(super) fn next(&mut self) -> Option<Result<(CommonHeader, MrtMessage), BadInput>> {
        if self.ended {
            return None;
        }
        self.number += 1;
        self.offset = self.input.taken;
        if let Err(error) = self.cut() {
            self.ended = true;
            return Some(Err(failed(self.place(), &error)));
        }
        let raw = match chunk_mrt_record(&mut &self.record[..]) {
            Ok(raw) => raw,
            Err(error) => return self.broken(error.error).map(Err),
        };
        let header = raw.common_header;
        Some(match raw.parse() {
            Ok(record) => Ok((header, record.message)),
            Err(error) => Err(self.bad(error.to_string())),
        })
    }

    /// Takes the bytes of the next record. The parser would believe the length that a header announces, and ask for so
    /// much memory; here it grows as bytes come.
    fn cut(&mut self) -> io::Result<()> {
        self.record.clear();
        (&mut self.input).take(HEADER).read_to_end(&mut self.record)?;
        // Less than a header is the end, or a cut file: the parser says which.
        let Some(length) = self.record.last_chunk::<4>().filter(|_| self.record.len() as u64 == HEADER)
        else {
            return Ok(());
        };
        let length = u32::from_be_bytes(*length);
        if length > MAX_BODY {
            return Ok(());
        }
        let came = (&mut self.input).take(length.into()).read_to_end(&mut self.record)?;
        if came as u64 == u64::from(length) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// What to say of a record that could not be cut out of the file.
    fn broken(&mut self, error: ParserError) -> Option<BadInput> {
        let place = self.place();
        match error {
            ParserError::EofExpected => {
                self.ended = true;
                None
            }
            ParserError::IoError(error) | ParserError::EofError(error) => {
                self.ended = true;
                Some(failed(place, &error))
            }
            ParserError::OversizedRecord { length } => {
                self.ended = true;
                let reason = format!("a record of {length} bytes: the file is damaged, or not MRT");
                Some(BadInput { place, reason, fatal: true })
            }
            other => Some(bad(place, other.to_string())),
        }
    }

    /// Something in the current record that is not a change.
    pub(super) fn bad(&self, reason: impl Into<String>) -> BadInput {
        bad(self.place(), reason)
    }

    fn place(&self) -> String {
        format!("{}: record {}, offset {}", self.name, self.number, self.offset)
    }

    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        self.input.input.progress()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The standby-only part of a route from BGP: its AS path, cut where it is long.
pub(super) fn path_note(attributes: &Attributes) -> Blob {
    let Some(path) = attributes.effective_as_path() else { return Blob::from("bgp") };
    let mut text = format!("as-path {path}");
    if text.len() > MAX_PATH_TEXT {
        let cut = (0..=MAX_PATH_TEXT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
        text.push_str("...");
    }
    Blob::from(text.as_str())
}
