//! One checker per property of protocol.md section 8, a file each. They see everything that happens, as it happens.

mod accused;
mod ack_effect;
mod adopted;
mod canary;
mod claimant;
mod completion;
mod cookies;
mod deleted;
mod fence;
mod fold;
mod gap;
mod gated;
mod in_step;
mod issued;
mod memory;
mod not_applied;
mod one_owner;
mod order;
mod past;
mod payload;
mod plans;
mod progress;
mod promises;
mod replay_covers;
mod replay_narrow;
mod rest;
mod retries;
mod rounds;
pub(crate) mod safe;
mod stale;
mod switchover;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod truncation;
mod untouched;
mod versions;
mod watermarks;

pub mod convergence;

use std::fmt;

use hitless_proto::entry::{Blob, Update};
use hitless_proto::ids::{Party, ProcessId, Time, UnitId, Version};
use hitless_proto::io::{ArbiterRequest, Event, Outcome, Write};
use hitless_proto::message::Message;

use crate::world::World;
use past::Past;

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: &'static str,
    /// How that was seen.
    pub what: String,
    /// When, in simulated time.
    pub at: Time,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} us: {}: {}", self.at.0, self.property, self.what)
    }
}

impl std::error::Error for Violation {}

/// Something that a checker may look at.
pub(crate) enum Seen<'a> {
    /// A party began a new life.
    Started { party: Party },
    /// A message is sent.
    Sent { from: Party, to: Party, message: &'a Message },
    /// A message arrives.
    Delivered { to: Party, message: &'a Message },
    /// A card gives writes to its forwarding table.
    Apply { party: Party, process: ProcessId, writes: &'a [Write] },
    /// A forwarding table did or refused writes.
    Applied { party: Party, process: ProcessId, writes: &'a [Write], outcomes: &'a [Outcome] },
    /// A unit asks the external arbiter.
    Asked { party: Party, request: &'a ArbiterRequest },
    /// A party tells of something.
    Event { party: Party, event: &'a Event },
    /// All outputs of a party were taken.
    Stepped { party: Party },
    /// Every fault was taken back.
    Healed,
    /// A leader issued an op. Follows from a step.
    Issued { unit: UnitId, process: ProcessId, update: &'a Update },
    /// A party holds a key under another version than before (`was`). Follows from a step.
    Held { party: Party, process: ProcessId, key: &'a Blob, was: Option<Version>, is: Version },
}

/// What a checker can look at.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a World,
    past: &'a Past,
}

/// Watches one property.
pub(crate) trait Checker {
    /// The property, in words.
    fn property(&self) -> &'static str;

    /// Takes note of what happens.
    fn see(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String>;
}

/// All of them.
#[derive(Default)]
pub(crate) struct Checkers {
    past: Past,
    all: Vec<Box<dyn Checker + Send>>,
}

impl Checkers {
    pub(crate) fn all() -> Self {
        Self {
            past: Past::default(),
            all: vec![
                Box::new(one_owner::OneOwner::default()),
                Box::new(claimant::Claimant::default()),
                Box::new(stale::Stale::default()),
                Box::new(promises::Promises::default()),
                Box::new(fence::Fence::default()),
                Box::new(not_applied::NotApplied::default()),
                Box::<versions::Versions>::default(),
                Box::new(payload::Payload::default()),
                Box::new(issued::Issued),
                Box::new(ack_effect::AckEffect::default()),
                Box::new(fold::Fold::default()),
                Box::new(completion::Completion::default()),
                Box::new(gated::Gated),
                Box::new(watermarks::Watermarks::default()),
                Box::new(truncation::Truncation::default()),
                Box::new(safe::Safe),
                Box::new(deleted::Deleted),
                Box::new(gap::Gap),
                Box::new(order::Order::default()),
                Box::new(replay_covers::Covers),
                Box::new(replay_narrow::Narrow),
                Box::new(cookies::Cookies),
                Box::new(untouched::Untouched),
                Box::new(adopted::Adopted::default()),
                Box::new(switchover::ZeroReplay::default()),
                Box::new(in_step::InStep),
                Box::new(memory::Memory),
                Box::new(accused::Accused),
                Box::new(progress::Progress),
                Box::new(rest::Rest::default()),
                Box::new(retries::Retries::default()),
                Box::new(rounds::Rounds::default()),
            ],
        }
    }

    /// And one that must fail.
    pub(crate) fn add_canary(&mut self) {
        self.all.push(Box::new(canary::Canary::default()));
    }

    pub(crate) fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), (&'static str, String)> {
        let mut facts = Vec::new();
        self.past.note(world, seen, &mut facts);
        for fact in &facts {
            self.tell(world, &fact.seen())?;
        }
        self.tell(world, seen)
    }

    fn tell(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), (&'static str, String)> {
        let scene = Scene { world, past: &self.past };
        for checker in &mut self.all {
            checker.see(&scene, seen).map_err(|what| (checker.property(), what))?;
        }
        Ok(())
    }
}

/// The properties that are watched as a run goes on, and the one that is looked at when a chassis is at rest.
#[must_use]
pub fn properties() -> Vec<&'static str> {
    let watched = Checkers::all().all;
    watched.iter().map(|checker| checker.property()).chain([convergence::PROPERTY]).collect()
}
