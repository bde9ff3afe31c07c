//! What happens on the way between two parties.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::ids::{CardId, Life, Party, UnitId};
use hitless_proto::message::{FromCard, Message, ToStandby, UnitMessage};

use super::World;
use crate::network::End;

/// Acks that are remembered of one card at one unit.
const ACKS: usize = 16;
/// One ack in so many is remembered, so that some are old.
const ACK_ONE_IN: u64 = 4;

/// Acks that reached a unit, by card and unit.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    heard: BTreeMap<(CardId, UnitId), VecDeque<HeardAck>>,
}

/// An ack, and who brought it in which life: the card, or a primary that relayed it.
type HeardAck = (Party, Life, Message);

/// The card whose ack a message is.
pub(super) fn acker(from: Party, message: &Message) -> Option<CardId> {
    match (message, from) {
        (Message::FromCard(FromCard::Ack(_)), Party::Card(card)) => Some(card),
        (Message::Unit(UnitMessage::Primary(ToStandby::Relayed(relayed))), _) => Some(relayed.card),
        (Message::FromCard(_) | Message::Unit(_) | Message::ToCard(_), _) => None,
    }
}

impl Acks {
    /// A new life of a card does not repeat what the former one said.
    pub(super) fn forget(&mut self, card: CardId) {
        self.heard.retain(|(of, _), _| *of != card);
    }
}

impl World {
    /// Nothing passes between two parties, either way.
    pub fn cut(&mut self, a: Party, b: Party) {
        self.cut_one_way(a, b);
        self.cut_one_way(b, a);
    }

    /// Nothing passes from one party to another.
    pub fn cut_one_way(&mut self, from: Party, to: Party) {
        let now = self.now();
        self.trace.line(now, || format!("cut {from} -> {to}"));
        self.network.cut(from, to, now);
        self.watch(from, to);
    }

    /// Mends a cut, both ways. What waits in a connection that nobody has closed arrives late.
    pub fn mend(&mut self, a: Party, b: Party) {
        self.trace.line(self.clock.now(), || format!("mend {a} - {b}"));
        self.network.mend(a, b);
        self.network.mend(b, a);
        self.resume();
    }

    /// Messages between two parties wait until the link is released, while heartbeats pass: nobody suspects anything.
    pub fn hold_link(&mut self, a: Party, b: Party) {
        self.hold_one_way(a, b);
        self.hold_one_way(b, a);
    }

    /// Messages from one party to another wait.
    pub fn hold_one_way(&mut self, from: Party, to: Party) {
        self.trace.line(self.clock.now(), || format!("hold {from} -> {to}"));
        self.network.hold(from, to);
    }

    /// What waited goes on, in order.
    pub fn release_link(&mut self, a: Party, b: Party) {
        self.trace.line(self.clock.now(), || format!("release {a} - {b}"));
        self.network.release(a, b);
        self.network.release(b, a);
        self.resume();
    }

    /// The connection of two parties is reset: of what is on the way, a part arrives at either end.
    pub fn reset_link(&mut self, a: Party, b: Party) {
        let Some(number) = self.hosts.get(&a).and_then(|host| host.links.get(&b)).copied() else { return };
        self.trace.line(self.clock.now(), || format!("reset {a} - {b}"));
        for end in [End::Dialer, End::Acceptor] {
            let Some(connection) = self.network.connections.get_mut(&number) else { return };
            let pipe = &mut connection.pipes[end as usize];
            let arrive = self.random.below(pipe.parcels.len() as u64 + 1) as usize;
            pipe.cut_off(arrive, &mut self.random);
            self.fin(number, end);
        }
    }

    /// Acks of a card no longer reach a unit (they are dropped on arrival).
    pub fn drop_acks(&mut self, card: CardId, unit: UnitId) {
        self.trace.line(self.clock.now(), || format!("acks of {card} do not reach {unit}"));
        self.network.deaf.insert((card, unit), false);
    }

    /// The next ack of a card does not reach a unit, nor anything behind it on the same connection: no connection loses
    /// something and goes on. Heartbeats pass.
    pub fn lose_tail(&mut self, card: CardId, unit: UnitId) {
        self.trace
            .line(self.clock.now(), || format!("from the next ack on nothing of {card} reaches {unit}"));
        self.network.deaf.insert((card, unit), true);
    }

    /// Acks of a card reach a unit again. For a script: a later ack then makes good what was lost, on the same connection.
    pub fn pass_acks(&mut self, card: CardId, unit: UnitId) {
        self.trace.line(self.clock.now(), || format!("acks of {card} reach {unit}"));
        self.network.deaf.remove(&(card, unit));
    }

    /// Acks of a card reach a unit again, on a new connection: the one in which some were lost is given up, and nothing of it
    /// is taken any more.
    pub(crate) fn pass_acks_anew(&mut self, card: CardId, unit: UnitId) {
        let (from, to) = (Party::Card(card), Party::Unit(unit));
        if let Some(number) = self.hosts.get(&to).and_then(|host| host.links.get(&from)).copied()
            && let Some(connection) = self.network.connections.get(&number)
        {
            self.close(number, connection.end_of(to));
        }
        self.pass_acks(card, unit);
    }

    /// Remembers an ack that reaches a unit.
    pub(super) fn note_ack(&mut self, card: CardId, (from, to): (Party, Party), message: &Message) {
        let (Party::Unit(unit), Some(life)) = (to, self.hosts.get(&from).map(|host| host.life)) else {
            return;
        };
        if !self.random.one_in(ACK_ONE_IN) {
            return;
        }
        let heard = self.acks.heard.entry((card, unit)).or_default();
        if heard.len() == ACKS {
            heard.pop_front();
        }
        heard.push_back((from, life, message.clone()));
    }

    /// An ack that this life of a card sent, and that reached the unit before, perhaps before a takeover, reaches it again.
    /// `false`: there is none, or who brought it has no link with the unit any more.
    ///
    /// No TCP connection repeats or reorders. But acks are said again on every new connection, and a relayed one may come by a
    /// former primary and by the new one; so nothing may hang on their coming once and in order.
    pub fn repeat_ack(&mut self, card: CardId, unit: UnitId) -> bool {
        let to = Party::Unit(unit);
        let Some(heard) = self.acks.heard.get(&(card, unit)) else { return false };
        let Some((from, life, message)) = heard.get(self.random.below(heard.len() as u64) as usize).cloned()
        else {
            return false;
        };
        let linked = self.lives(from, life) && self.is_up(to) && self.has_heard(to, from);
        if linked {
            self.trace.line(self.clock.now(), || format!("an ack of {card} reaches {unit} again"));
            self.receive(from, to, message);
        }
        linked
    }

    /// Something came already on the connection of two parties: the report, which comes first.
    fn has_heard(&self, party: Party, from: Party) -> bool {
        let number = self.hosts.get(&party).and_then(|host| host.links.get(&from));
        let connection = number.and_then(|number| self.network.connections.get(number));
        connection.is_some_and(|of| of.pipes[of.end_of(party) as usize].inflow.has_taken())
    }

    /// One bit of what is on the way, or else of what is sent next, is flipped. `false`: there is no link.
    pub fn flip_bit(&mut self, from: Party, to: Party) -> bool {
        let number = self.hosts.get(&from).and_then(|host| host.links.get(&to)).copied();
        let Some(connection) = number.and_then(|number| self.network.connections.get_mut(&number)) else {
            return false;
        };
        let end = connection.end_of(to);
        connection.pipes[end as usize].flip(&mut self.random);
        self.trace.line(self.clock.now(), || format!("a bit is flipped {from} -> {to}"));
        true
    }

    /// The dialer of a pair dials although it has a link: two connections of one peer. The newer one wins, at either end when
    /// it hears of it; what is still on the way in the older one is not taken any more. `false`: one of them cannot.
    pub fn dial_twice(&mut self, a: Party, b: Party) -> bool {
        let pair = self.pairs().into_iter().find(|pair| *pair == (a, b) || *pair == (b, a));
        let Some((dialer, acceptor)) = pair else { return false };
        self.trace.line(self.clock.now(), || format!("{dialer} dials {acceptor} again"));
        self.try_dial(dialer, acceptor)
    }

    /// Chunks that arrived in connections that their receiver had given up, and that nobody took.
    #[must_use]
    pub fn late_chunks(&self) -> u64 {
        self.network.late
    }
}
