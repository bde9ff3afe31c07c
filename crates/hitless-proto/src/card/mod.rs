//! A card: the interface component, with one client process per process.
//!
//! ```text
//!            Claim(epoch > promised)              Start            InStep
//!   [any] ----------------------------> fenced ----------> open ----------> in step
//!                                          ^                 |                |
//!                                          +---- Claim ------+----- hole -----+  (hole: back to fenced, asks for Start)
//! ```
//!
//! The contract is that of [`crate::io`]: `handle_*` when the world says something, then `poll_output` until `None`.

mod answer;
mod channel;
mod claim;
#[cfg(test)]
mod tests;
mod view;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::arbiter::Voter;
use crate::config::{AckPath, ArbiterKind, Chassis};
use crate::digest::{DigestKey, mac};
use crate::durable::Durably;
use crate::entry::{Audience, Blob, Content};
use crate::error::PeerError;
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Time, UnitId, Version};
use crate::io::{Durable, Event, Outcome, Output};
use crate::message::{
    Ack, AckMac, Broken, CardReport, ChannelReport, FromCard, Message, Refused, Start, ToCard, VoteRequest,
};
use crate::rules::{Rule, holds};
use crate::wire;
use channel::{Channel, Work};
use claim::PendingClaim;

/// What a card is.
#[derive(Clone, Debug)]
pub struct CardConfig {
    /// The chassis it belongs to.
    pub chassis: Chassis,
    /// Which card it is.
    pub card: CardId,
    /// The processes it serves.
    pub processes: Vec<ProcessId>,
}

/// What a card starts from.
#[derive(Clone, Debug)]
pub struct CardStart {
    /// Drawn anew at every start.
    pub life: Life,
    /// As stored last, or the default.
    pub durable: Durable,
    /// Random: the keys of relayed acks are derived from it.
    pub secret: u128,
}

/// The card's state machine.
#[derive(Clone, Debug)]
pub struct Card {
    config: CardConfig,
    life: Life,
    secret: u128,
    durably: Durably,
    voter: Option<Voter>,
    links: BTreeMap<UnitId, Life>,
    channels: BTreeMap<ProcessId, Channel>,
    claim: Option<PendingClaim>,
    out: VecDeque<Output>,
}

impl Card {
    /// A card that has just started and holds nothing.
    #[must_use]
    pub fn new(config: CardConfig, start: CardStart) -> Self {
        let digest = DigestKey::new(config.chassis.digest_key);
        let channels =
            config.processes.iter().map(|process| (*process, Channel::new(*process, digest))).collect();
        let votes = match &config.chassis.arbiter {
            ArbiterKind::Voters(voters) => voters.contains(&Party::Card(config.card)),
            ArbiterKind::External => false,
        };
        let voter = votes.then(|| Voter::new(start.durable.voter.clone()));
        Self {
            config,
            life: start.life,
            secret: start.secret,
            durably: Durably::new(start.durable),
            voter,
            links: BTreeMap::new(),
            channels,
            claim: None,
            out: VecDeque::new(),
        }
    }

    /// Takes over what the forwarding table holds already, before anything else is called: it goes on forwarding, and
    /// is compared with the primary's state when that is known.
    pub fn adopt(&mut self, process: ProcessId, entries: impl IntoIterator<Item = (Blob, Blob)>) {
        let Some(channel) = self.channels.get_mut(&process) else { return };
        for (key, part) in entries {
            let content = Content { audience: Audience::All, card_part: part, standby_part: None };
            channel.table.write(Version::ZERO, &key, Some(&content), false);
        }
    }

    /// A link with a control unit is up.
    pub fn handle_connected(&mut self, unit: UnitId, life: Life) {
        self.links.insert(unit, life);
        let channels = self.channels.values().map(|channel| ChannelReport {
            process: channel.process,
            proved: channel.proved(),
            entries: channel.table.entries(),
        });
        let report = CardReport {
            boot: self.life,
            promised: self.durably.state().promised,
            owner: self.durably.state().owner,
            ack_key: self.ack_key(unit),
            channels: channels.collect(),
        };
        self.send(unit, FromCard::Report(report));
        // The unit may have missed acks: they are cumulative, so the last ones are enough.
        self.channels.values_mut().for_each(|channel| channel.ack_due |= channel.in_step);
    }

    /// The link with a control unit is gone. The card goes on forwarding.
    pub fn handle_disconnected(&mut self, unit: UnitId) {
        let life = self.links.remove(&unit);
        // What was not taken yet belongs to that link, and must not open the next one.
        let gone = Party::Unit(unit);
        self.out.retain(|output| !matches!(output, Output::Transmit { to, .. } if *to == gone));
        self.durably.forget(Party::Unit(unit));
        self.claim.take_if(|claim| claim.unit == unit);
        let (Some(voter), Some(life)) = (&mut self.voter, life) else { return };
        for (to, reply) in voter.handle_lost(unit, life) {
            self.send(to, FromCard::Vote(reply));
        }
    }

    /// A control unit says something.
    pub fn handle_message(&mut self, from: UnitId, message: ToCard) {
        if !self.links.contains_key(&from) {
            return;
        }
        match message {
            ToCard::Claim(claim) => self.handle_claim(from, claim),
            ToCard::Vote(request) => self.handle_vote(from, &request),
            ToCard::Start(start) => self.handle_start(from, &start),
            ToCard::Ops(ops) => {
                let (epoch, process, session) = (ops.epoch, ops.process, ops.session);
                let Some(channel) = self.channel(from, epoch, process, session) else { return };
                if let Err(at) = channel.take_ops(ops) {
                    self.send(from, FromCard::Broken(Broken { epoch, process, session, at }));
                }
            }
            ToCard::Fill(fill) => {
                let Some(channel) = self.channel(from, fill.epoch, fill.process, fill.session) else {
                    return;
                };
                channel.take_fill(fill);
            }
            ToCard::Ask(ask) => {
                let Some(channel) = self.channel(from, ask.epoch, ask.process, ask.session) else { return };
                channel.queue.push_back(Work::Ask(ask));
            }
            ToCard::InStep(step) => {
                let Some(channel) = self.channel(from, step.epoch, step.process, step.session) else {
                    return;
                };
                channel.in_step = true;
                channel.ack_due = true;
            }
        }
    }

    /// A write of durable state is done.
    pub fn handle_persisted(&mut self, token: u64) {
        if let (Some(saved), Some(voter)) = (self.durably.saved_by(token), &mut self.voter) {
            voter.handle_persisted(saved.voter.clone());
        }
        for (to, message) in self.durably.persisted(token) {
            self.out.push_back(Output::Transmit { to, message });
        }
    }

    /// A write of durable state failed.
    pub fn handle_persist_failed(&mut self, now: Time) {
        let output = self.durably.failed(now);
        self.out.push_back(output);
    }

    /// The forwarding table is done with a batch: one outcome per write.
    pub fn handle_applied(&mut self, process: ProcessId, batch: u64, outcomes: Vec<Outcome>) {
        if let Some(channel) = self.channels.get_mut(&process) {
            channel.applied(batch, outcomes);
        }
    }

    /// The forwarding table was seen to hold `part` under `key` (`None`: nothing), as a notification of it or a dump says.
    /// Where that is not what the card holds, somebody else changed it, and the card writes its own again.
    ///
    /// What was seen may be older than writes under way: to mend what was not astray changes nothing. `false`: `MAX_ASTRAY`
    /// keys wait already; say so again later.
    pub fn handle_found(&mut self, process: ProcessId, key: &Blob, part: Option<&Blob>) -> bool {
        self.channels.get_mut(&process).is_none_or(|channel| channel.found(key, part.map(|part| &part[..])))
    }

    /// Something changed outside that could make the forwarding table take what it refused before (a link came up): all of
    /// that is written again, from what the card holds, whether there is a primary or not.
    pub fn handle_curable(&mut self, process: ProcessId) {
        if let Some(channel) = self.channels.get_mut(&process) {
            channel.retry_refused();
        }
    }

    /// A timeout is due.
    pub fn handle_timeout(&mut self, now: Time) {
        let output = self.durably.handle_timeout(now);
        self.out.extend(output);
    }

    /// When to call `handle_timeout`.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        self.durably.next_timeout()
    }

    /// The next output; batches and acks are formed here, when everything else was taken.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.out.is_empty() {
            self.advance();
        }
        debug_assert_eq!(self.invariants(), Ok(()));
        self.out.pop_front()
    }

    /// What must always hold.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn invariants(&self) -> Result<(), &'static str> {
        for channel in self.channels.values() {
            if channel.epoch > self.durably.state().promised {
                return Err("a channel's epoch is promised");
            }
            if channel.history.iter().zip(channel.history.iter().skip(1)).any(|(a, b)| a.version >= b.version)
            {
                return Err("history is in order");
            }
        }
        Ok(())
    }

    fn advance(&mut self) {
        for process in self.config.processes.clone() {
            self.advance_channel(process);
        }
        self.finish_claim();
    }

    fn advance_channel(&mut self, process: ProcessId) {
        let owner = self.durably.state().owner;
        loop {
            let Some(channel) = self.channels.get_mut(&process) else { return };
            if channel.ack_due {
                channel.ack_due = false;
                self.send_ack(process);
            } else if let Some((batch, writes)) = channel.next_mends() {
                self.out.push_back(Output::Apply { process, batch, writes });
            } else if let Some(broken) = channel.next_complaint() {
                self.send(owner, FromCard::Broken(broken));
            } else if let Some(ask) = channel.next_ask() {
                let tell = answer::tell(channel, self.config.card, ask);
                self.send(owner, FromCard::Tell(tell));
            } else if let Some((batch, writes)) = channel.next_batch() {
                if writes.is_empty() {
                    channel.applied(batch, Vec::new());
                } else {
                    self.out.push_back(Output::Apply { process, batch, writes });
                }
            } else {
                return;
            }
        }
    }

    fn send_ack(&mut self, process: ProcessId) {
        let owner = self.durably.state().owner;
        let Some(channel) = self.channels.get_mut(&process) else { return };
        let mut ack = Ack {
            epoch: channel.epoch,
            process,
            session: channel.session,
            boot: self.life,
            applied: channel.applied.seq,
            cookie: channel.cookie.clone(),
            nacks: core::mem::take(&mut channel.nacks),
            consumed: channel.consumed,
            macs: Vec::new(),
        };
        match self.config.chassis.ack_path {
            AckPath::Direct => {
                let units: Vec<UnitId> = self.links.keys().copied().collect();
                units.into_iter().for_each(|unit| self.send(unit, FromCard::Ack(ack.clone())));
            }
            AckPath::Relayed => {
                let bytes = wire::mac_bytes(self.config.card, &ack);
                let others = self.config.chassis.units.iter().filter(|unit| **unit != owner);
                ack.macs = others
                    .map(|unit| AckMac { unit: *unit, code: mac(self.ack_key(*unit), &bytes) })
                    .collect();
                self.send(owner, FromCard::Ack(ack));
            }
        }
    }

    /// The key under which this unit checks relayed acks: only it and the card know it.
    fn ack_key(&self, unit: UnitId) -> u128 {
        mac(self.secret, &[unit.0])
    }

    /// The channel that a primary's message is for, if it may be taken; answers it otherwise.
    fn channel(
        &mut self,
        from: UnitId,
        epoch: Epoch,
        process: ProcessId,
        session: u32,
    ) -> Option<&mut Channel> {
        if holds(Rule::Fence) && !self.owned_by(from, epoch) {
            return None;
        }
        self.channels.get_mut(&process).filter(|channel| channel.current(epoch, session))
    }

    /// Whether `from` is the owner of the promised epoch. If the epoch is over it is told so; if it was never claimed
    /// the sender broke the protocol.
    fn owned_by(&mut self, from: UnitId, epoch: Epoch) -> bool {
        let state = self.durably.state();
        let (promised, owner) = (state.promised, state.owner);
        if epoch < promised || (epoch == promised && owner != from) {
            self.send(from, FromCard::Refused(Refused { promised, owner }));
            return false;
        }
        if epoch > promised {
            let error = PeerError::Invalid("a message of an epoch that was not claimed");
            self.out.push_back(Output::Event(Event::Misbehaved { peer: Party::Unit(from), error }));
            return false;
        }
        true
    }

    fn handle_start(&mut self, from: UnitId, start: &Start) {
        if !self.owned_by(from, start.epoch) || self.claim.is_some() {
            return;
        }
        if let Some(channel) = self.channels.get_mut(&start.process) {
            channel.start(start);
        }
    }

    fn handle_vote(&mut self, from: UnitId, request: &VoteRequest) {
        let (Some(voter), links) = (&mut self.voter, &self.links) else { return };
        let hears =
            voter.state().accepted.owner_life().is_some_and(|(owner, life)| links.get(&owner) == Some(&life));
        let (reply, changed) = voter.handle(from, request, hears);
        let answer = (Party::Unit(from), Message::FromCard(FromCard::Vote(reply)));
        if changed {
            let state = voter.state().clone();
            let output = self.durably.change(|durable| durable.voter = state, answer);
            self.out.push_back(output);
        } else {
            self.out.push_back(Output::Transmit { to: answer.0, message: answer.1 });
        }
    }

    fn send(&mut self, to: UnitId, message: FromCard) {
        if self.links.contains_key(&to) {
            self.out.push_back(Output::Transmit { to: Party::Unit(to), message: Message::FromCard(message) });
        }
    }
}
