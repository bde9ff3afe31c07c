//! JSON lines: a script in any language can feed any process that has a [schema](crate::schema).

use std::io::BufRead;

use hitless_runtime::source::{BadInput, Source, SourceItem};

use super::input::{LineError, Lines};
use super::{at_once, bad, failed};
use crate::schema;

/// Bytes of one line: a key and two parts of the largest size, in hexadecimal.
const MAX_LINE: usize = 1024 * 1024;

/// Reads changes, one JSON object a line.
pub struct JsonLines<R> {
    name: String,
    lines: Lines<R>,
}

impl<R: BufRead> JsonLines<R> {
    /// Reads `input`; `name` names it in errors.
    pub fn new(name: String, input: R) -> Self {
        Self { name, lines: Lines::new(input, MAX_LINE) }
    }
}

impl<R: BufRead> Source for JsonLines<R> {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        loop {
            let line = self.lines.next()?.map(|line| {
                let line = line.trim();
                (!line.is_empty()).then(|| schema::parse_line(line))
            });
            let place = || format!("{}:{}", self.name, self.lines.number());
            return Some(match line {
                Ok(None) => continue,
                Ok(Some(Ok((process, change)))) => Ok(at_once(process, change)),
                Ok(Some(Err(reason))) => Err(bad(place(), reason)),
                Err(LineError::TooLong) => {
                    Err(bad(place(), format!("the line is longer than {MAX_LINE} bytes")))
                }
                Err(LineError::NotUtf8) => Err(bad(place(), "not UTF-8 text")),
                Err(LineError::Io(error)) => Err(failed(place(), &error)),
            });
        }
    }

    /// Lines; how many will come is never known.
    fn progress(&self) -> (u64, Option<u64>) {
        (self.lines.number(), None)
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::process::{fib, table};

    fn read(input: &str) -> Vec<Result<SourceItem, BadInput>> {
        let mut source = JsonLines::new("stdin".into(), input.as_bytes());
        std::iter::from_fn(|| source.next()).collect()
    }

    #[test]
    fn good_lines_around_a_bad_one_are_read() {
        let items = read(concat!(
            r#"{"process":"fib","next_hop":7,"via":"192.0.2.1"}"#,
            "\n\n  \r\nnonsense\n",
            r#"{"process":"table","key":"k","value":"v"}"#,
        ));
        assert_eq!(items.len(), 3);
        assert_eq!(items[0].as_ref().unwrap().process, fib::ID);
        let error = items[1].as_ref().unwrap_err();
        assert_eq!(error.place, "stdin:4");
        assert!(!error.fatal && error.reason.starts_with("not JSON"), "{error}");
        assert_eq!(items[2].as_ref().unwrap().change, table::put(b"k", b"v", b""));
    }

    #[test]
    fn a_line_over_the_limit_is_not_read_into_memory() {
        let long = format!("{{\"process\":\"table\",\"key\":\"{}\"}}\n", "k".repeat(MAX_LINE));
        let items = read(&format!("{long}{}", r#"{"process":"table","delete":"k"}"#));
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].as_ref().unwrap_err().place, "stdin:1");
        assert_eq!(items[1].as_ref().unwrap().change, table::delete(b"k"));
    }
}
