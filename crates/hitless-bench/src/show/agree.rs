//! Two runs of the same measurement: whether the later one says what the earlier one said.

use super::table::number;
use crate::sample::{Figure, Measured};

/// A sentence on how far `now` says what `before` said: the median of each figure lies in the band of the earlier run, or is
/// named here.
pub(crate) fn sentence(before: &Measured, now: &Measured) -> String {
    let pairs: Vec<(&Figure, &Figure)> =
        now.figures.iter().filter_map(|figure| Some((before.figure(&figure.what)?, figure))).collect();
    let outside: Vec<String> = pairs.iter().filter_map(|(before, now)| difference(before, now)).collect();
    let mut text = format!(
        "Of {} figures {} lie in their band of an earlier run (commit {}): its 5th to 95th percentile, and no less than 10 % around \
         its median.",
        pairs.len(),
        pairs.len() - outside.len(),
        before.machine.commit
    );
    if !outside.is_empty() {
        text += &format!(" The others: {}.", outside.join("; "));
    }
    text
}

/// What is to be said of a figure whose median left the band.
fn difference(before: &Figure, now: &Figure) -> Option<String> {
    let (low, high) = before.band();
    let median = now.median();
    let text =
        || format!("{}: {} {}, not {} to {}", now.what, number(median), now.unit, number(low), number(high));
    (median < low || median > high).then(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_outside_the_band_is_named() {
        let figure = |samples: &[f64]| Figure::new("x", "ms", samples.to_vec());
        let said = |now: f64| difference(&figure(&[10.0, 20.0, 30.0]), &figure(&[now]));
        assert_eq!([10.0, 30.0].map(said), [None, None]);
        assert_eq!(said(30.5).as_deref(), Some("x: 30.5 ms, not 10.0 to 30.0"));
        assert!(said(9.5).is_some());
        // A single sample, or such as hardly differ: a tenth around it.
        assert_eq!(figure(&[100.0]).band(), (90.0, 110.0));
        assert_eq!(figure(&[99.0, 100.0, 101.0]).band(), (90.0, 110.0));
    }
}
