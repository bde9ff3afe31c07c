//! Tables, for the terminal and for Markdown alike: `| a | b |`, aligned.

use std::fmt::Write;

use crate::sample::{Figure, Goal, Measured, Ratio};

/// Ours against baselines and goals; empty where there is nothing of it.
pub(crate) fn ratios(measured: &Measured) -> String {
    let rows: Vec<[String; 6]> = measured.ratios.iter().map(ratio).collect();
    render(["what", "ours", "against", "ratio", "goal", "met"], &rows)
}

/// The samples, summed up.
pub(crate) fn figures(measured: &Measured) -> String {
    let rows: Vec<[String; 6]> = measured.figures.iter().map(figure).collect();
    render(["what", "n", "min", "p50", "p99", "max"], &rows)
}

fn ratio(ratio: &Ratio) -> [String; 6] {
    let baseline = ratio.baseline.as_ref();
    let met = ratio.met().map_or("", |met| if met { "yes" } else { "no" });
    [
        ratio.what.clone(),
        with_unit(ratio.ours, &ratio.unit),
        baseline
            .map(|(name, value)| format!("{name}: {}", with_unit(*value, &ratio.unit)))
            .unwrap_or_default(),
        ratio.factor().map(number).unwrap_or_default(),
        ratio.goal.map(|goal| goal_text(goal, &ratio.unit)).unwrap_or_default(),
        met.to_owned(),
    ]
}

fn goal_text(goal: Goal, unit: &str) -> String {
    match goal {
        Goal::AtLeast(bound) => format!("at least {}", with_unit(bound, unit)),
        Goal::AtMost(bound) => format!("at most {}", with_unit(bound, unit)),
        Goal::TimesBaselineAtLeast(bound) => format!("ratio at least {}", number(bound)),
        Goal::TimesBaselineAtMost(bound) => format!("ratio at most {}", number(bound)),
    }
}

fn figure(figure: &Figure) -> [String; 6] {
    let what = if figure.unit.is_empty() {
        figure.what.clone()
    } else {
        format!("{}, {}", figure.what, figure.unit)
    };
    let count = figure.samples.len().to_string();
    let [least, median, late, most] =
        [figure.least(), figure.median(), figure.percentile(99), figure.most()].map(number);
    [what, count, least, median, late, most]
}

fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() { number(value) } else { format!("{} {unit}", number(value)) }
}

/// Three figures that count, and commas between thousands.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size < 0.01 {
        return format!("{value:.4}");
    }
    if size < 10.0 {
        let text = format!("{value:.2}");
        return text.strip_suffix(".00").map(str::to_owned).unwrap_or(text);
    }
    if size < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

fn render<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    let mut line = |cells: [&str; N]| {
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a string does not fail.
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    };
    line(head);
    let rules = widths.map(|width| "-".repeat(width));
    line(std::array::from_fn(|column| rules[column].as_str()));
    for row in rows {
        line(std::array::from_fn(|column| row[column].as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.001_23, "0.0012"),
            (0.9, "0.90"),
            (4.0, "4"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (1_234_567.8, "1,234,568"),
            (-1500.0, "-1,500"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_table_is_aligned() {
        let text = render(["a", "b"], &[["long".to_owned(), "1".to_owned()]]);
        assert_eq!(text, "| a    | b |\n| ---- | - |\n| long | 1 |\n");
        assert_eq!(render(["a"], &[]), "");
    }
}
