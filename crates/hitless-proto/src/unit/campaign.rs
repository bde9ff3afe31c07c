//! How a standby becomes primary: it asks the arbiter, when there is no primary or when the primary asks it to.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::keeping::rank;
use super::{Acting, ControlUnit};
use crate::arbiter::{Proposer, Record, recovery_ready};
use crate::ids::{Life, Party, Time, UnitId, Version};
use crate::io::{ArbiterRequest, Event, Output, Verdict};
use crate::message::{Message, UnitMessage, VoteReply, VoteRequest};
use crate::primary::{Grant, Primary};

/// Between two units that lose the primary at the same time, the one with the higher id waits this long, in
/// microseconds, so that they do not split the votes.
const STAGGER: u64 = 20_000;
/// A campaign that is not decided after so many of its periods is given up and begun again.
const PATIENCE: u64 = 8;

#[derive(Clone, Debug)]
pub(super) struct Campaign {
    /// When to ask the arbiter, while there is no primary.
    next_try: Option<Time>,
    /// Set while a claim is under way.
    since: Option<Time>,
    /// When the first one since the primary was lost began, whatever became of it.
    first: Option<Time>,
    /// A request to the external arbiter is under way.
    pub(super) asked: bool,
    /// The record against which this unit found that it may recover.
    judged: Option<Record>,
    /// A record that could not be stored, and when to try again.
    retry: Option<Time>,
    told: Option<String>,
    /// Units that the operator gave up.
    forgone: BTreeSet<UnitId>,
}

impl Campaign {
    pub(super) fn new(first: Time) -> Self {
        Self {
            next_try: Some(first),
            since: None,
            first: None,
            asked: false,
            judged: None,
            retry: None,
            told: None,
            forgone: BTreeSet::new(),
        }
    }
}

impl ControlUnit {
    /// The primary is gone.
    pub(super) fn primary_lost(&mut self) {
        self.campaign.first = None;
        self.campaign_soon();
        self.campaign_timeout();
    }

    fn campaign_soon(&mut self) {
        let lower =
            self.context.other_units().into_iter().filter(|unit| *unit < self.context.unit).count() as u64;
        self.campaign.next_try = Some(self.now.after(lower * STAGGER));
    }

    /// Without a primary, and with no date for a campaign: sets one.
    pub(super) fn campaign_if_orphaned(&mut self) {
        let orphaned = matches!(&self.acting, Acting::Standby(standby) if standby.primary.is_none());
        if orphaned && self.campaign.next_try.is_none() && self.campaign.since.is_none() {
            self.campaign_later();
        }
    }

    fn campaign_later(&mut self) {
        let period = self.context.chassis.timing.campaign;
        let pause = period.saturating_add(self.context.random(period));
        self.campaign.next_try = Some(self.now.after(pause));
    }

    pub(super) fn campaign_due(&self) -> Option<Time> {
        let patience = self.context.chassis.timing.campaign.saturating_mul(PATIENCE);
        // What the external arbiter was asked cannot be given up: its answer is waited for.
        let given_up =
            self.campaign.since.filter(|_| !self.campaign.asked).map(|since| since.after(patience));
        [self.campaign.next_try, given_up, self.campaign.retry].into_iter().flatten().min()
    }

    pub(super) fn campaign_timeout(&mut self) {
        let now = self.now;
        if self.campaign.retry.take_if(|at| *at <= now).is_some()
            && let Acting::Primary(primary) = &mut self.acting
        {
            primary.record_unavailable(&mut self.context);
        }
        let patience = self.context.chassis.timing.campaign.saturating_mul(PATIENCE);
        if self.campaign.since.is_some_and(|since| since.after(patience) <= now) && !self.campaign.asked {
            self.campaign.since = None;
            self.proposer.iter_mut().for_each(|proposer| proposer.abandon());
            self.decline();
            self.campaign_later();
        }
        if self.campaign.next_try.take_if(|at| *at <= now).is_some() {
            let orphaned = matches!(&self.acting, Acting::Standby(standby) if standby.primary.is_none());
            if orphaned && self.campaign.since.is_none() {
                self.begin_campaign();
            }
        }
    }

    /// Asks the arbiter for the next epoch.
    pub(super) fn begin_campaign(&mut self) {
        let Acting::Standby(standby) = &self.acting else { return };
        let (consented, judged) = (standby.consent.is_some(), self.campaign.judged.clone());
        if self.campaign.asked {
            return;
        }
        self.campaign.since = Some(self.now);
        self.campaign.first = self.campaign.first.filter(|_| !consented).or(self.campaign.since);
        match &mut self.proposer {
            Some(proposer) => {
                if !proposer.campaign(consented, judged.clone()) {
                    proposer.abandon();
                    proposer.campaign(consented, judged);
                }
            }
            None => {
                let (unit, life) = (self.context.unit, self.context.life);
                self.campaign.asked = true;
                let request = ArbiterRequest::Claim { unit, life, recovering: judged };
                self.context.out.push_back(Output::Arbitrate(request));
            }
        }
    }

    /// Passes requests on to the arbiter, and takes its verdicts. Says whether there was one.
    pub(super) fn arbitrate(&mut self) -> bool {
        if let Some(record) = self.context.write.take_if(|_| !self.campaign.asked) {
            match &mut self.proposer {
                Some(proposer) => {
                    if !proposer.write(record.clone()) {
                        self.context.write = Some(record);
                    }
                }
                None => {
                    self.campaign.asked = true;
                    self.context.out.push_back(Output::Arbitrate(ArbiterRequest::Write(record)));
                }
            }
        }
        while let Some((to, request)) = self.proposer.as_mut().and_then(Proposer::poll_request) {
            match to {
                Party::Unit(unit) if unit == self.context.unit => self.vote(unit, &request),
                Party::Unit(unit) => self.context.send_unit(unit, UnitMessage::Vote(request)),
                Party::Card(card) => self.context.send_card(card, crate::message::ToCard::Vote(request)),
            }
        }
        let verdict = self.proposer.as_mut().and_then(Proposer::poll_verdict);
        let decided = verdict.is_some();
        if let Some(verdict) = verdict {
            self.judged(verdict);
            self.settle_role();
        }
        decided
    }

    /// Answers as a voter, once what it promises is durable.
    pub(super) fn vote(&mut self, from: UnitId, request: &VoteRequest) {
        let Some(voter) = &mut self.voter else { return };
        let links = &self.context.links;
        let me = self.context.unit;
        let hears = voter.state().accepted.owner_life().is_some_and(|(owner, life)| {
            links.get(&Party::Unit(owner)) == Some(&life)
                || (owner == me && matches!(self.acting, Acting::Primary(_)))
        });
        let (reply, changed) = voter.handle(from, request, hears);
        let answer = (Party::Unit(from), Message::Unit(UnitMessage::Voted(reply)));
        if changed {
            let state = voter.state().clone();
            let output = self.durably.change(|durable| durable.voter = state, answer);
            self.context.out.push_back(output);
        } else {
            self.deliver(answer.0, answer.1);
        }
    }

    /// As a voter: a link is gone. If it was the primary's, units that were denied for its sake are told.
    pub(super) fn voter_lost(&mut self, unit: UnitId, life: Life) {
        let Some(voter) = &mut self.voter else { return };
        for (to, reply) in voter.handle_lost(unit, life) {
            self.deliver(Party::Unit(to), Message::Unit(UnitMessage::Voted(reply)));
        }
    }

    /// A voter answers, or says that it lost the primary for whose sake it had denied: then it is asked again.
    pub(super) fn voted(&mut self, from: Party, reply: &VoteReply) {
        let Some(proposer) = &mut self.proposer else { return };
        proposer.handle_reply(from, reply);
        if self.campaign.since.is_none() && proposer.take_freed() {
            self.campaign_soon();
            self.campaign_timeout();
        }
    }

    /// Sends a vote, or takes it where it is this unit's own.
    pub(super) fn deliver(&mut self, to: Party, message: Message) {
        if to != Party::Unit(self.context.unit) {
            if self.context.connected(to) {
                self.context.out.push_back(Output::Transmit { to, message });
            }
        } else if let Message::Unit(UnitMessage::Voted(reply)) = &message {
            self.voted(to, reply);
        }
    }

    pub(super) fn judged(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Granted(record) => self.granted(record),
            Verdict::Denied(record) => self.denied(record),
            Verdict::Written(record) => {
                if let Acting::Primary(primary) = &mut self.acting
                    && record.epoch == primary.epoch
                {
                    primary.record_written(record, self.now);
                }
            }
            Verdict::Superseded(record) => {
                if let Acting::Primary(primary) = &mut self.acting {
                    primary.deposed = Some((record.epoch.max(primary.epoch), record.owner));
                }
            }
            Verdict::Unavailable(reason) => {
                self.wait_for(reason);
                match &self.acting {
                    Acting::Primary(_) => {
                        self.campaign.retry = Some(self.now.after(self.context.chassis.timing.campaign));
                    }
                    Acting::Standby(_) => {
                        self.campaign.since = None;
                        self.decline();
                        self.campaign_later();
                    }
                }
            }
        }
    }

    fn granted(&mut self, record: Record) {
        let now = self.now;
        self.campaign.since = None;
        let began = self.campaign.first.take().unwrap_or(now);
        if record.epoch < self.epoch() {
            // While the verdict was on its way another unit went on from it, and this one may follow that unit already.
            self.campaign.judged = None;
            self.decline();
            return self.campaign_if_orphaned();
        }
        // Where no epoch was ever opened there is nothing that only cards hold; and what is kept is of a chassis that lost its
        // record: it is no more than a base.
        let judged = self.campaign.judged.take().is_some();
        let recovering = if record.in_sync.is_empty() {
            self.has_base()
        } else {
            judged && !record.admits(self.context.unit, self.context.life)
        };
        self.campaign.next_try = None;
        self.campaign.told = None;
        let empty = Acting::Standby(crate::standby::Standby::left_behind(
            record.epoch,
            alloc::collections::BTreeMap::new(),
            false,
        ));
        if let Acting::Standby(standby) = core::mem::replace(&mut self.acting, empty) {
            let grant = Grant { record, planned: standby.consent.is_some(), recovering, began };
            self.acting = Acting::Primary(Primary::take_over(&mut self.context, standby, grant, now));
        }
    }

    fn denied(&mut self, record: Record) {
        self.campaign.since = None;
        let judged = self.campaign.judged.take();
        self.decline();
        if self.proposer.as_mut().is_some_and(Proposer::take_freed) {
            self.campaign_soon();
        } else {
            self.campaign_later();
        }
        let me = (self.context.unit, self.context.life);
        if record.admits(me.0, me.1) {
            return;
        }
        let peers: Vec<(UnitId, Life, bool, Version)> = self
            .context
            .peers
            .iter()
            .filter_map(|(unit, report)| {
                let life = *self.context.links.get(&Party::Unit(*unit))?;
                let position = rank(report.positions.iter().map(|position| position.received));
                Some((*unit, life, report.live, position))
            })
            .collect();
        let position = match &self.acting {
            Acting::Standby(standby) => rank(standby.replicas.values().map(|replica| replica.received())),
            Acting::Primary(_) => return,
        };
        let mut waited_for = record.clone();
        waited_for.in_sync.retain(|(unit, _)| !self.campaign.forgone.contains(unit));
        match recovery_ready(&waited_for, me, position, &peers) {
            Ok(()) => {
                // At once; but where this was judged before, it was denied for another reason, which takes time to go away.
                if judged.as_ref() != Some(&record) {
                    self.campaign.next_try = Some(self.now);
                }
                self.campaign.judged = Some(record);
            }
            Err(wait) => self.wait_for(wait.to_string()),
        }
    }

    /// The operator gives up a unit of the last in-sync set: it is not waited for, whatever it may hold.
    pub(super) fn forgo_unit(&mut self, unit: UnitId) {
        self.campaign.forgone.insert(unit);
        self.campaign_if_orphaned();
    }

    /// A hand-over that came to nothing is given back.
    fn decline(&mut self) {
        if let Acting::Standby(standby) = &mut self.acting
            && let (Some(hand_over), Some(primary)) = (standby.consent.take(), standby.primary)
        {
            standby.decline(&mut self.context, primary, hand_over.consent);
        }
    }

    /// Tells the operator what this unit waits for, once.
    fn wait_for(&mut self, reason: String) {
        if self.campaign.told.as_ref() != Some(&reason) {
            self.campaign.told = Some(reason.clone());
            self.context.event(Event::Waiting { reason });
        }
    }
}
