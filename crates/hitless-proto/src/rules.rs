//! The rules of the protocol that can be taken out one by one, to prove that the simulator and the model checker see it.
//!
//! Only a build with the feature `mutants` can take a rule out; in every other build `holds` is `true` at compile time.
//! What is taken out is taken out of the whole process.

#[cfg(feature = "mutants")]
use core::sync::atomic::{AtomicU8, Ordering};

macro_rules! rules {
    ($(#[doc = $says:literal] $name:ident,)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule {
            $(#[doc = $says] $name,)*
        }

        impl Rule {
            /// What it says.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says.trim_ascii(),)*
                }
            }
        }

        /// All of them.
        pub const RULES: &[Rule] = &[$(Rule::$name,)*];
    };
}

rules! {
    /// A card takes nothing of an epoch below its promise.
    Fence,
    /// A promise names the ops that the claimant has not received.
    Orphans,
    /// An op is safe only when every in-sync standby has it.
    Receipt,
    /// The gated rule waits for all in-sync standbys, not for any one.
    GateAll,
    /// A takeover decides by the card's fresh answer, not by stored acks.
    FreshAnswers,
    /// A card that restarted does not vouch for the history of its former life.
    BootId,
    /// Ack history is dropped only below stable.
    TruncateAtStable,
    /// A new primary syncs the other standbys before it opens its epoch.
    Resync,
    /// Only a unit of the in-sync set may claim.
    Eligibility,
    /// A unit's former life being in the in-sync set does not count.
    Incarnation,
    /// A standby drops the ops that its new primary does not have.
    Purge,
    /// A voter accepts nothing below the ballot it promised.
    Superseded,
    /// Watermarks are exact.
    Watermark,
    /// A standby folds an update only when its ack is there.
    FoldAfterAck,
    /// A replay goes in dependency order.
    ReplayOrder,
    /// A card is compared by what that card should hold.
    DigestOfCard,
    /// An ack is sent after the forwarding table has the op.
    AckAfterApply,
    /// A promise is durable before it is answered.
    DurablePromise,
    /// A channel is in step only when the digests are equal.
    Verify,
    /// A claim needs more than half of the voters.
    Majority,
    /// An epoch that is not open completes nothing.
    OpenFirst,
    /// A takeover rolls the pending updates forward.
    RollForward,
    /// What is in doubt is replayed.
    Replay,
    /// A card answers a claim when its forwarding table is done with what it was given.
    QuietPromise,
    /// A card vouches for no op from before its channel began.
    HistoryBegins,
    /// A card says which ops its forwarding table refused.
    Nack,
    /// A standby folds an update only over something older.
    FoldOverOlder,
    /// An op is programmed when all cards that are waited for have answered, not any one.
    ProgrammedAll,
    /// What is not received by every in-sync standby is not stable.
    StableReceived,
    /// Watermarks rise up to the last op that they may.
    WatermarkReached,
    /// An ack counts only for the beginning of the channel that it was made in.
    Session,
    /// No more is on the way to a follower than its window allows.
    Window,
    /// With the gated rule cards are sent nothing that an in-sync standby lacks.
    Gate,
    /// While the in-sync set is being changed, completion needs the old one too.
    OldSet,
    /// Orphans of one key are adopted in the order of their ops.
    AdoptInOrder,
    /// An adopted orphan is sent to every card.
    AdoptForAll,
    /// A switchover hands over when everything that was issued is stable.
    Drain,
    /// A unit that hands over takes no more changes.
    CloseIntake,
    /// A claim keeps the in-sync set of the last opened epoch.
    KeepSet,
    /// A claimant goes on from the newest record that it was told of.
    NewestRecord,
    /// A voter promises an epoch to one unit only.
    OneUnitPerEpoch,
    /// A vote is durable before it is answered.
    DurableVote,
    /// A chassis is not rebuilt from its cards while a unit in sync holds live state.
    NoneLives,
    /// It is rebuilt from every card that was not given up.
    EveryCard,
}

#[cfg(feature = "mutants")]
static TAKEN_OUT: AtomicU8 = AtomicU8::new(u8::MAX);

/// Takes a rule out, or puts all of them back.
#[cfg(feature = "mutants")]
pub fn take_out(rule: Option<Rule>) {
    TAKEN_OUT.store(rule.map_or(u8::MAX, |rule| rule as u8), Ordering::Relaxed);
}

/// Whether a rule holds.
#[cfg(feature = "mutants")]
pub(crate) fn holds(rule: Rule) -> bool {
    TAKEN_OUT.load(Ordering::Relaxed) != rule as u8
}

/// Whether a rule holds: in this build they all do.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn holds(_rule: Rule) -> bool {
    true
}
