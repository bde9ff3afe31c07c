//! The durable state of one party: written late, lost when the party dies first, or refused.

use hitless_proto::io::Durable;

/// A store of one value.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    stored: Durable,
    /// Writes under way, oldest first.
    pending: Vec<(u64, Durable)>,
    /// Writes fail.
    pub failing: bool,
    /// Times slower than usual.
    pub slow: u64,
}

impl Disk {
    /// What a new life finds.
    #[must_use]
    pub fn stored(&self) -> &Durable {
        &self.stored
    }

    pub(crate) fn begin(&mut self, token: u64, durable: Durable) {
        self.pending.push((token, durable));
    }

    /// The write of `token` comes to its end: whether it was stored, or `None` where it was overtaken.
    pub(crate) fn finish(&mut self, token: u64) -> Option<bool> {
        let at = self.pending.iter().position(|(of, _)| *of == token)?;
        let (_, durable) = self.pending.drain(..=at).next_back()?;
        if self.failing {
            return Some(false);
        }
        self.stored = durable;
        Some(true)
    }

    /// The party dies: of the writes under way only the first `survive` reach the disk.
    pub(crate) fn crash(&mut self, survive: usize) {
        for (_, durable) in self.pending.drain(..).take(survive) {
            if !self.failing {
                self.stored = durable;
            }
        }
    }

    pub(crate) fn under_way(&self) -> usize {
        self.pending.len()
    }
}
