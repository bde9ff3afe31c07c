//! One Rust file as the rules see it: code without comments and literals, comments alone, functions, test regions.
//!
//! A scanner of a hundred lines rather than a parser: the rules need names, braces and lines, and they must hold for
//! code that does not compile yet.

use super::mask::mask;

/// A scanned file. Lines count from 1.
pub(crate) struct Rust {
    /// See [`Rust::code`].
    code: String,
    /// The comments; all else is blank.
    comments: String,
    /// First and last lines of what is compiled for tests only.
    tests: Vec<(usize, usize)>,
}

/// One function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of its `fn`.
    pub(crate) line: usize,
    /// From its `fn` to its closing brace.
    pub(crate) lines: usize,
}

/// An identifier or keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
}

impl Rust {
    /// Scans `text`; `test`: the whole file is compiled for tests only.
    pub(crate) fn new(text: &str, test: bool) -> Self {
        let (code, comments) = mask(text);
        let mut rust = Self { code, comments, tests: Vec::new() };
        rust.tests = rust.find_tests();
        if test {
            rust.mark_as_test();
        }
        rust
    }

    /// The code; comments and what is inside literals is blank. Same lines and columns as the file.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// From now on the whole file counts as test.
    pub(crate) fn mark_as_test(&mut self) {
        self.tests = vec![(1, usize::MAX)];
    }

    /// Whether a line is compiled for tests only.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|&(first, last)| first <= line && line <= last)
    }

    /// Lines of the file that are not compiled for tests only.
    pub(crate) fn product_lines(&self) -> usize {
        self.product_code().count()
    }

    /// Lines of code that are not compiled for tests only, with their numbers.
    pub(crate) fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.code).filter(|&(line, _)| !self.is_test(line))
    }

    /// Lines of comment outside tests, with their numbers.
    pub(crate) fn product_comments(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.comments).filter(|&(line, _)| !self.is_test(line))
    }

    /// Every function with a body, in order.
    pub(crate) fn functions(&self) -> Vec<Function> {
        self.named_by("fn")
            .filter_map(|(keyword, name)| {
                let from = name.start + name.text.len();
                let end = self.end_of_item(from).filter(|&end| self.code.as_bytes()[end] == b'}')?;
                let line = self.line_of(keyword.start);
                Some(Function { name: name.text.to_owned(), line, lines: self.line_of(end) + 1 - line })
            })
            .collect()
    }

    /// The identifiers that follow `keyword`, each with the line it is on.
    pub(crate) fn names_after(&self, keyword: &'static str) -> impl Iterator<Item = (usize, &str)> {
        self.named_by(keyword).map(|(_, name)| (self.line_of(name.start), name.text))
    }

    /// Modules in files of their own that are declared for tests only.
    pub(crate) fn test_modules(&self) -> impl Iterator<Item = &str> {
        self.named_by("mod")
            .filter(|(_, name)| {
                let after = self.code[name.start + name.text.len()..].trim_start();
                after.starts_with(';') && self.is_test(self.line_of(name.start))
            })
            .map(|(_, name)| name.text)
    }

    fn named_by(&self, keyword: &'static str) -> impl Iterator<Item = (Word<'_>, Word<'_>)> {
        words(&self.code).zip(words(&self.code).skip(1)).filter(move |(first, second)| {
            let between = &self.code[first.start + first.text.len()..second.start];
            first.text == keyword && !between.is_empty() && between.chars().all(char::is_whitespace)
        })
    }

    fn find_tests(&self) -> Vec<(usize, usize)> {
        let mut tests = Vec::new();
        for mark in ["#[cfg(test)]", "#[cfg(all(test,"] {
            for (start, _) in self.code.match_indices(mark) {
                let attribute =
                    self.code[start..].find(']').map_or(self.code.len(), |length| start + length + 1);
                let end = self.end_of_item(attribute).unwrap_or(self.code.len());
                tests.push((self.line_of(start), self.line_of(end)));
            }
        }
        if self.code.contains("#![cfg(test)]") {
            tests.push((1, usize::MAX));
        }
        tests
    }

    /// Where the item that begins at `from` ends: at its `;`, or at the brace that closes its body.
    fn end_of_item(&self, from: usize) -> Option<usize> {
        let (mut round, mut curly) = (0_usize, 0_usize);
        for (offset, byte) in self.code.bytes().enumerate().skip(from) {
            match byte {
                b'(' | b'[' => round += 1,
                b')' | b']' => round = round.saturating_sub(1),
                b'{' => curly += 1,
                b'}' if curly <= 1 => return Some(offset),
                b'}' => curly -= 1,
                b';' if round == 0 && curly == 0 => return Some(offset),
                _ => {}
            }
        }
        None
    }

    /// The line that a byte is on.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.code.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

/// The identifiers and keywords of `code`, in order.
pub(crate) fn words(code: &str) -> impl Iterator<Item = Word<'_>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_part)?;
        at = code[start..].find(|c| !is_part(c)).map_or(code.len(), |length| start + length);
        Some(Word { text: &code[start..at], start })
    })
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
fn first(a: [u8; 2]) -> fn(u8) {
    let brace = \"}\";
}
trait T {
    fn without_body();
    fn with_body() {}
}
#[cfg(test)]
mod tests {
    fn inside() {
    }
}
fn last() {
}
";

    #[test]
    fn functions_are_found_with_their_lengths() {
        let found: Vec<(String, usize, usize)> =
            Rust::new(SAMPLE, false).functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
        let expected = [("first", 1, 3), ("with_body", 6, 1), ("inside", 10, 2), ("last", 13, 2)];
        assert_eq!(found, expected.map(|(name, line, lines)| (name.to_owned(), line, lines)));
    }

    #[test]
    fn tests_end_where_their_module_ends() {
        let rust = Rust::new(SAMPLE, false);
        let tests: Vec<usize> = (1..=14).filter(|&line| rust.is_test(line)).collect();
        assert_eq!(tests, [8, 9, 10, 11, 12]);
        assert_eq!(rust.product_lines(), 9);
    }

    #[test]
    fn names_follow_their_keyword() {
        let rust = Rust::new("pub struct Peer;\nimpl Peer { fn structural() {} }\nstruct  Card {}\n", false);
        assert_eq!(rust.names_after("struct").collect::<Vec<_>>(), [(1, "Peer"), (3, "Card")]);
    }
}
