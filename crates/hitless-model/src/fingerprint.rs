//! Fingerprints: two states with one fingerprint count as one. Of 100 million states with 96 bits each, that happens to any
//! two once in 10^13 searches.

use std::collections::HashMap;
use std::fmt::{self, Debug, Write};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

struct Text(SipHasher13);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Of everything that `Debug` shows.
pub(crate) fn of_debug(value: &impl Debug) -> u128 {
    let mut text = Text(SipHasher13::new());
    // Hashing cannot fail.
    let _ = write!(text, "{value:?}");
    text.0.finish128().as_u128()
}

/// Of everything that `Hash` feeds.
pub(crate) fn of(value: &(impl Hash + ?Sized)) -> u128 {
    let mut hasher = SipHasher13::new();
    value.hash(&mut hasher);
    hasher.finish128().as_u128()
}

/// 96 bits: with a number of 32 bits beside it, 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print([u32; 3]);

/// A number for each fingerprint.
pub(crate) type Prints = HashMap<Print, u32, BuildHasherDefault<AsItIs>>;

impl Print {
    pub(crate) fn of(row: &[u32]) -> Self {
        let print = of(row);
        Self([print as u32, (print >> 32) as u32, (print >> 64) as u32])
    }
}

impl Hash for Print {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.0[0]) | u64::from(self.0[1]) << 32);
    }
}

/// What is a hash already is not hashed again.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
