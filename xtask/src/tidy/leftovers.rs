//! What says that code is not finished, or that it may stop the process.

use super::rust::words;
use crate::step::Finding;
use crate::tree::File;

/// Written in two halves, so that this file does not find itself.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];
const CALLS: &[&str] = &[concat!(".un", "wrap()"), concat!("todo", "!("), concat!("unimplemented", "!(")];

pub(super) fn unfinished(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut findings = Vec::new();
    for (line, code) in rust.product_code() {
        for call in CALLS.iter().filter(|call| code.contains(**call)) {
            findings.push(Finding::at(&file.path, line, format!("`{call}` outside tests")));
        }
    }
    for (line, text) in rust.product_comments().chain(rust.product_code()) {
        for word in words(text).filter(|word| MARKS.contains(&word.text)) {
            findings.push(Finding::at(&file.path, line, format!("`{}`: do it, or file an issue", word.text)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        unfinished(&File::new("a.rs", text)).len()
    }

    #[test]
    fn what_may_stop_the_process_fails() {
        for call in CALLS {
            assert_eq!(found(&format!("fn f() {{ a{call}; }}")), 1, "{call}");
        }
    }

    #[test]
    fn marks_fail_in_comments_too() {
        for mark in MARKS {
            assert_eq!(found(&format!("// {mark}: later")), 1, "{mark}");
        }
    }

    #[test]
    fn tests_strings_and_doc_samples_pass() {
        assert_eq!(found("#[cfg(test)]\nmod tests {\n    fn f() { a.unwrap(); }\n}\n"), 0);
        assert_eq!(found("/// `a.unwrap()`\nfn f() { g(\"todo!()\", b.unwrap_or(1)); }\n"), 0);
    }
}
