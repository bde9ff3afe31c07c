//! What of a party's state cannot matter any more, and is left out when two of its states are compared.
//!
//! Two states of a party that are equal in what is left do the same for ever, so either may stand for both:
//!
//! - **Kept takeover reports** (`reports`). Only the getter of the same name reads them, and the model does not call it.
//!   The report of a takeover under way is not among them.
//! - **The number of the last disk write** (`issued`), while nothing waits for one and disks are fast. A number pairs a
//!   write with its end; with fast disks both lie within one step, so numbers of different steps never meet.

/// The text of a state without what cannot matter.
pub(crate) fn form(text: &str, slow_disk: bool) -> String {
    let mut form = text.to_owned();
    cut(&mut form, "reports: [", matching_bracket);
    if !slow_disk {
        let number = |rest: &str| rest.find(|letter: char| !letter.is_ascii_digit());
        cut(&mut form, "issued: ", |rest| number(rest).filter(|at| rest[*at..].starts_with(", waiting: []")));
    }
    form
}

/// Takes out what follows `after`, up to where `end` says, if it does.
fn cut(form: &mut String, after: &str, end: impl Fn(&str) -> Option<usize>) {
    let Some(from) = form.find(after).map(|at| at + after.len()) else { return };
    if let Some(length) = end(&form[from..]) {
        form.replace_range(from..from + length, "");
    }
}

/// Where the list ends whose bracket was opened just before.
fn matching_bracket(rest: &str) -> Option<usize> {
    let mut open = 1_usize;
    rest.char_indices().find_map(|(at, letter)| {
        match letter {
            '[' => open += 1,
            ']' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_matter_is_left_out() {
        let text =
            "U { reports: [R { a: [1, 2] }, R { a: [] }], d: D { issued: 12, waiting: [] }, reports: [3] }";
        let form_of = |slow| form(text, slow);
        assert_eq!(form_of(false), "U { reports: [], d: D { issued: , waiting: [] }, reports: [3] }");
        assert_eq!(form_of(true), "U { reports: [], d: D { issued: 12, waiting: [] }, reports: [3] }");
        let waits = "D { issued: 12, waiting: [(12, x)] }, E { waiting: [] }";
        assert_eq!(form(waits, false), waits, "a number that something waits for");
    }
}
