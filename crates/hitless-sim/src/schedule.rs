//! Which of the strikes and ops of a seed take place. A whole run allows all; shrinking leaves out what a failure does
//! not need.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use hitless_proto::ids::Time;

/// Numbers past this are a mistake: no run draws so many strikes or ops.
const LARGEST: u64 = 10_000_000;

/// Some numbers, written as `3,17,20-24`, or as `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(pub BTreeSet<u64>);

/// Strikes and ops are numbered from 0 in the order in which they are drawn. `None` allows every number.
///
/// What is left out is drawn all the same, so that what follows it is drawn as before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The strikes of faults that take place.
    pub strikes: Option<Numbers>,
    /// The ops that are submitted.
    pub ops: Option<Numbers>,
    /// Simulated microseconds of churn and faults; what the seed says where there is none.
    pub end: Option<u64>,
}

/// A strike or an op that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn<T> {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Time,
    /// The class of the fault, or the process.
    pub of: T,
    /// The lines of the trace that say what it did, where they are kept.
    pub did: String,
}

impl Schedule {
    /// Whether strike `number` takes place.
    #[must_use]
    pub fn strikes(&self, number: u64) -> bool {
        self.strikes.as_ref().is_none_or(|kept| kept.0.contains(&number))
    }

    /// Whether op `number` is submitted.
    #[must_use]
    pub fn submits(&self, number: u64) -> bool {
        self.ops.as_ref().is_none_or(|kept| kept.0.contains(&number))
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for number in &self.0 {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *number => *last = *number,
                _ => runs.push((*number, *number)),
            }
        }
        if runs.is_empty() {
            return f.write_str("none");
        }
        for (index, (first, last)) in runs.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}") } else { write!(f, "{comma}{first}-{last}") }?;
        }
        Ok(())
    }
}

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = BTreeSet::new();
        if text == "none" {
            return Ok(Self(numbers));
        }
        for part in text.split(',') {
            let wrong =
                || format!("\"{part}\" is neither a number nor a range: expected like 3,17,20-24, or none");
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u64, u64) =
                (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
            if first > last || last > LARGEST {
                return Err(wrong());
            }
            numbers.extend(first..=last);
        }
        Ok(Self(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for text in ["none", "0", "3,17", "0-2,4,6-7"] {
            assert_eq!(text.parse::<Numbers>().map(|numbers| numbers.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("5,3,4".parse::<Numbers>().map(|numbers| numbers.to_string()), Ok("3-5".to_owned()));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ",", "x", "3-", "-3", "5-4", "1,,2", "0-99999999999", "18446744073709551616"] {
            assert!(text.parse::<Numbers>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_whole_schedule_allows_everything_and_an_empty_one_nothing() {
        let empty = Schedule { strikes: Some(Numbers::default()), ops: Some(Numbers::default()), end: None };
        assert!(Schedule::default().strikes(7) && Schedule::default().submits(7));
        assert!(!empty.strikes(7) && !empty.submits(7));
    }
}
