//! From the TOML reader's error to one that says where, and what to do.

use std::io::ErrorKind;
use std::path::Path;

use super::ConfigError;

/// Names file and line, and the key that was probably meant.
pub(super) fn explain(error: &toml::de::Error, text: &str, path: &Path) -> ConfigError {
    let message = error.message().trim().to_owned();
    let hint = unknown_name(&message).map_or_else(
        || "`hitless config default` shows every key with an example".to_owned(),
        |(found, known)| match nearest(found, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        },
    );
    ConfigError {
        file: path.to_owned(),
        line: error.span().map(|span| line_of(text, span.start)),
        message,
        hint: Some(hint),
    }
}

/// A file that cannot be read as text.
pub(super) fn unreadable(error: &std::io::Error, path: &Path) -> ConfigError {
    let (message, hint) = match error.kind() {
        ErrorKind::IsADirectory => {
            ("is a directory".to_owned(), "name the chassis file in it, as in DIRECTORY/chassis.toml")
        }
        ErrorKind::InvalidData => {
            ("is no text".to_owned(), "a chassis file is TOML in UTF-8: `hitless config default` shows one")
        }
        _ => (
            format!("cannot be read: {error}"),
            "name the chassis file; `hitless config default > chassis.toml` writes one to start from",
        ),
    };
    ConfigError { file: path.to_owned(), line: None, message, hint: Some(hint.to_owned()) }
}

/// The line, from 1, of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// From "unknown field `x`, expected one of `a`, `b`": x and its alternatives.
fn unknown_name(message: &str) -> Option<(&str, Vec<&str>)> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    Some((found, quoted.collect()))
}

/// The known name that differs least, unless it is quite another word.
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, name) = known.iter().map(|name| (distance(found, name), *name)).min()?;
    (distance <= 1 + found.len() / 3).then_some(name)
}

/// How many letters must be put in, taken out or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
