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
        Self { name, input: Counted { input, taken: 0 }, number: 0, offset: 0, ended: false }
    }

    /// The next record, parsed; `None` at the end. Behind a record whose content is wrong the next one is read;
    /// where a record's end is not known, the file ends.
    pub(super) fn next(&mut self) -> Option<Result<(CommonHeader, MrtMessage), BadInput>> {
        if self.ended {
            return None;
        }
        self.number += 1;
        self.offset = self.input.taken;
        let raw = match chunk_mrt_record(&mut self.input) {
            Ok(raw) => raw,
            Err(error) => return self.broken(error.error).map(Err),
        };
        let header = raw.common_header;
        Some(match raw.parse() {
            Ok(record) => Ok((header, record.message)),
            Err(error) => Err(self.bad(error.to_string())),
        })
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
