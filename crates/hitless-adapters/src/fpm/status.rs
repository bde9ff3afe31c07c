//! What this source says of itself.

/// Counts since the start, and of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FpmStatus {
    /// There is a session.
    pub live: bool,
    /// Sessions so far.
    pub sessions: u64,
    /// This session has given its signal: all was announced.
    pub signalled: bool,
    /// Routes that the view has (of the last session, if there is none now).
    pub routes: u64,
    /// Routes that the core holds from this source. 0 where this unit is not primary.
    pub held: u64,
    /// Held, and not named by the session.
    pub stale: u64,
    /// Named, and where they go is not known yet.
    pub waiting: u64,
    /// Routes that wait to be compared with what is held.
    pub pending: u64,
    /// Messages and routes that do not concern the fib, or were not to be taken.
    pub kept_out: u64,
    /// Attributes that were passed over.
    pub skipped: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Which one last, and why.
    pub last_refusal: Option<String>,
    /// Changes that were submitted.
    pub submitted: u64,
    /// Routes that were swept.
    pub swept: u64,
    /// Answers sent to zebra.
    pub answered: u64,
}
