//! A control unit: whichever role it has, and its vote.
//!
//! The contract is that of [`crate::io`]: call one `handle_*` (the world says) or command (the owner wants), then
//! `poll_output` until `None`, then wait for the world or for `next_timeout`. Inputs that are at hand together are best
//! all taken before outputs are drained: batches form when outputs are.

mod campaign;
mod keeping;
mod view;

use crate::arbiter::{Proposer, Voter};
use crate::config::{ArbiterKind, Chassis};
use crate::context::Context;
use crate::durable::Durably;
use crate::entry::Change;
use crate::error::{PeerError, SubmitError, SwitchoverError};
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Time, UnitId, Version};
use crate::io::{Durable, Event, Output, Role, Verdict};
use crate::message::{FromCard, Message, Refused, ToStandby, UnitMessage};
use crate::primary::Primary;
use crate::process::Processes;
use crate::standby::Standby;
use campaign::Campaign;

/// What a control unit is.
#[derive(Clone, Debug)]
pub struct UnitConfig {
    /// The chassis it belongs to.
    pub chassis: Chassis,
    /// Which unit it is.
    pub unit: UnitId,
}

/// What a control unit starts from.
#[derive(Clone, Debug)]
pub struct UnitStart {
    /// Drawn anew at every start.
    pub life: Life,
    /// As stored last, or the default.
    pub durable: Durable,
    /// Random: spreads retries.
    pub seed: u64,
}

#[derive(Clone, Debug)]
enum Acting {
    Standby(Standby),
    Primary(Primary),
}

/// The control unit's state machine.
#[derive(Clone, Debug)]
pub struct ControlUnit {
    context: Context,
    acting: Acting,
    durably: Durably,
    voter: Option<Voter>,
    /// With the `voters` arbiter; else the arbiter is reached by `Output::Arbitrate`.
    proposer: Option<Proposer>,
    campaign: Campaign,
    told_role: (Role, Epoch),
    /// The latest time that any call told: `poll_output` acts as of then.
    now: Time,
}

impl ControlUnit {
    /// A control unit that has just started and holds nothing.
    #[must_use]
    pub fn new(config: UnitConfig, processes: Processes, start: UnitStart, now: Time) -> Self {
        let me = Party::Unit(config.unit);
        let (voter, proposer) = match &config.chassis.arbiter {
            ArbiterKind::Voters(voters) => {
                let voter = voters.contains(&me).then(|| Voter::new(start.durable.voter.clone()));
                (voter, Some(Proposer::new(config.unit, start.life, voters.clone())))
            }
            ArbiterKind::External => (None, None),
        };
        let mut context = Context::new(config.chassis, (config.unit, start.life), processes, start.seed);
        let standby = Standby::new(&context);
        let first = now.after(context.chassis.timing.campaign);
        let campaign = Campaign::new(first.after(context.random(context.chassis.timing.campaign)));
        let mut unit = Self {
            context,
            acting: Acting::Standby(standby),
            durably: Durably::new(start.durable),
            voter,
            proposer,
            campaign,
            told_role: (Role::Joining, Epoch(0)),
            now,
        };
        if let Some(proposer) = &mut unit.proposer {
            proposer.handle_connected(me);
        }
        unit
    }

    /// A link is up: the other end proved to be `peer`, in this `life`.
    pub fn handle_connected(&mut self, peer: Party, life: Life, now: Time) {
        self.now = now;
        self.context.links.insert(peer, life);
        if let Party::Unit(unit) = peer {
            let report = match &self.acting {
                Acting::Standby(standby) => standby.report(),
                Acting::Primary(primary) => primary.report(),
            };
            self.context.send_unit(unit, UnitMessage::Report(report));
        }
        if let Some(proposer) = &mut self.proposer {
            proposer.handle_connected(peer);
        }
    }

    /// A link is gone: closed by the other end's death, or given up for lack of heartbeats. The only sign of death.
    pub fn handle_disconnected(&mut self, peer: Party, now: Time) {
        self.now = now;
        let life = self.context.links.remove(&peer);
        // What was not taken yet belongs to that link, and must not open the next one.
        self.context.out.retain(|output| !matches!(output, Output::Transmit { to, .. } if *to == peer));
        self.durably.forget(peer);
        match peer {
            Party::Unit(unit) => self.context.peers.remove(&unit).is_some(),
            Party::Card(card) => self.context.cards.remove(&card).is_some(),
        };
        if let Some(proposer) = &mut self.proposer {
            proposer.handle_lost(peer);
        }
        if let (Party::Unit(unit), Some(life)) = (peer, life) {
            self.voter_lost(unit, life);
        }
        match &mut self.acting {
            Acting::Primary(primary) => primary.handle_lost(&mut self.context, peer),
            Acting::Standby(standby) => {
                if let Party::Unit(unit) = peer {
                    let followed = standby.primary == Some(unit);
                    standby.handle_lost(unit);
                    if followed {
                        self.primary_lost();
                    }
                }
            }
        }
    }

    /// A message from a peer.
    pub fn handle_message(&mut self, from: Party, message: Message, now: Time) {
        self.now = now;
        if !self.context.connected(from) {
            return;
        }
        match (from, message) {
            (Party::Card(card), Message::FromCard(message)) => self.heard_card(card, message),
            (Party::Unit(unit), Message::Unit(message)) => self.heard_unit(unit, message),
            (
                Party::Card(_) | Party::Unit(_),
                Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_),
            ) => {
                self.misbehaved(
                    from,
                    PeerError::WrongDirection("it is not for a control unit from such a peer"),
                );
            }
        }
        self.settle_role();
    }

    fn misbehaved(&mut self, peer: Party, error: PeerError) {
        self.context.event(Event::Misbehaved { peer, error });
    }

    fn heard_card(&mut self, card: CardId, message: FromCard) {
        let now = self.now;
        if let FromCard::Report(report) = message {
            self.context.cards.insert(card, report);
            if let Acting::Primary(primary) = &mut self.acting {
                primary.claim(&mut self.context, card);
            }
            return;
        }
        if !self.context.cards.contains_key(&card) {
            return self.misbehaved(Party::Card(card), PeerError::NoReport("a message"));
        }
        match (message, &mut self.acting) {
            (FromCard::Vote(reply), _) => self.voted(Party::Card(card), &reply),
            (FromCard::Refused(refused), Acting::Primary(primary)) => depose(primary, &refused),
            (FromCard::Promise(promise), Acting::Primary(primary)) => {
                primary.take_promise(&mut self.context, card, promise, now);
            }
            (FromCard::Ack(ack), Acting::Primary(primary)) => {
                primary.take_ack(&mut self.context, card, &ack, now)
            }
            (FromCard::Tell(tell), Acting::Primary(primary)) => {
                primary.take_tell(&mut self.context, Party::Card(card), tell, now);
            }
            (FromCard::Broken(broken), Acting::Primary(primary)) => {
                primary.take_broken(&mut self.context, Party::Card(card), &broken);
            }
            (FromCard::Ack(ack), Acting::Standby(standby)) => standby.take_ack(card, &ack),
            (
                FromCard::Report(_)
                | FromCard::Refused(_)
                | FromCard::Promise(_)
                | FromCard::Tell(_)
                | FromCard::Broken(_),
                Acting::Standby(_),
            )
            | (FromCard::Report(_), Acting::Primary(_)) => {}
        }
    }

    fn heard_unit(&mut self, from: UnitId, message: UnitMessage) {
        let now = self.now;
        match (message, &mut self.acting) {
            (UnitMessage::Report(report), acting) => {
                match acting {
                    Acting::Standby(standby) => standby.handle_report(&mut self.context, from, &report),
                    Acting::Primary(primary) => primary.handle_report(&mut self.context, from, &report),
                }
                self.context.peers.insert(from, report);
                self.campaign_if_orphaned();
            }
            (UnitMessage::Vote(request), _) => self.vote(from, &request),
            (UnitMessage::Voted(reply), _) => self.voted(Party::Unit(from), &reply),
            (UnitMessage::Refused(refused), Acting::Primary(primary)) => depose(primary, &refused),
            (UnitMessage::Standby(message), Acting::Primary(primary)) => {
                primary.handle_standby(&mut self.context, from, message, now);
            }
            (UnitMessage::Primary(message), Acting::Standby(standby)) => {
                let hands_over = matches!(message, ToStandby::HandOver(_));
                standby.handle_primary(&mut self.context, from, message, now);
                if hands_over && standby.consent.is_some() {
                    self.begin_campaign();
                }
            }
            // A former primary that has not heard of this epoch; or a standby that has not heard of its end.
            (UnitMessage::Primary(_), Acting::Primary(primary)) => {
                let report = primary.report();
                self.context.send_unit(from, UnitMessage::Report(report));
            }
            (UnitMessage::Standby(_) | UnitMessage::Refused(_), Acting::Standby(_)) => {}
        }
    }

    /// A write of durable state is done.
    pub fn handle_persisted(&mut self, token: u64, now: Time) {
        self.now = now;
        if let (Some(saved), Some(voter)) = (self.durably.saved_by(token), &mut self.voter) {
            voter.handle_persisted(saved.voter.clone());
        }
        for (to, message) in self.durably.persisted(token) {
            self.deliver(to, message);
        }
        self.settle_role();
    }

    /// A write of durable state failed: what waits for it goes on waiting.
    pub fn handle_persist_failed(&mut self, _token: u64, now: Time) {
        self.now = now;
        let output = self.durably.failed(now);
        self.context.out.push_back(output);
    }

    /// The external arbiter answers.
    pub fn handle_verdict(&mut self, verdict: Verdict, now: Time) {
        self.now = now;
        self.campaign.asked = false;
        self.judged(verdict);
        self.settle_role();
    }

    /// A timeout is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        let output = self.durably.handle_timeout(now);
        self.context.out.extend(output);
        if let Acting::Primary(primary) = &mut self.acting {
            primary.handle_timeout(&mut self.context, now);
        }
        self.campaign_timeout();
        self.settle_role();
    }

    /// When to call `handle_timeout`.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        let acting = match &self.acting {
            Acting::Primary(primary) => primary.next_timeout(&self.context),
            Acting::Standby(_) => None,
        };
        [acting, self.durably.next_timeout(), self.campaign_due()].into_iter().flatten().min()
    }

    /// The next output. Batches form here, so take all inputs at hand first.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.context.out.is_empty() {
            self.advance();
        }
        debug_assert_eq!(self.invariants(), Ok(()));
        self.context.out.pop_front()
    }

    fn advance(&mut self) {
        loop {
            self.settle_role();
            match &mut self.acting {
                Acting::Standby(standby) => standby.advance(&mut self.context),
                Acting::Primary(primary) => primary.advance(&mut self.context, self.now),
            }
            // A verdict changes what there is to do, and nothing else may come to bring it about.
            if !self.arbitrate() {
                break;
            }
        }
        let told = (self.role(), self.epoch());
        if told != self.told_role {
            self.told_role = told;
            self.context.event(Event::Role { role: told.0, epoch: told.1 });
        }
    }

    /// A primary whose epoch is over becomes a standby.
    fn settle_role(&mut self) {
        let Acting::Primary(primary) = &mut self.acting else { return };
        let Some((epoch, owner)) = primary.deposed else { return };
        self.become_standby(epoch);
        if let (Acting::Standby(standby), Some(report)) =
            (&mut self.acting, self.context.peers.get(&owner).cloned())
        {
            standby.handle_report(&mut self.context, owner, &report);
        }
        self.campaign_if_orphaned();
    }

    fn become_standby(&mut self, epoch: Epoch) {
        self.context.write = None;
        let empty = Acting::Standby(Standby::left_behind(epoch, alloc::collections::BTreeMap::new(), false));
        if let Acting::Primary(primary) = core::mem::replace(&mut self.acting, empty) {
            let standby = primary.step_down(epoch, (self.context.unit, self.context.life));
            // Whoever follows this unit must look for another primary.
            for unit in self.context.other_units() {
                self.context.send_unit(unit, UnitMessage::Report(standby.report()));
            }
            self.acting = Acting::Standby(standby);
        }
    }

    /// A source submits a change to the primary.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing was changed.
    pub fn submit(&mut self, process: ProcessId, change: Change, now: Time) -> Result<Version, SubmitError> {
        self.now = now;
        match &mut self.acting {
            Acting::Primary(primary) => primary.submit(&self.context, process, change),
            Acting::Standby(standby) => Err(SubmitError::NotPrimary(standby.primary)),
        }
    }

    /// How many submits of a process will not be refused as `Busy`.
    #[must_use]
    pub fn room(&self, process: ProcessId) -> usize {
        match &self.acting {
            Acting::Primary(primary) => primary.room(process),
            Acting::Standby(_) => 0,
        }
    }

    /// The operator wants the role handed over, to `to` or to the lowest unit in sync. Gives the candidate; events tell
    /// how it ends.
    ///
    /// # Errors
    /// See [`SwitchoverError`]; nothing was changed.
    pub fn begin_switchover(&mut self, to: Option<UnitId>, now: Time) -> Result<UnitId, SwitchoverError> {
        self.now = now;
        match &mut self.acting {
            Acting::Primary(primary) => primary.begin_switchover(&mut self.context, to, now),
            Acting::Standby(standby) => Err(SwitchoverError::NotPrimary(standby.primary)),
        }
    }

    /// The operator gives up a party that a recovery waits for. A card: entries that only it holds are lost. A unit: ops
    /// that only it holds are lost.
    pub fn forgo(&mut self, party: Party, now: Time) {
        self.now = now;
        match (party, &mut self.acting) {
            (Party::Card(card), Acting::Primary(primary)) => primary.forgo(card),
            (Party::Unit(unit), Acting::Standby(_)) => self.forgo_unit(unit),
            (Party::Card(_), Acting::Standby(_)) | (Party::Unit(_), Acting::Primary(_)) => {}
        }
    }

    /// What must always hold.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn invariants(&self) -> Result<(), &'static str> {
        match &self.acting {
            Acting::Standby(standby) => standby.invariants(),
            Acting::Primary(primary) => primary.invariants(),
        }
    }
}

/// A peer promised a higher epoch to another.
fn depose(primary: &mut Primary, refused: &Refused) {
    if refused.promised > primary.epoch {
        primary.deposed = Some((refused.promised, refused.owner));
    }
}
