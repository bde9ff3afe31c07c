//! Promises are made durable before they are answered: what waits for the disk, and what is sent after it.

use alloc::vec::Vec;

use crate::ids::{Epoch, Party, Time, UnitId};
use crate::io::{Durable, Event, Output};
use crate::limits::MAX_WITHHELD;
use crate::message::Message;

/// Pause before a failed write is tried again, in microseconds.
const RETRY: u64 = 1_000_000;

/// The durable state of a party and the answers that wait for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durably {
    state: Durable,
    issued: u64,
    waiting: Vec<(u64, Party, Message)>,
    retry_at: Option<Time>,
}

impl Durably {
    pub(crate) fn new(state: Durable) -> Self {
        Self { state, ..Self::default() }
    }

    pub(crate) fn state(&self) -> &Durable {
        &self.state
    }

    /// Changes the state and has it written; `answer` is sent when that is done, and never otherwise. A peer that asks on
    /// while the disk does not answer has lost interest in what it asked first: of the answers to one peer the newest
    /// [`MAX_WITHHELD`] are kept.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Durable), answer: (Party, Message)) -> Output {
        change(&mut self.state);
        if self.waiting.iter().filter(|(_, to, _)| *to == answer.0).count() >= MAX_WITHHELD
            && let Some(oldest) = self.waiting.iter().position(|(_, to, _)| *to == answer.0)
        {
            self.waiting.remove(oldest);
        }
        self.waiting.push((self.issued + 1, answer.0, answer.1));
        self.write()
    }

    /// Raises the promise at once; it is durable when the next [`Durably::change`] is.
    pub(crate) fn raise(&mut self, promised: Epoch, owner: UnitId) {
        self.state.promised = promised;
        self.state.owner = owner;
    }

    /// How many answers wait for the disk.
    pub(crate) fn withheld(&self) -> usize {
        self.waiting.len()
    }

    fn write(&mut self) -> Output {
        self.issued += 1;
        self.retry_at = None;
        Output::Persist { token: self.issued, durable: self.state.clone() }
    }

    /// Everything up to `token` is on disk: gives the answers that waited for it.
    pub(crate) fn persisted(&mut self, token: u64) -> Vec<(Party, Message)> {
        let (done, waiting) =
            core::mem::take(&mut self.waiting).into_iter().partition(|entry| entry.0 <= token);
        self.waiting = waiting;
        let done: Vec<(u64, Party, Message)> = done;
        done.into_iter().map(|(_, to, message)| (to, message)).collect()
    }

    /// The write failed: what waits goes on waiting, and the write is tried again later.
    pub(crate) fn failed(&mut self, now: Time) -> Output {
        self.retry_at = Some(now.after(RETRY));
        Output::Event(Event::StoreFailed)
    }

    /// A link is gone: its answers are of no use any more.
    pub(crate) fn forget(&mut self, peer: Party) {
        self.waiting.retain(|(_, to, _)| *to != peer);
    }

    /// The state as it is on disk once `token` is: known only if nothing newer was issued.
    pub(crate) fn saved_by(&self, token: u64) -> Option<&Durable> {
        (token == self.issued).then_some(&self.state)
    }

    pub(crate) fn next_timeout(&self) -> Option<Time> {
        self.retry_at
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) -> Option<Output> {
        self.retry_at.filter(|at| *at <= now)?;
        for (token, _, _) in &mut self.waiting {
            *token = self.issued + 1;
        }
        Some(self.write())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Consent, FromStandby, UnitMessage};

    fn answer(peer: u8, epoch: u32) -> (Party, Message) {
        let declined = FromStandby::Declined(Consent { epoch: Epoch(epoch) });
        (Party::Unit(UnitId(peer)), Message::Unit(UnitMessage::Standby(declined)))
    }

    #[test]
    fn what_waits_for_a_disk_that_does_not_answer_is_bounded_by_peer() {
        let mut durably = Durably::default();
        let asked = MAX_WITHHELD as u32 + 10;
        durably.change(|_| {}, answer(2, 0));
        for epoch in 0..asked {
            durably.change(|_| {}, answer(1, epoch));
        }
        assert_eq!(durably.withheld(), MAX_WITHHELD + 1, "another peer's answer is not in its way");
        let answers = durably.persisted(u64::from(asked) + 1);
        let newest: Vec<_> = (10..asked).map(|epoch| answer(1, epoch)).collect();
        assert_eq!((&answers[0], &answers[1..]), (&answer(2, 0), &newest[..]));
    }
}
