//! Bytes as hexadecimal text.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A byte string that is hexadecimal text in JSON.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// The value of each digit, of either case; what is none is above 15.
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value].to_ascii_uppercase() as usize] = value as u8;
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
}

impl Bytes {
    /// Reads hexadecimal text, either case.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let text = text.as_bytes();
        if !text.len().is_multiple_of(2) {
            return Err(format!("hexadecimal text has an even number of digits, not {}", text.len()));
        }
        let mut bytes = Vec::with_capacity(text.len() / 2);
        for pair in text.chunks_exact(2) {
            let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
            if (high | low) > 15 {
                return Err(format!("not hexadecimal: {:?}", String::from_utf8_lossy(pair)));
            }
            bytes.push(high << 4 | low);
        }
        Ok(Self(bytes))
    }

    /// The hexadecimal text.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 2);
        for byte in &self.0 {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor)
    }
}

struct HexVisitor;

impl Visitor<'_> for HexVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hexadecimal text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Bytes::from_hex(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hexadecimal_text_reads_back(bytes: Vec<u8>) {
            let bytes = Bytes(bytes);
            prop_assert_eq!(&Bytes::from_hex(&bytes.to_hex()).unwrap(), &bytes);
            prop_assert_eq!(serde_json::from_str::<Bytes>(&serde_json::to_string(&bytes).unwrap()).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused() {
        for bad in ["0", "zz", "0x", "é0"] {
            assert!(Bytes::from_hex(bad).is_err(), "{bad}");
        }
    }
}
