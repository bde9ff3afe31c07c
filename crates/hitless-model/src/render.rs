//! What is printed: a table for people, or one JSON object per line.

use std::fmt::Write;

use hitless_model::search::{Counterexample, Summary};

/// For whom it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Table,
    Json,
}

/// The steps of a counterexample after the chosen ones that are told; the rest only shows that there is no rest.
const TOLD: usize = 200;

/// The first line of a table.
pub(crate) fn head(form: Form) {
    if form == Form::Table {
        println!(
            "{:>12}{:>12}{:>7}{:>8}{:>9}  EXHAUSTED  BOUNDS",
            "STATES", "STEPS", "DEPTH", "CUT", "SECONDS"
        );
    }
}

/// One set of bounds.
pub(crate) fn summary(form: Form, name: &str, of: &Summary) {
    let seconds = of.took.as_secs_f64();
    match form {
        Form::Table => println!(
            "{:>12}{:>12}{:>7}{:>8}{seconds:>9.1}  {:<9}  {name}",
            of.states,
            of.steps,
            of.depth,
            of.cut,
            if of.exhausted { "yes" } else { "no" },
        ),
        Form::Json => {
            let found = of.found.as_ref().map_or_else(|| "null".into(), counterexample_json);
            println!(
                "{{\"bounds\":{},\"states\":{},\"reduced\":{},\"steps\":{},\"depth\":{},\"cut\":{},\"exhausted\":{},\
                 \"seconds\":{seconds:.3},\"found\":{found}}}",
                quoted(name),
                of.states,
                of.reduced,
                of.steps,
                of.depth,
                of.cut,
                of.exhausted
            );
        }
    }
    if let (Form::Table, Some(found)) = (form, &of.found) {
        counterexample(found);
    }
}

/// How far a long search is.
pub(crate) fn progress(name: &str, of: &Summary) {
    let seconds = of.took.as_secs_f64();
    eprintln!(
        "{name}: {} states ({} of them reduced), depth {}, {} states and {} steps of parties, {seconds:.0} s, {:.0} states/s",
        of.states,
        of.reduced,
        of.depth,
        of.local.0,
        of.local.1,
        of.states as f64 / seconds.max(1e-9),
    );
}

/// The steps that lead to a violation.
pub(crate) fn counterexample(found: &Counterexample) {
    for (index, step) in found.steps.iter().take(found.chosen + TOLD).enumerate() {
        if index == found.chosen {
            println!("    -- from here on without faults --");
        }
        println!("{:4} {step}", index + 1);
    }
    if found.steps.len() > found.chosen + TOLD {
        println!("     and so on: {} steps", found.steps.len());
    }
    println!("violated: {}", found.violation);
}

/// The same, as JSON.
pub(crate) fn counterexample_json(found: &Counterexample) -> String {
    let steps: Vec<String> = found.steps.iter().take(found.chosen + TOLD).map(|step| quoted(step)).collect();
    format!(
        "{{\"property\":{},\"what\":{},\"chosen\":{},\"length\":{},\"steps\":[{}]}}",
        quoted(found.violation.property),
        quoted(&found.violation.what),
        found.chosen,
        found.steps.len(),
        steps.join(",")
    )
}

/// A string of JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_json_are_quoted() {
        assert_eq!(quoted("a \"b\" \\ \n"), r#""a \"b\" \\ \u000a""#);
    }
}
