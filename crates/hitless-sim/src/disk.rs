//! The durable state of one party: written late, torn or lost when the party dies first, or refused.

use hitless_proto::io::Durable;
use hitless_proto::wire::{decode_durable, encode_durable};

use crate::random::Random;

/// A store of one value. It has two places, and writes to the one that does not hold the newest whole record, as the
/// embedded database of production commits: a torn write is found by its checksum, and the record before it counts.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    places: [Vec<u8>; 2],
    /// Which of them holds the newest whole record.
    newest: usize,
    /// Writes under way, oldest first.
    pending: Vec<(u64, Durable)>,
    /// Writes fail.
    pub failing: bool,
    /// There is no room: writes fail until it is freed.
    pub full: bool,
    /// Times slower than usual.
    pub slow: u64,
    torn: u64,
    losses: u64,
}

impl Disk {
    /// What a new life finds.
    #[must_use]
    pub fn stored(&self) -> Durable {
        decode_durable(&self.places[self.newest]).unwrap_or_default()
    }

    /// How many records were found torn by a new life.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.torn
    }

    /// How often the disk came back empty.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// The disk has `durable` from before the run.
    pub(crate) fn preload(&mut self, durable: &Durable) {
        self.store(durable);
    }

    pub(crate) fn begin(&mut self, token: u64, durable: Durable) {
        self.pending.push((token, durable));
    }

    /// The write of `token` comes to its end: whether it was stored, or `None` where it was overtaken.
    pub(crate) fn finish(&mut self, token: u64) -> Option<bool> {
        let at = self.pending.iter().position(|(of, _)| *of == token)?;
        let (_, durable) = self.pending.drain(..=at).next_back()?;
        if self.refuses() {
            return Some(false);
        }
        self.store(&durable);
        Some(true)
    }

    /// The party dies: of the writes under way only the first `survive` reach the disk, and of the next a part.
    pub(crate) fn crash(&mut self, survive: usize, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        if self.refuses() {
            return;
        }
        pending.iter().take(survive).for_each(|(_, durable)| self.store(durable));
        if let Some((_, durable)) = pending.get(survive) {
            let mut record = encode_durable(durable);
            record.truncate(random.below(record.len() as u64) as usize);
            self.places[1 - self.newest] = record;
        }
    }

    /// A new life reads the disk: a torn record is found, and passed over.
    pub(crate) fn open(&mut self) -> Durable {
        let other = &mut self.places[1 - self.newest];
        if !other.is_empty() && decode_durable(other).is_err() {
            other.clear();
            self.torn += 1;
        }
        self.stored()
    }

    /// Comes back empty.
    pub(crate) fn lose(&mut self) {
        self.places = Default::default();
        self.pending.clear();
        self.losses += 1;
    }

    pub(crate) fn heal(&mut self) {
        (self.failing, self.full, self.slow) = (false, false, 1);
    }

    pub(crate) fn under_way(&self) -> usize {
        self.pending.len()
    }

    fn refuses(&self) -> bool {
        self.failing || self.full
    }

    fn store(&mut self, durable: &Durable) {
        self.newest = 1 - self.newest;
        self.places[self.newest] = encode_durable(durable);
    }
}
