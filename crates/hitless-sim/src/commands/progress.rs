//! Progress of long work, on standard error: in place on a terminal, else a line now and then.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// Pause between two words, on a terminal and elsewhere.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Says how far work has come.
pub(crate) struct Progress {
    began: Instant,
    said: Instant,
    terminal: bool,
    width: usize,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, said: now, terminal: stderr().is_terminal(), width: 0 }
    }

    /// Says so, unless something was said just now.
    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let pause = if self.terminal { PAUSES.0 } else { PAUSES.1 };
        if self.said.elapsed() < pause {
            return;
        }
        self.said = Instant::now();
        let line = format!("{:6.0} s  {}", self.began.elapsed().as_secs_f64(), what());
        if self.terminal {
            eprint!("\r{line:<width$}", width = self.width);
            self.width = line.len();
        } else {
            eprintln!("{line}");
        }
    }

    /// The line on the terminal makes room for what is printed next.
    pub(crate) fn clear(&mut self) {
        if self.terminal && self.width > 0 {
            eprint!("\r{:width$}\r", "", width = self.width);
            self.width = 0;
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
