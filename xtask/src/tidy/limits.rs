//! Length of files and functions.

use crate::step::Finding;
use crate::tree::File;

/// Past this many lines outside tests a file asks for a split by procedure.
const FILE_SOFT: usize = 500;
/// No file is longer, tests or not.
const FILE_HARD: usize = 800;
/// No function outside tests is longer, from `fn` to its closing brace.
const FUNCTION: usize = 70;

pub(super) fn file_length(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    let (all, product) = (file.text.lines().count(), rust.product_lines());
    if all > FILE_HARD {
        vec![Finding::at(
            &file.path,
            1,
            format!("{all} lines; the limit is {FILE_HARD}: split it by procedure"),
        )]
    } else if product > FILE_SOFT {
        let text = format!("{}: {product} lines outside tests, more than {FILE_SOFT}: split it?", file.path);
        vec![Finding::Warning(text)]
    } else {
        Vec::new()
    }
}

pub(super) fn function_length(file: &File) -> Vec<Finding> {
    let Some(rust) = &file.rust else { return Vec::new() };
    rust.functions()
        .into_iter()
        .filter(|function| function.lines > FUNCTION && !rust.is_test(function.line))
        .map(|function| {
            let text = format!("`{}` has {} lines; the limit is {FUNCTION}", function.name, function.lines);
            Finding::at(&file.path, function.line, text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> File {
        File::new("a.rs", &"// a\n".repeat(count))
    }

    fn function(lines: usize, before: &str) -> File {
        File::new("a.rs", &format!("{before}fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2)))
    }

    #[test]
    fn a_file_over_the_soft_limit_warns() {
        assert_eq!(file_length(&lines(FILE_SOFT)), []);
        assert!(matches!(file_length(&lines(FILE_SOFT + 1))[..], [Finding::Warning(_)]));
    }

    #[test]
    fn tests_do_not_count_towards_the_soft_limit() {
        let text = format!("// a\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    // a\n".repeat(FILE_SOFT));
        assert_eq!(file_length(&File::new("a.rs", &text)), []);
    }

    #[test]
    fn a_file_over_the_hard_limit_fails() {
        assert!(matches!(file_length(&lines(FILE_HARD))[..], [Finding::Warning(_)]));
        assert!(matches!(file_length(&lines(FILE_HARD + 1))[..], [Finding::Fault(_)]));
    }

    #[test]
    fn a_long_function_fails() {
        assert_eq!(function_length(&function(FUNCTION, "")), []);
        assert!(matches!(function_length(&function(FUNCTION + 1, ""))[..], [Finding::Fault(_)]));
    }

    #[test]
    fn a_long_test_is_let_be() {
        assert_eq!(function_length(&function(FUNCTION + 1, "#[cfg(test)]\n")), []);
    }
}
