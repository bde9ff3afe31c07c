//! What was measured: samples and what is said of them, comparisons, goals. Written as JSON, and rendered from it.

use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One measurement, with its baselines from the same run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// As on the command line.
    pub(crate) name: String,
    pub(crate) title: String,
    /// What was done, in a few sentences.
    pub(crate) method: String,
    pub(crate) size: String,
    pub(crate) machine: Machine,
    pub(crate) figures: Vec<Figure>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) plots: Vec<Plot>,
    /// What a reader must know to read the figures right: what was left out, and why.
    pub(crate) remarks: Vec<String>,
}

/// Samples of one thing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: String,
    /// In the order in which they were taken.
    pub(crate) samples: Vec<f64>,
}

/// Ours against a baseline, or against a goal, or both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) what: String,
    pub(crate) ours: f64,
    pub(crate) unit: String,
    /// What it is compared with, and its value in the same unit.
    pub(crate) baseline: Option<(String, f64)>,
    pub(crate) goal: Option<Goal>,
}

/// A bound on our own value, or on its ratio to the baseline.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    TimesBaselineAtLeast(f64),
    TimesBaselineAtMost(f64),
}

/// Lines over a common axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plot {
    /// Last part of the file's name.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) logarithmic: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Figure {
    /// What is no number (a rate of something that took no time that could be measured) is left out.
    pub(crate) fn new(what: impl Into<String>, unit: &str, mut samples: Vec<f64>) -> Self {
        samples.retain(|sample| sample.is_finite());
        Self { what: what.into(), unit: unit.to_owned(), samples }
    }

    /// The smallest sample that so many of a hundred do not exceed; 0 without samples.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len().max(1));
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// Where the median of another run is expected.
    pub(crate) fn band(&self) -> (f64, f64) {
        let about = self.median().abs() * 0.1;
        let (low, high) = (self.median() - about, self.median() + about);
        (self.percentile(5).min(low), self.percentile(95).max(high))
    }

    pub(crate) fn least(&self) -> f64 {
        self.percentile(0)
    }

    pub(crate) fn most(&self) -> f64 {
        self.percentile(100)
    }
}

impl Measured {
    /// A measurement that begins: the machine is looked at before there is load.
    pub(crate) fn begin(name: &str, title: &str, method: &str, size: String) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            method: method.to_owned(),
            size,
            machine: Machine::look(),
            figures: Vec::new(),
            ratios: Vec::new(),
            plots: Vec::new(),
            remarks: Vec::new(),
        }
    }

    pub(crate) fn figure(&self, what: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.what == what)
    }
}

impl Ratio {
    pub(crate) fn new(what: impl Into<String>, unit: &str, ours: f64) -> Self {
        Self { what: what.into(), ours, unit: unit.to_owned(), baseline: None, goal: None }
    }

    #[must_use]
    pub(crate) fn against(mut self, baseline: impl Into<String>, value: f64) -> Self {
        self.baseline = Some((baseline.into(), value));
        self
    }

    #[must_use]
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Ours as a multiple of the baseline.
    pub(crate) fn factor(&self) -> Option<f64> {
        self.baseline.as_ref().filter(|(_, value)| *value != 0.0).map(|(_, value)| self.ours / value)
    }

    /// Whether the goal is met, where there is one and it can be judged.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(match self.goal? {
            Goal::AtLeast(bound) => self.ours >= bound,
            Goal::AtMost(bound) => self.ours <= bound,
            Goal::TimesBaselineAtLeast(bound) => self.factor()? >= bound,
            Goal::TimesBaselineAtMost(bound) => self.factor()? <= bound,
        })
    }
}

impl Plot {
    pub(crate) fn new(name: &str, title: &str, x: Axis, y: Axis, lines: Vec<Line>) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), x, y, lines }
    }
}

impl Axis {
    pub(crate) fn logarithmic(label: &str) -> Self {
        Self { label: label.to_owned(), logarithmic: true }
    }

    pub(crate) fn linear(label: &str) -> Self {
        Self { label: label.to_owned(), logarithmic: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_that_were_taken() {
        let figure = Figure::new("x", "ms", (1..=200).rev().map(f64::from).collect());
        let all: Vec<f64> = [0, 50, 99, 100].iter().map(|percent| figure.percentile(*percent)).collect();
        assert_eq!(all, [1.0, 100.0, 198.0, 200.0]);
        assert_eq!(Figure::new("x", "ms", vec![7.0]).percentile(99), 7.0);
        assert_eq!(Figure::new("x", "ms", Vec::new()).percentile(99), 0.0);
    }

    #[test]
    fn a_goal_is_judged_by_the_value_or_by_the_ratio() {
        let ratio = |goal| Ratio::new("x", "1/s", 90.0).against("raw", 100.0).goal(goal).met();
        assert_eq!(ratio(Goal::AtLeast(91.0)), Some(false));
        assert_eq!(ratio(Goal::AtMost(90.0)), Some(true));
        assert_eq!(ratio(Goal::TimesBaselineAtLeast(0.9)), Some(true));
        assert_eq!(ratio(Goal::TimesBaselineAtMost(0.8)), Some(false));
        assert_eq!(Ratio::new("x", "1/s", 1.0).met(), None);
        assert_eq!(Ratio::new("x", "1/s", 1.0).goal(Goal::TimesBaselineAtLeast(1.0)).met(), None);
    }
}
