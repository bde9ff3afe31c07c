//! One line of a recording: a flat JSON object of texts, whole numbers and nulls. Nothing else is read or written.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use thiserror::Error;

use crate::entry::Blob;

/// Why a line of a recording cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// Not a flat JSON object.
    #[error("not a line of a recording: {0} expected at column {1}")]
    Syntax(&'static str, usize),
    /// A field is not there.
    #[error("the field \"{0}\" is missing")]
    Missing(&'static str),
    /// A field holds what it cannot.
    #[error("the field \"{0}\" holds something else than {1}")]
    Invalid(&'static str, &'static str),
    /// Written by a newer release.
    #[error("recording version {0} is not known: replay it with the release that wrote it")]
    Version(u64),
}

/// Builds a line.
pub(super) struct LineWriter(String);

impl LineWriter {
    pub(super) fn new() -> Self {
        Self(String::from("{"))
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    pub(super) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.name(name);
        let _infallible = write!(self.0, "{value}");
        self
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.0.push('"');
        for letter in value.chars() {
            match letter {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                control if control.is_control() => {
                    let _infallible = write!(self.0, "\\u{:04x}", u32::from(control));
                }
                other => self.0.push(other),
            }
        }
        self.0.push('"');
        self
    }

    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.name(name);
        self.0.push('"');
        put_hex(value, &mut self.0);
        self.0.push('"');
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Number(u64),
    Text(String),
}

/// The fields of a line.
pub(super) struct Line(Vec<(String, Field)>);

impl Line {
    pub(super) fn parse(text: &str) -> Result<Self, LineError> {
        let mut cursor = Cursor { text: text.trim_end(), at: 0 };
        let mut fields = Vec::new();
        cursor.expect('{')?;
        if cursor.peek() == Some('}') {
            cursor.expect('}')?;
        } else {
            loop {
                let name = cursor.quoted()?;
                cursor.expect(':')?;
                fields.push((name, cursor.value()?));
                if cursor.peek() != Some(',') {
                    break;
                }
                cursor.expect(',')?;
            }
            cursor.expect('}')?;
        }
        if cursor.at == cursor.text.len() { Ok(Self(fields)) } else { Err(cursor.wanted("the end")) }
    }

    fn field(&self, name: &'static str) -> Result<&Field, LineError> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, field)| field).ok_or(LineError::Missing(name))
    }

    pub(super) fn has(&self, name: &'static str) -> bool {
        self.field(name).is_ok()
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u64, LineError> {
        match self.field(name)? {
            Field::Number(number) => Ok(*number),
            Field::Text(_) => Err(LineError::Invalid(name, "a number")),
        }
    }

    pub(super) fn narrow<T: TryFrom<u64>>(&self, name: &'static str) -> Result<T, LineError> {
        T::try_from(self.number(name)?).map_err(|_| LineError::Invalid(name, "a number in range"))
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&str, LineError> {
        match self.field(name)? {
            Field::Text(text) => Ok(text),
            Field::Number(_) => Err(LineError::Invalid(name, "text")),
        }
    }

    pub(super) fn bytes(&self, name: &'static str) -> Result<Vec<u8>, LineError> {
        take_hex(self.text(name)?).ok_or(LineError::Invalid(name, "bytes in hexadecimal"))
    }

    pub(super) fn blob(&self, name: &'static str) -> Result<Blob, LineError> {
        Ok(Blob::new(&self.bytes(name)?))
    }

    pub(super) fn wide(&self, name: &'static str) -> Result<u128, LineError> {
        u128::from_str_radix(self.text(name)?, 16)
            .map_err(|_| LineError::Invalid(name, "a hexadecimal number"))
    }
}

/// Appends bytes in hexadecimal.
pub(super) fn put_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Bytes from hexadecimal.
pub(super) fn take_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes.filter(|_| rest.is_empty())
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn wanted(&self, what: &'static str) -> LineError {
        LineError::Syntax(what, self.at + 1)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn expect(&mut self, letter: char) -> Result<(), LineError> {
        if self.peek() == Some(letter) {
            self.at += letter.len_utf8();
            return Ok(());
        }
        Err(self.wanted(match letter {
            '{' => "\"{\"",
            '}' => "\"}\"",
            ':' => "\":\"",
            ',' => "\",\"",
            _other => "a quote",
        }))
    }

    fn quoted(&mut self) -> Result<String, LineError> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.take().ok_or_else(|| self.wanted("a quote"))? {
                '"' => return Ok(text),
                '\\' => text.push(self.escaped()?),
                other => text.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, LineError> {
        match self.take() {
            Some('"') => Ok('"'),
            Some('\\') => Ok('\\'),
            Some('u') => {
                let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.wanted("four digits"))?;
                let letter = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                self.at += 4;
                letter.ok_or_else(|| self.wanted("four digits"))
            }
            Some(_) | None => Err(self.wanted("an escape")),
        }
    }

    fn value(&mut self) -> Result<Field, LineError> {
        if self.peek() == Some('"') {
            return Ok(Field::Text(self.quoted()?));
        }
        let start = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.text[start..self.at].to_owned();
        digits.parse().map(Field::Number).map_err(|_| self.wanted("a number or text"))
    }
}
