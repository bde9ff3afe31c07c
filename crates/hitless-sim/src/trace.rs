//! What happened, line by line: the same seed gives the same bytes.

use std::fmt;

use hitless_proto::ids::Time;

/// Longest line.
const WIDTH: usize = 400;

/// The lines of one run.
#[derive(Debug, Default)]
pub struct Trace {
    on: bool,
    print: bool,
    text: String,
}

impl Trace {
    pub(crate) fn new(on: bool, print: bool) -> Self {
        Self { on, print, text: String::new() }
    }

    /// Where the next line will begin.
    pub(crate) fn mark(&self) -> usize {
        self.text.len()
    }

    /// The lines since a mark, where they are kept.
    pub(crate) fn since(&self, mark: usize) -> &str {
        self.text.get(mark..).unwrap_or_default()
    }

    pub(crate) fn line(&mut self, now: Time, what: impl FnOnce() -> String) {
        if !self.on {
            return;
        }
        let mut what = what();
        if what.len() > WIDTH {
            let mut end = WIDTH;
            while !what.is_char_boundary(end) {
                end -= 1;
            }
            what.truncate(end);
        }
        let line = format!("{:>12} {what}\n", now.0);
        if self.print {
            print!("{line}");
        } else {
            self.text.push_str(&line);
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
