//! Catching up comes to an end: a follower is in step after few rounds of comparing and filling. A difference that no round
//! repairs would be looked for until something else happened.

use std::collections::BTreeMap;

use hitless_proto::ids::{Party, ProcessId};
use hitless_proto::message::{Message, Question, ToCard, ToStandby, UnitMessage};

use super::{Checker, Scene, Seen};

/// Rounds without being in step, in one beginning of a channel. The first finds what differs; others are needed where a
/// forwarding table refuses what is filled, or somebody else changes it meanwhile.
const MOST: u32 = 60;

#[derive(Clone, Copy, Default)]
struct Channel {
    in_step: bool,
    rounds: u32,
}

/// What an owner's message does to a channel.
enum Step {
    Begins,
    Asks { root: bool },
    Ends,
}

#[derive(Default)]
pub(super) struct Rounds {
    channels: BTreeMap<(Party, Party, ProcessId), Channel>,
}

fn asks(question: &Question) -> Step {
    Step::Asks { root: matches!(question, Question::Root) }
}

fn step(message: &Message) -> Option<(ProcessId, Step)> {
    match message {
        Message::ToCard(ToCard::Start(start))
        | Message::Unit(UnitMessage::Primary(ToStandby::Start(start))) => Some((start.process, Step::Begins)),
        Message::ToCard(ToCard::Ask(ask)) | Message::Unit(UnitMessage::Primary(ToStandby::Ask(ask))) => {
            Some((ask.process, asks(&ask.question)))
        }
        Message::ToCard(ToCard::InStep(step))
        | Message::Unit(UnitMessage::Primary(ToStandby::InStep(step))) => Some((step.process, Step::Ends)),
        Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => None,
    }
}

impl Checker for Rounds {
    fn property(&self) -> &'static str {
        "catching up comes to an end"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Sent { from, to, message } = seen else { return Ok(()) };
        let Some((process, step)) = step(message) else { return Ok(()) };
        let channel = self.channels.entry((*from, *to, process)).or_default();
        match step {
            Step::Begins => *channel = Channel::default(),
            Step::Ends => *channel = Channel { in_step: true, rounds: 0 },
            // An audit: only if the root differs there is more to ask.
            Step::Asks { root: true } if channel.in_step => {}
            Step::Asks { root: true } => channel.rounds += 1,
            Step::Asks { root: false } => channel.in_step = false,
        }
        if channel.rounds > MOST {
            return Err(format!(
                "{from} asks {to} {process} for its digest for the {}th time",
                channel.rounds
            ));
        }
        Ok(())
    }
}
