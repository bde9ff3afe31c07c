//! A standby control unit: follows the primary, holds updates until their acks come, and may take over.
//!
//! ```text
//!   joining --(every process in step, and named in the record)--> in sync
//!      ^                                                             |
//!      +------------(hole, new epoch, dropped from the record)-------+
//! ```
//!
//! A standby has no way to send a card anything: to program cards it must be consumed by `Primary::take_over`.

pub(crate) mod replica;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::config::AckPath;
use crate::context::Context;
use crate::digest::{DigestKey, mac};
use crate::error::PeerError;
use crate::ids::{CardId, Epoch, Party, ProcessId, Time, UnitId};
use crate::io::Event;
use crate::message::{
    Ack, AckMac, Broken, Consent, FromStandby, HandOver, Position, Refused, Roster, ToStandby, UnitMessage,
    UnitReport,
};
use crate::wire;
use replica::Replica;

#[derive(Clone, Debug)]
pub(crate) struct Standby {
    /// The newest epoch it was told of.
    pub(crate) epoch: Epoch,
    /// The primary it follows, while connected.
    pub(crate) primary: Option<UnitId>,
    pub(crate) replicas: BTreeMap<ProcessId, Replica>,
    pub(crate) roster: Option<Roster>,
    /// The primary consents to a takeover.
    pub(crate) consent: Option<HandOver>,
    /// Holds, or held in this life, state that was proved equal to a primary's.
    pub(crate) live: bool,
}

impl Standby {
    /// A unit that has just started and holds nothing.
    pub(crate) fn new(context: &Context) -> Self {
        let digest = DigestKey::new(context.chassis.digest_key);
        let replicas = context.process_ids().into_iter().map(|id| (id, Replica::new(id, digest))).collect();
        Self { epoch: Epoch(0), primary: None, replicas, roster: None, consent: None, live: false }
    }

    /// What a primary becomes when its epoch is over: its state is kept, and compared with its successor's. It is `live`
    /// if the record named this life: one that was still recovering holds nothing that the others must wait for.
    pub(crate) fn left_behind(epoch: Epoch, replicas: BTreeMap<ProcessId, Replica>, live: bool) -> Self {
        Self { epoch, primary: None, replicas, roster: None, consent: None, live }
    }

    pub(crate) fn in_sync(&self, context: &Context) -> bool {
        let me = (context.unit, context.life);
        let named = self
            .roster
            .as_ref()
            .is_some_and(|roster| roster.epoch == self.epoch && roster.in_sync.contains(&me));
        named && self.replicas.values().all(|replica| replica.in_step && replica.epoch == self.epoch)
    }

    pub(crate) fn report(&self) -> UnitReport {
        UnitReport { epoch: self.epoch, primary: false, live: self.live, positions: self.positions() }
    }

    fn positions(&self) -> Vec<Position> {
        let positions = self.replicas.values().map(|replica| Position {
            process: replica.process,
            received: replica.received(),
            folded: replica.log.get(replica.folded).map_or(replica.received(), |update| update.version),
            entries: replica.table.entries(),
        });
        positions.collect()
    }

    /// Another unit reports: it may be the primary.
    pub(crate) fn handle_report(&mut self, context: &mut Context, from: UnitId, report: &UnitReport) {
        if report.primary && report.epoch >= self.epoch {
            let news = self.primary != Some(from) || self.epoch != report.epoch;
            self.epoch = report.epoch;
            self.primary = Some(from);
            if news {
                // It decides from where to go on by what this unit says of itself.
                context.send_unit(from, UnitMessage::Report(self.report()));
            }
        } else if self.primary == Some(from) && !report.primary {
            self.primary = None;
        }
    }

    pub(crate) fn handle_lost(&mut self, unit: UnitId) {
        if self.primary == Some(unit) {
            self.primary = None;
            self.consent = None;
        }
    }

    /// The primary says something. Whoever is not the owner of the newest epoch is told so.
    pub(crate) fn handle_primary(
        &mut self,
        context: &mut Context,
        from: UnitId,
        message: ToStandby,
        now: Time,
    ) {
        let epoch = epoch_of(&message);
        if epoch < self.epoch || self.primary != Some(from) {
            if let Some(owner) = self.primary.filter(|_| epoch < self.epoch) {
                context.send_unit(from, UnitMessage::Refused(Refused { promised: self.epoch, owner }));
            }
            return;
        }
        if epoch > self.epoch {
            let error = PeerError::Invalid("an epoch that was not reported");
            context.event(Event::Misbehaved { peer: Party::Unit(from), error });
            return;
        }
        match message {
            ToStandby::Start(start) => {
                if let Some(replica) = self.replicas.get_mut(&start.process) {
                    replica.start(&start);
                }
            }
            ToStandby::Ops(ops) => {
                let (epoch, process, session) = (ops.epoch, ops.process, ops.session);
                let Some(replica) = self.replicas.get_mut(&process) else { return };
                if !replica.current(epoch, session) {
                    return;
                }
                if let Err(at) = replica.take_ops(context.process(process), ops, now) {
                    let broken = FromStandby::Broken(Broken { epoch, process, session, at });
                    context.send_unit(from, UnitMessage::Standby(broken));
                }
            }
            ToStandby::Fill(fill) => {
                if let Some(replica) = self.current(fill.process, fill.epoch, fill.session) {
                    replica.take_fill(fill);
                }
            }
            ToStandby::Ask(ask) => {
                if let Some(replica) = self.current(ask.process, ask.epoch, ask.session) {
                    let tell = FromStandby::Tell(replica.tell(ask));
                    context.send_unit(from, UnitMessage::Standby(tell));
                }
            }
            ToStandby::InStep(step) => {
                if let Some(replica) = self.current(step.process, step.epoch, step.session) {
                    (replica.in_step, replica.astray) = (true, false);
                }
            }
            ToStandby::Roster(roster) => self.roster = Some(roster),
            ToStandby::Relayed(relayed) => self.take_relayed(context, relayed.card, &relayed.ack),
            ToStandby::HandOver(hand_over) => self.take_hand_over(context, from, hand_over),
        }
        self.live |= self.in_sync(context);
    }

    fn current(&mut self, process: ProcessId, epoch: Epoch, session: u32) -> Option<&mut Replica> {
        self.replicas.get_mut(&process).filter(|replica| replica.current(epoch, session))
    }

    /// A card acks directly.
    pub(crate) fn take_ack(&mut self, card: CardId, ack: &Ack) {
        if let Some(replica) = self.replicas.get_mut(&ack.process) {
            replica.take_ack(card, ack);
        }
    }

    /// The primary forwards an ack: taken if the card's own code proves it.
    fn take_relayed(&mut self, context: &mut Context, card: CardId, ack: &Ack) {
        let Some(report) = context.cards.get(&card).filter(|report| report.boot == ack.boot) else { return };
        let code = mac(report.ack_key, &wire::mac_bytes(card, ack));
        if context.chassis.ack_path == AckPath::Relayed
            && ack.macs.contains(&AckMac { unit: context.unit, code })
        {
            self.take_ack(card, ack);
        } else if let Some(primary) = self.primary {
            let error = PeerError::Invalid("a relayed ack whose code is not the card's");
            context.event(Event::Misbehaved { peer: Party::Unit(primary), error });
        }
    }

    fn take_hand_over(&mut self, context: &mut Context, from: UnitId, hand_over: HandOver) {
        let there = hand_over.positions.iter().all(|(process, version)| {
            self.replicas.get(process).is_some_and(|replica| replica.received() == *version)
        });
        // With a card in step that this unit has no link to, the takeover could not prove that the card agrees.
        let linked = self.roster.iter().flat_map(|roster| &roster.in_step).all(|(_, card, life)| {
            context.cards.contains_key(card) && context.links.get(&Party::Card(*card)) == Some(life)
        });
        if there && linked && self.in_sync(context) {
            self.consent = Some(hand_over);
        } else {
            self.decline(context, from, hand_over.consent);
        }
    }

    /// The hand-over cannot go on.
    pub(crate) fn decline(&mut self, context: &mut Context, to: UnitId, consent: Consent) {
        self.consent = None;
        context.send_unit(to, UnitMessage::Standby(FromStandby::Declined(consent)));
    }

    /// Folds what can be folded and tells the primary what was received; called when all inputs at hand were taken.
    pub(crate) fn advance(&mut self, context: &mut Context) {
        for replica in self.replicas.values_mut() {
            if let Some(roster) = self.roster.as_ref().filter(|roster| roster.epoch == replica.epoch) {
                let in_step = roster.in_step.iter().filter(|entry| entry.0 == replica.process);
                let in_step: Vec<CardId> = in_step.map(|(_, card, _)| *card).collect();
                replica.fold(&in_step);
            }
            if let Some(primary) = self.primary
                && core::mem::take(&mut replica.receipt_due)
            {
                let (epoch, process, session) = (replica.epoch, replica.process, replica.session);
                let (upto, consumed) = (replica.received().seq, replica.consumed);
                let received = FromStandby::Received { epoch, process, session, upto, consumed };
                context.send_unit(primary, UnitMessage::Standby(received));
            }
        }
    }

    pub(crate) fn invariants(&self) -> Result<(), &'static str> {
        for replica in self.replicas.values() {
            if replica.folded > replica.received().seq {
                return Err("folded <= received");
            }
            if replica.epoch > self.epoch {
                return Err("no stream is of an epoch that is not known");
            }
        }
        Ok(())
    }
}

fn epoch_of(message: &ToStandby) -> Epoch {
    match message {
        ToStandby::Start(start) => start.epoch,
        ToStandby::Ops(ops) => ops.epoch,
        ToStandby::Fill(fill) => fill.epoch,
        ToStandby::Ask(ask) => ask.epoch,
        ToStandby::InStep(step) => step.epoch,
        ToStandby::Roster(roster) => roster.epoch,
        ToStandby::Relayed(relayed) => relayed.ack.epoch,
        ToStandby::HandOver(hand_over) => hand_over.consent.epoch,
    }
}
