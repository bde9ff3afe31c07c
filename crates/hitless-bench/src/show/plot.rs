//! Line plots as SVG: a few lines over one axis each way, with as much as is needed to read them.

use std::fmt::Write;

use super::table::number;
use crate::sample::{Axis, Line, Plot};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Around the plot: room for labels.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;
/// Told apart by people who see few colours, on white and on black.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#888888"];
const STYLE: &str = "text{font:12px sans-serif;fill:#444}.t{font-weight:bold}.g{stroke:#8884;stroke-width:1}\
    .l{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#ccc}}";

/// Where values go on one axis.
struct Scale {
    logarithmic: bool,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn new(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        // Of nothing, or of zeroes alone, an axis is shown all the same.
        let least = values.iter().copied().reduce(f64::min).unwrap_or(1.0);
        let most = values.iter().copied().reduce(f64::max).filter(|most| *most > 0.0).unwrap_or(1.0);
        if axis.logarithmic {
            let (from, to) = (least.max(1e-6).log10().floor(), most.max(1e-6).log10().ceil());
            let to = to.max(from + 1.0);
            let ticks = (0..=(to - from) as i32).map(|step| 10_f64.powi(from as i32 + step)).collect();
            return Self { logarithmic: true, from, to, ticks };
        }
        let step = nice_step(most / 5.0);
        let count = (most / step).ceil().max(1.0);
        let ticks = (0..=count as i32).map(|tick| f64::from(tick) * step).collect();
        Self { logarithmic: false, from: 0.0, to: count * step, ticks }
    }

    /// 0 to 1 along the axis.
    fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(1e-6).log10() } else { value };
        (value - self.from) / (self.to - self.from)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn nice_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least);
    step.unwrap_or(power)
}

/// The plot as a file.
pub(crate) fn svg(plot: &Plot) -> String {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let x = Scale::new(&plot.x, points().map(|point| point.0));
    let y = Scale::new(&plot.y, points().map(|point| point.1));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n<text class=\"t\" x=\"{LEFT}\" y=\"20\">{0}</text>\n",
        escape(&plot.title)
    );
    axes(&mut text, plot, &x, &y);
    for (at, line) in plot.lines.iter().enumerate() {
        draw(&mut text, line, at, (&x, &y));
    }
    text.push_str("</svg>\n");
    text
}

fn across(scale: &Scale, value: f64) -> f64 {
    LEFT + scale.place(value) * (WIDTH - LEFT - RIGHT)
}

fn down(scale: &Scale, value: f64) -> f64 {
    HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - TOP - BOTTOM)
}

// Writing to a string does not fail.
fn axes(text: &mut String, plot: &Plot, x: &Scale, y: &Scale) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in &y.ticks {
        let at = down(y, *tick);
        let _ = writeln!(text, "<path class=\"g\" d=\"M{LEFT} {at:.1}H{right}\"/>");
        let (end, middle) = (LEFT - 6.0, at + 4.0);
        let _ = writeln!(
            text,
            "<text x=\"{end}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            number(*tick)
        );
    }
    for tick in &x.ticks {
        let (at, below) = (across(x, *tick), bottom + 16.0);
        let _ = writeln!(text, "<path class=\"g\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
        let _ = writeln!(
            text,
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            number(*tick)
        );
    }
    let (middle, below) = (f64::midpoint(LEFT, right), HEIGHT - 10.0);
    let label = escape(&plot.x.label);
    let _ = writeln!(text, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>");
    let middle = f64::midpoint(TOP, bottom);
    let _ = writeln!(
        text,
        "<text transform=\"translate(14 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        escape(&plot.y.label)
    );
}

fn draw(text: &mut String, line: &Line, at: usize, (x, y): (&Scale, &Scale)) {
    let colour = COLOURS[at % COLOURS.len()];
    let points: Vec<(f64, f64)> =
        line.points.iter().map(|point| (across(x, point.0), down(y, point.1))).collect();
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(text, "<polyline class=\"l\" stroke=\"{colour}\" points=\"{}\"/>", path.join(" "));
    for (x, y) in &points {
        let _ = writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let (right, height) = (WIDTH - RIGHT + 12.0, TOP + 14.0 + 18.0 * at as f64);
    let _ = writeln!(
        text,
        "<circle cx=\"{right}\" cy=\"{0}\" r=\"4\" fill=\"{colour}\"/><text x=\"{1}\" y=\"{height}\">{2}</text>",
        height - 4.0,
        right + 10.0,
        escape(&line.label)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)]) -> Plot {
        let lines = vec![Line { label: "a < b".into(), points: points.to_vec() }];
        Plot::new("p", "Title", Axis::logarithmic("x"), Axis::linear("y"), lines)
    }

    #[test]
    fn all_points_are_inside() {
        let plot = plot(&[(10_000.0, 0.3), (1e7, 17.0)]);
        let x = Scale::new(&plot.x, [1e4, 1e7].into_iter());
        let y = Scale::new(&plot.y, [0.3, 17.0].into_iter());
        assert_eq!((x.place(1e4), x.place(1e7), y.place(0.0)), (0.0, 1.0, 0.0));
        assert_eq!(y.ticks, [0.0, 5.0, 10.0, 15.0, 20.0]);
        let text = svg(&plot);
        assert!(text.contains("a &lt; b") && text.contains("10,000") && !text.contains("NaN"));
    }

    #[test]
    fn nothing_and_one_point_and_zero_make_a_plot() {
        for points in [&[][..], &[(0.0, 0.0)], &[(5.0, 0.0), (5.0, 0.0)]] {
            assert!(!svg(&plot(points)).contains("NaN"), "{points:?}");
        }
    }
}
