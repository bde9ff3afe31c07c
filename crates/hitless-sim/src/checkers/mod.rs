//! One checker per property of protocol.md section 8, a file each. They see everything that happens, as it happens.

mod ack_effect;
mod canary;
mod fence;
mod gap;
mod one_owner;
mod payload;
mod promises;
mod replay;
pub(crate) mod safe;
mod switchover;
mod watermarks;

pub mod convergence;

use std::fmt;

use hitless_proto::ids::{Party, ProcessId, Time};
use hitless_proto::io::{Event, Outcome, Write};
use hitless_proto::message::Message;

use crate::world::World;

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
    /// A party tells of something.
    Event { party: Party, event: &'a Event },
    /// All outputs of a party were taken.
    Stepped { party: Party },
}

/// Watches one property.
pub(crate) trait Checker {
    /// The property, in words.
    fn property(&self) -> &'static str;

    /// Takes note of what happens.
    fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), String>;
}

/// All of them.
#[derive(Default)]
pub(crate) struct Checkers {
    all: Vec<Box<dyn Checker + Send>>,
}

impl Checkers {
    pub(crate) fn all() -> Self {
        Self {
            all: vec![
                Box::new(one_owner::OneOwner::default()),
                Box::new(promises::Promises::default()),
                Box::new(fence::Fence::default()),
                Box::new(ack_effect::AckEffect::default()),
                Box::new(payload::Payload::default()),
                Box::new(watermarks::Watermarks::default()),
                Box::new(safe::Safe),
                Box::new(switchover::ZeroReplay::default()),
                Box::new(replay::Narrow),
                Box::new(gap::Gap),
            ],
        }
    }

    /// And one that must fail.
    pub(crate) fn add_canary(&mut self) {
        self.all.push(Box::new(canary::Canary::default()));
    }

    pub(crate) fn see(&mut self, world: &World, seen: &Seen<'_>) -> Result<(), (&'static str, String)> {
        for checker in &mut self.all {
            checker.see(world, seen).map_err(|what| (checker.property(), what))?;
        }
        Ok(())
    }
}
