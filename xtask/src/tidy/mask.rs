//! Separates the code of a Rust file from its comments, and blanks what literals hold.

/// What a byte of the file belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Literal,
}

/// The code without comments and without what literals hold, and the comments alone. Both keep every line and column
/// of the file.
pub(super) fn mask(text: &str) -> (String, String) {
    let parts = Scanner { bytes: text.as_bytes(), parts: vec![Part::Code; text.len()] }.scan();
    (only(text, &parts, Part::Code), only(text, &parts, Part::Comment))
}

fn only(text: &str, parts: &[Part], wanted: Part) -> String {
    let keep = |(byte, part): (u8, &Part)| if *part == wanted || byte == b'\n' { byte } else { b' ' };
    let bytes = text.bytes().zip(parts).map(keep).collect();
    // Parts begin and end at ASCII bytes, so no character is torn.
    String::from_utf8(bytes).unwrap_or_default()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    parts: Vec<Part>,
}

impl Scanner<'_> {
    fn scan(mut self) -> Vec<Part> {
        let mut at = 0;
        while at < self.bytes.len() {
            at = match self.bytes[at] {
                b'/' if self.byte(at + 1) == b'/' => self.mark(at, self.find(at, b'\n'), Part::Comment),
                b'/' if self.byte(at + 1) == b'*' => self.mark(at, self.end_of_block(at), Part::Comment),
                b'"' => self.mark(at + 1, self.end_of_text(at + 1), Part::Literal) + 1,
                b'\'' => self.character(at),
                b'r' if !self.inside_word(at) => self.raw(at),
                _ => at + 1,
            };
        }
        self.parts
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn find(&self, from: usize, byte: u8) -> usize {
        self.bytes[from..].iter().position(|&b| b == byte).map_or(self.bytes.len(), |length| from + length)
    }

    fn mark(&mut self, from: usize, to: usize, part: Part) -> usize {
        let to = to.min(self.bytes.len());
        self.parts[from.min(to)..to].fill(part);
        to
    }

    /// Block comments nest.
    fn end_of_block(&self, from: usize) -> usize {
        let mut depth = 0;
        let mut at = from;
        while at < self.bytes.len() {
            match (self.bytes[at], self.byte(at + 1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') if depth == 1 => return at + 2,
                (b'*', b'/') => depth -= 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
        }
        at
    }

    fn end_of_text(&self, from: usize) -> usize {
        let mut at = from;
        while at < self.bytes.len() && self.bytes[at] != b'"' {
            at += if self.bytes[at] == b'\\' { 2 } else { 1 };
        }
        at
    }

    /// A character literal, or a lifetime.
    fn character(&mut self, at: usize) -> usize {
        if self.byte(at + 1) == b'\\' {
            let end = self.find((at + 3).min(self.bytes.len()), b'\'');
            return self.mark(at + 1, end, Part::Literal) + 1;
        }
        let mut end = at + 2;
        while self.byte(end) & 0xC0 == 0x80 {
            end += 1;
        }
        if self.byte(end) == b'\'' { self.mark(at + 1, end, Part::Literal) + 1 } else { at + 1 }
    }

    /// `r"..."`, `r#"..."#`, or the identifier `r#name`.
    fn raw(&mut self, at: usize) -> usize {
        let hashes = self.bytes[at + 1..].iter().take_while(|&&b| b == b'#').count();
        let open = at + 1 + hashes;
        if self.byte(open) != b'"' {
            return open;
        }
        let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let rest = &self.bytes[open + 1..];
        let length = rest.windows(close.len()).position(|window| window == close).unwrap_or(rest.len());
        self.mark(open + 1, open + 1 + length, Part::Literal) + close.len()
    }

    /// Whether the `r` at `at` is not the first letter of a raw literal's prefix (`r`, `br`, `cr`).
    fn inside_word(&self, at: usize) -> bool {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        let before = |back: usize| at.checked_sub(back).map_or(0, |index| self.bytes[index]);
        is_part(before(1)) && (!matches!(before(1), b'b' | b'c') || is_part(before(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        mask(text).0
    }

    #[test]
    fn comments_are_apart_from_code() {
        let (code, comments) = mask("a // b\n/* c /* d */ e */ f\n");
        assert_eq!(code, "a     \n                  f\n");
        assert_eq!(comments, "  // b\n/* c /* d */ e */  \n");
    }

    #[test]
    fn literals_are_blank() {
        assert_eq!(code(r#"f("a\"b", 'c', '\'', b'd')"#), r#"f("    ", ' ', '  ', b' ')"#);
        assert_eq!(code("f(r#\"a\"b\"#, br\"c\\\")"), "f(r#\"   \"#, br\"  \")");
        assert_eq!(code("'ä' // x"), "'  '     ");
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        let text = "fn f<'a>(r#fn: &'a str, bar: &'static str) { 'l: loop {} }";
        assert_eq!(code(text), text);
    }

    #[test]
    fn an_unclosed_literal_does_not_hang() {
        for text in ["\"abc", "'\\", "r#\"abc", "/* abc", "r", "'"] {
            assert_eq!(mask(text).0.len(), text.len(), "{text}");
        }
    }
}
