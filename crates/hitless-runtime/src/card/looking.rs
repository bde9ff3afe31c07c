//! What the forwarding table finds by itself, on its way to the core. The table is asked for more only when the core has taken
//! what came before, so that nothing piles up.

use std::collections::VecDeque;

use crate::worker::TableThread;
use crate::{Finding, Findings};

/// Where asking stands.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// Findings that the core has not taken.
    found: VecDeque<Finding>,
    /// The table's thread has been asked, and has not answered.
    asked: bool,
    /// There is something to ask for.
    due: bool,
}

impl Looking {
    /// The table has something to tell.
    pub(super) fn woken(&mut self) {
        self.due = true;
    }

    /// Asks, if it is time. A queue that is full is asked again when the thread has answered something.
    pub(super) fn ask(&mut self, table: &TableThread) {
        if self.due && !self.asked && self.found.is_empty() && table.look() {
            (self.due, self.asked) = (false, true);
        }
    }

    /// The table's thread has answered.
    pub(super) fn answered(&mut self, findings: Findings) {
        self.asked = false;
        self.due |= findings.more;
        self.found.extend(findings.list);
    }

    /// The next finding for the core.
    pub(super) fn next(&mut self) -> Option<Finding> {
        self.found.pop_front()
    }

    /// The core has no room for it now.
    pub(super) fn later(&mut self, finding: Finding) {
        self.found.push_front(finding);
    }
}
