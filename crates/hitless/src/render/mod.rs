//! From values to text for people.

pub mod key;
pub mod report;
pub mod status;
mod table;

pub use table::Grid;

use serde::Serialize;

/// Prints a value as one line of JSON.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("error: cannot be written as JSON: {error}"),
    }
}

/// `1,288,500`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 ms` from microseconds.
#[must_use]
pub fn millis(micros: u64) -> String {
    format!("{}.{} ms", count(micros / 1_000), micros % 1_000 / 100)
}

/// `12.3 MB` from bytes.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        1_000_000.. => format!("{}.{} MB", count(bytes / 1_000_000), bytes % 1_000_000 / 100_000),
    }
}

/// Name of a process for people.
#[must_use]
pub fn process(number: u16) -> String {
    let known = crate::config::ProcessKind::ALL.into_iter().find(|kind| kind.number() == number);
    known.map_or_else(|| format!("process-{number}"), |kind| kind.name().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_288_500].map(super::count), ["0", "999", "1,000", "1,288,500"]);
        assert_eq!(super::millis(12_345), "12.3 ms");
        assert_eq!([999, 1_050, 12_345_678].map(super::bytes), ["999 B", "1.0 kB", "12.3 MB"]);
    }
}
