//! Two runs of the same measurement: whether the later one says what the earlier one said.

use super::table::number;
use crate::sample::{Figure, Measured, Ratio};

/// How far a ratio to a baseline may be from that of another run, as a part of it.
const RATIO_BAND: f64 = 0.25;

/// Sentences on how far `now` says what `before` said. The median of each figure lies in the band of the earlier run, or is
/// named here; so is each ratio to a baseline, which the machine's speed of the day moves less.
pub(crate) fn sentence(before: &Measured, now: &Measured) -> String {
    let figures: Vec<(&Figure, &Figure)> =
        now.figures.iter().filter_map(|figure| Some((before.figure(&figure.what)?, figure))).collect();
    let ratios: Vec<(&Ratio, &Ratio)> =
        now.ratios.iter().filter_map(|ratio| Some((same_ratio(before, ratio)?, ratio))).collect();
    let (all, outside) = judged(&figures, difference);
    let mut text = format!(
        "Of {all} figures {} lie in their band of an earlier run (commit {}): its 5th to 95th percentile, and no less than 10 % \
         around its median.{}",
        all - outside.len(),
        before.machine.commit,
        others(&outside)
    );
    let (all, outside) = judged(&ratios, ratio_difference);
    if all > 0 {
        text += &format!(
            " Of {all} ratios to a baseline {} are within {:.0} % of those of that run.{}",
            all - outside.len(),
            RATIO_BAND * 100.0,
            others(&outside)
        );
    }
    text
}

/// How many there are, and what is to be said of those that differ.
fn judged<T>(pairs: &[(&T, &T)], differs: impl Fn(&T, &T) -> Option<String>) -> (usize, Vec<String>) {
    (pairs.len(), pairs.iter().filter_map(|(before, now)| differs(before, now)).collect())
}

fn others(outside: &[String]) -> String {
    if outside.is_empty() { String::new() } else { format!(" The others: {}.", outside.join("; ")) }
}

/// The same of ours against the same baseline.
fn same_ratio<'a>(before: &'a Measured, ratio: &Ratio) -> Option<&'a Ratio> {
    let (name, _) = ratio.baseline.as_ref()?;
    let against = |other: &Ratio| other.baseline.as_ref().is_some_and(|(other, _)| other == name);
    before.ratios.iter().find(|other| other.what == ratio.what && against(other))
}

/// What is to be said of a ratio that left the band.
fn ratio_difference(before: &Ratio, now: &Ratio) -> Option<String> {
    let (before, factor) = (before.factor()?, now.factor()?);
    let text = || {
        let baseline = now.baseline.as_ref().map_or("", |(name, _)| name);
        format!("{} by {baseline}: {}, not {}", now.what, number(factor), number(before))
    };
    ((factor - before).abs() > before.abs() * RATIO_BAND).then(text)
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

    #[test]
    fn a_ratio_is_compared_with_that_of_the_same_baseline() {
        let measured = |ours: f64, baseline: &str| {
            let mut measured = Measured::begin("x", "X", "", String::new());
            measured.ratios.push(Ratio::new("x", "ms", ours).against(baseline, 10.0));
            measured
        };
        let said = |now: Measured| sentence(&measured(10.0, "raw"), &now);
        assert!(said(measured(12.0, "raw")).contains("Of 1 ratios to a baseline 1 are within 25 %"));
        assert!(
            said(measured(13.0, "raw"))
                .ends_with("0 are within 25 % of those of that run. The others: x by raw: 1.30, not 1.")
        );
        assert!(!said(measured(13.0, "other")).contains("ratios"));
    }
}
