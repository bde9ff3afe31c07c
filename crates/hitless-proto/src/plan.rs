//! What a takeover does on one channel, as a value (protocol.md section 4, step 4).

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::entry::{Blob, CardOp, Cookie, Update};
use crate::ids::{CardId, Epoch, ProcessId, Seq};
use crate::message::{ChannelAnswer, Nack};
use crate::process::{Process, Scope};
use crate::report::Method;

/// The plan of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPlan {
    /// The process.
    pub process: ProcessId,
    /// The card.
    pub card: CardId,
    /// By acks or by digest.
    pub method: Method,
    /// Why by digest; empty otherwise.
    pub why: &'static str,
    /// Pending updates whose ack was found: folded.
    pub fold: u64,
    /// Updates older than the newest for the same key: folded, never replayed (claim 19).
    pub superseded: u64,
    /// The keys in doubt, whose current state is replayed.
    pub replay: Vec<Blob>,
    /// A cookie named no keys: the process is replayed whole.
    pub whole: bool,
    /// Orphans: ops that only the card knows, rolled forward.
    pub adopt: Vec<CardOp>,
    /// Ops that the forwarding table refused: folded as failed.
    pub failed: Vec<Nack>,
}

impl ChannelPlan {
    /// Nothing is known of the channel but by its digest.
    #[must_use]
    pub fn reconcile(process: ProcessId, card: CardId, why: &'static str) -> Self {
        Self {
            process,
            card,
            method: Method::Reconcile,
            why,
            fold: 0,
            superseded: 0,
            replay: Vec::new(),
            whole: false,
            adopt: Vec::new(),
            failed: Vec::new(),
        }
    }
}

impl fmt::Display for ChannelPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Reconcile => write!(f, "{} {}: reconcile, {}", self.process, self.card, self.why),
            Method::Replay => write!(
                f,
                "{} {}: fold {}, superseded {}, replay {}, adopt {}, failed {}",
                self.process,
                self.card,
                self.fold,
                self.superseded,
                if self.whole { usize::MAX } else { self.replay.len() },
                self.adopt.len(),
                self.failed.len()
            ),
        }
    }
}

/// What the claimant holds of a process when the card's answer comes.
pub struct Holding<'a> {
    /// The epoch of the stream it followed.
    pub epoch: Epoch,
    /// The ops it holds after a position; `None` where its log does not reach back so far.
    pub after: &'a dyn Fn(Seq) -> Option<Vec<Arc<Update>>>,
    /// Pending ops, unfolded.
    pub folded: Seq,
    /// Ops up to here were sent so long ago that the client process may be stuck (claim 19).
    pub overdue: Seq,
}

/// Pairs what the claimant holds with what the card answered.
#[must_use]
pub fn plan(
    process: &dyn Process,
    card: CardId,
    answer: &ChannelAnswer,
    holding: &Holding<'_>,
) -> ChannelPlan {
    let reconcile = |why| ChannelPlan::reconcile(process.id(), card, why);
    let (applied, nacks, orphans) = match answer {
        ChannelAnswer::Unknown => return reconcile("the card does not vouch for its history"),
        ChannelAnswer::Known { applied, nacks, orphans } => (applied, nacks, orphans),
    };
    if applied.epoch != holding.epoch {
        return reconcile("the card was in step in another epoch");
    }
    let Some(unacked) = (holding.after)(applied.seq) else {
        return reconcile("the log does not reach back to what the card applied");
    };
    let in_doubt: Vec<_> = unacked.iter().filter(|update| update.to.contains(card)).collect();
    if in_doubt.iter().any(|update| update.version.seq <= holding.overdue) {
        return reconcile("an op was unacked for too long: its client process may be stuck");
    }
    let mut plan = ChannelPlan::reconcile(process.id(), card, "");
    plan.method = Method::Replay;
    plan.fold = applied.seq.0.saturating_sub(holding.folded.0);
    plan.adopt.clone_from(orphans);
    plan.failed.clone_from(nacks);
    let mut seen = BTreeSet::new();
    for update in in_doubt.iter().rev() {
        if !seen.insert(&update.key) {
            plan.superseded += 1;
            continue;
        }
        match &update.cookie {
            Cookie::Key => plan.replay.push(update.key.clone()),
            Cookie::None => plan.whole = true,
            Cookie::Bytes(cookie) => match process.scope(cookie) {
                Scope::Keys(keys) => plan.replay.extend(keys),
                Scope::Whole => plan.whole = true,
            },
        }
    }
    plan.replay.sort_unstable();
    plan.replay.dedup();
    plan
}
