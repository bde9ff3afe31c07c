//! Processes: kinds of replicated state. Implement [`Process`] to add one.

pub mod fib;
pub mod table;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::entry::{Blob, Change, Cookie};
use crate::ids::{CardId, ProcessId};

/// What is in doubt in a process on one card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These keys, and nothing else.
    Keys(Vec<Blob>),
    /// Everything (no cookie was given).
    Whole,
}

/// One kind of replicated state, as the protocol needs to know it. Keys and parts are bytes to the protocol; their
/// meaning is the process's own.
pub trait Process: CloneProcess + Send {
    /// Number on the wire, the same at every party of the chassis; 1 is `fib`, 2 is `table`.
    fn id(&self) -> ProcessId;

    /// Name for people: short, lower case.
    fn name(&self) -> &'static str;

    /// Refuses a change that could never be applied. Sizes were checked before.
    ///
    /// # Errors
    /// What is wrong with it, for the source.
    fn validate(&self, change: &Change) -> Result<(), String>;

    /// How many ranks there are, at least 1.
    fn ranks(&self) -> u8 {
        1
    }

    /// Dependency rank of a key, below `ranks`: puts go in ascending, deletes in descending rank.
    fn rank(&self, key: &[u8]) -> u8 {
        let _ = key;
        0
    }

    /// The cookie of a change, set at the primary: on the update, and echoed in the ack.
    fn cookie(&self, change: &Change) -> Cookie {
        let _ = change;
        Cookie::Key
    }

    /// The cookie of a change for which the primary's process set none, set at each standby on the copy it stores.
    fn standby_cookie(&self, change: &Change) -> Cookie {
        let _ = change;
        Cookie::None
    }

    /// What an op with these cookie bytes touched. Not called for `Cookie::Key` and `Cookie::None`.
    fn scope(&self, cookie: &[u8]) -> Scope {
        let _ = cookie;
        Scope::Whole
    }

    /// The standby process is told that its client process on `card` is out of sync (claims 2, 34), just before its
    /// current state is replayed.
    fn out_of_sync(&mut self, card: CardId, scope: &Scope) {
        let _ = (card, scope);
    }
}

/// Copies a process behind its box. Every process that is `Clone` has it.
pub trait CloneProcess {
    /// A copy.
    fn boxed(&self) -> Box<dyn Process>;
}

impl<P: Process + Clone + 'static> CloneProcess for P {
    fn boxed(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Process> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

impl fmt::Debug for dyn Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The processes of a control unit.
pub type Processes = Vec<Box<dyn Process>>;
