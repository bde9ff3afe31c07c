//! What happened, line by line: the same seed gives the same bytes.

use std::fmt;

use hitless_proto::ids::Time;

/// Longest line.
const WIDTH: usize = 400;

/// What is done with the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// There is none.
    #[default]
    Off,
    /// It is kept.
    Keep,
    /// It is printed as it comes.
    Print,
    /// Only its digest is kept.
    Digest,
}

/// The lines of one run.
#[derive(Debug, Default)]
pub struct Trace {
    tracing: Tracing,
    text: String,
    digest: Fnv,
}

impl Trace {
    pub(crate) fn new(tracing: Tracing) -> Self {
        Self { tracing, ..Self::default() }
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
        if self.tracing == Tracing::Off {
            return;
        }
        let mut what = what();
        if self.tracing == Tracing::Digest {
            self.digest.add(&now.0.to_le_bytes());
            return self.digest.add(what.as_bytes());
        }
        if what.len() > WIDTH {
            let mut end = WIDTH;
            while !what.is_char_boundary(end) {
                end -= 1;
            }
            what.truncate(end);
        }
        let line = format!("{:>12} {what}\n", now.0);
        if self.tracing == Tracing::Print {
            print!("{line}");
        } else {
            self.text.push_str(&line);
        }
    }

    /// The digest of all lines, whole, where only that was asked for.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.0
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// FNV-1a: the same on every machine and in every version, which the hasher of std does not promise.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let mut fnv = Fnv::default();
        fnv.add(b"foobar");
        assert_eq!(fnv.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_line_counts_and_so_does_its_time() {
        let digest = |lines: &[(u64, &str)]| {
            let mut trace = Trace::new(Tracing::Digest);
            lines.iter().for_each(|(at, line)| trace.line(Time(*at), || (*line).to_owned()));
            trace.digest()
        };
        let one = digest(&[(1, "a"), (2, "b")]);
        assert_eq!(one, digest(&[(1, "a"), (2, "b")]));
        assert!(one != digest(&[(1, "a"), (3, "b")]) && one != digest(&[(1, "a")]) && one != digest(&[]));
    }
}
