//! Gives an input to a core: the same calls that a driver makes.

use alloc::vec::Vec;

use super::Input;
use crate::ids::{Party, Time};
use crate::io::Output;
use crate::message::Message;
use crate::{Card, ControlUnit};

impl Input {
    /// Gives the input to a control unit. Outputs come from [`Input::Drained`] only; what is for cards only does nothing.
    ///
    /// The results of `Submit` and `BeginSwitchover` are dropped: who needs them makes those calls itself.
    pub fn apply_to_unit(self, unit: &mut ControlUnit, now: Time) -> Vec<Output> {
        match self {
            Self::Connected { peer, life } => unit.handle_connected(peer, life, now),
            Self::Disconnected { peer } => unit.handle_disconnected(peer, now),
            Self::Message { from, message } => unit.handle_message(from, message, now),
            Self::Persisted { token } => unit.handle_persisted(token, now),
            Self::PersistFailed { token } => unit.handle_persist_failed(token, now),
            Self::Verdict(verdict) => unit.handle_verdict(verdict, now),
            Self::Restore { process, at, entries } => unit.restore(process, at, entries),
            Self::Submit { process, change } => drop(unit.submit(process, change, now)),
            Self::BeginSwitchover { to } => drop(unit.begin_switchover(to, now)),
            Self::Forgo { party } => unit.forgo(party, now),
            Self::Timeout => unit.handle_timeout(now),
            Self::Drained => return core::iter::from_fn(|| unit.poll_output()).collect(),
            Self::Applied { .. } | Self::Found { .. } | Self::Curable { .. } | Self::Adopt { .. } => {}
        }
        Vec::new()
    }

    /// Gives the input to a card. Outputs come from [`Input::Drained`] only; what is for control units only does nothing.
    pub fn apply_to_card(self, card: &mut Card, now: Time) -> Vec<Output> {
        match self {
            Self::Connected { peer: Party::Unit(unit), life } => card.handle_connected(unit, life),
            Self::Disconnected { peer: Party::Unit(unit) } => card.handle_disconnected(unit),
            Self::Message { from: Party::Unit(unit), message: Message::ToCard(message) } => {
                card.handle_message(unit, message);
            }
            Self::Persisted { token } => card.handle_persisted(token),
            Self::PersistFailed { .. } => card.handle_persist_failed(now),
            Self::Applied { process, batch, outcomes } => card.handle_applied(process, batch, outcomes),
            Self::Found { process, key, part } => drop(card.handle_found(process, &key, part.as_ref())),
            Self::Curable { process } => card.handle_curable(process),
            Self::Adopt { process, entries } => card.adopt(process, entries),
            Self::Timeout => card.handle_timeout(now),
            Self::Drained => return core::iter::from_fn(|| card.poll_output()).collect(),
            Self::Connected { peer: Party::Card(_), .. }
            | Self::Disconnected { peer: Party::Card(_) }
            | Self::Message { from: Party::Card(_), .. }
            | Self::Message { message: Message::FromCard(_) | Message::Unit(_), .. }
            | Self::Verdict(_)
            | Self::Restore { .. }
            | Self::Submit { .. }
            | Self::BeginSwitchover { .. }
            | Self::Forgo { .. } => {}
        }
        Vec::new()
    }
}
