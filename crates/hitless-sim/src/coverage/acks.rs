//! Faults of acks that happen by themselves: seen where a unit takes an ack.

use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::message::Ack;

use super::facts::Acked;
use super::witness::Witness;
use super::{Row, Victim};
use crate::world::World;

impl Witness {
    /// A unit takes an ack, from the card or relayed.
    pub(crate) fn took_ack(&mut self, world: &World, unit: UnitId, (card, ack): (CardId, &Ack)) {
        let Some(victim) = Victim::of(world, Party::Unit(unit)) else { return };
        let epoch = world.epochs.get(&unit).copied().unwrap_or_default();
        let stable = self.facts.stable(unit, ack.process);
        let facts = self.facts.unit(unit);
        let now = Acked { epoch: ack.epoch, session: ack.session, applied: ack.applied };
        let last = facts.acks.entry((ack.process, card)).or_default();
        let late = now < *last;
        *last = now.max(*last);
        if let Some(replay) = facts.replays.get_mut(&(ack.process, card))
            && ack.epoch == facts.epoch
        {
            replay.acked = replay.acked.max(ack.applied);
        }
        let session = facts.channels.get(&(ack.process, Party::Card(card))).map(|channel| channel.session);
        let old = ack.epoch < epoch || session.is_some_and(|session| ack.session < session);
        let dropped = facts
            .keep
            .get(&ack.process)
            .is_some_and(|(of, keep)| *of == epoch && ack.epoch < epoch && ack.applied > *keep);
        let received = facts.received.get(&ack.process);
        let early = victim == Victim::STANDBY
            && ack.epoch == epoch
            && received.is_some_and(|received| ack.applied > received.seq);
        let seen = [
            (Row::AckOutOfOrder, late),
            (Row::AckOfOldChannel, old),
            (Row::AckOfDroppedOp, dropped),
            (Row::AckBeforeUpdate, early),
            (Row::AckBelowStable, !old && ack.applied < stable),
        ];
        seen.into_iter().filter(|(_, seen)| *seen).for_each(|(row, _)| self.coverage.hit(row, victim));
    }
}
