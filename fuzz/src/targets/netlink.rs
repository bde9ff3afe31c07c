//! What a Linux kernel says by rtnetlink: answers, notifications, and all that a survey is told.

use hitless_adapters::linux::examine;

use crate::budget::Budget;

/// Bytes of a netlink message's head.
const HEAD: usize = 16;
/// A route is a message of 28 bytes; it is remembered, found, and told of by its key: some 400 bytes, in maps that grow by
/// doubling. A member of a group is 8 bytes, and counted in a map.
const BUDGET: Budget = Budget { base: 64 * 1024, per_byte: 128 };

/// The input is what was received.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let found = examine(input);
        assert!(found.messages <= input.len() / HEAD, "{found:?}");
        assert_eq!(found.unlike, 0, "a route that is written as it was read is another one: {found:?}");
        assert_eq!(found.found_again, 0, "nothing had changed: {found:?}");
    });
}
