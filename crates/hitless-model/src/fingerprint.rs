//! 128-bit fingerprints: two states with one fingerprint count as one.

use std::fmt::{self, Debug, Write};
use std::hash::{Hash, Hasher};

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
pub(crate) fn of(value: &impl Hash) -> u128 {
    let mut hasher = SipHasher13::new();
    value.hash(&mut hasher);
    hasher.finish128().as_u128()
}
