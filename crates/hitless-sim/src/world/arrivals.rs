//! What arrives: bytes first, and of them messages.

use hitless_proto::ids::Party;
use hitless_proto::message::{FromCard, Message};

use super::wires::acker;
use super::{Happening, World};
use crate::checkers::Seen;
use crate::coverage::Row;
use crate::network::{Connection, End, Inflow, Parcel};
use crate::process::Machine;

/// A frame that was begun and is not complete by then never will be: its link is closed. As in production, in microseconds.
const FRAME_TIMEOUT: u64 = 30_000_000;

impl World {
    /// Puts the first parcel of a pipe into the calendar, if it can arrive at all.
    pub(super) fn plan_arrival(&mut self, number: u64, to: End) {
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (from, party) = (connection.party(to.other()), connection.party(to));
        let frozen = self.hosts.get(&party).is_some_and(|host| host.frozen.is_some());
        let passes = !frozen && self.network.passes(from, party);
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        // Before the dialer has heard of the connection, nothing arrives at it.
        let reached = connection.established || to == End::Acceptor;
        let pipe = &mut connection.pipes[to as usize];
        if pipe.planned || !passes || !reached {
            return;
        }
        if let Some((at, _)) = pipe.parcels.front() {
            pipe.planned = true;
            self.clock.plan(*at, Happening::Arrive { connection: number, to });
        }
    }

    pub(super) fn arrive(&mut self, number: u64, to: End) {
        let now = self.now();
        let Some(connection) = self.network.connections.get(&number) else { return };
        let (from, party) = (connection.party(to.other()), connection.party(to));
        let (life, open) = (connection.life(to), connection.is_open(to));
        let sender = connection.life(to.other());
        let frozen = self.hosts.get(&party).is_some_and(|host| host.frozen.is_some());
        let passes = self.network.passes(from, party);
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let pipe = &mut connection.pipes[to as usize];
        pipe.planned = false;
        if frozen || !passes || pipe.parcels.front().is_none_or(|(at, _)| *at > now) {
            return self.plan_arrival(number, to);
        }
        let Some((_, parcel)) = pipe.parcels.pop_front() else { return };
        match parcel {
            Parcel::Fin => {
                if open && pipe.inflow.is_mid_frame() {
                    self.count_mid_frame(from, sender);
                    self.trace.line(now, || format!("{party}: {from} ended in the middle of a frame"));
                }
                self.close(number, to);
            }
            Parcel::Chunk(chunk) => {
                if open && self.lives(party, life) {
                    self.read(number, to, &chunk);
                } else {
                    self.network.late += 1;
                    self.trace.line(now, || format!("{party}: {} bytes of {from}, too late", chunk.len()));
                }
            }
        }
        if self.network.connections.get(&number).is_some_and(Connection::is_over) {
            self.network.connections.remove(&number);
        }
        self.plan_arrival(number, to);
    }

    /// Bytes reach the framing of an open end: it gives whole messages, waits for more, or refuses the stream.
    fn read(&mut self, number: u64, to: End, chunk: &[u8]) {
        let now = self.now();
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let (from, party) = (connection.party(to.other()), connection.party(to));
        let mut inflow = std::mem::take(&mut connection.pipes[to as usize].inflow);
        inflow.push(chunk);
        let end = loop {
            match inflow.next() {
                Ok(Some(message)) => self.deliver((number, &inflow), (from, party), message),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let (under_way, watched) = (inflow.is_mid_frame(), inflow.watched);
        if under_way && end.is_ok() {
            self.hit(Row::TornFrames, party);
            inflow.begun = inflow.begun.or(Some(now));
            inflow.watched = true;
        }
        let damaged = inflow.is_damaged();
        if let Some(connection) = self.network.connections.get_mut(&number) {
            connection.pipes[to as usize].inflow = inflow;
        }
        match end {
            Ok(()) if under_way && !watched => {
                let at = now.after(FRAME_TIMEOUT);
                self.clock.plan(at, Happening::FrameDue { connection: number, to });
            }
            Ok(()) => {}
            Err(error) if damaged => {
                self.hit(Row::FlippedBit, party);
                self.trace.line(now, || format!("{party}: what {from} sent is not the protocol: {error}"));
                self.close(number, to);
            }
            Err(error) => self.fail("wire", format!("{from} to {party}: {error}")),
        }
    }

    /// Whether a frame that was begun has come to its end in time.
    pub(super) fn frame_due(&mut self, number: u64, to: End) {
        let now = self.now();
        let Some(connection) = self.network.connections.get_mut(&number) else { return };
        let party = connection.party(to);
        let inflow = &mut connection.pipes[to as usize].inflow;
        inflow.watched = false;
        let Some(begun) = inflow.begun else { return };
        if now.since(begun) >= FRAME_TIMEOUT {
            self.trace.line(now, || format!("{party}: a frame was not complete in time"));
            return self.close(number, to);
        }
        inflow.watched = true;
        self.clock.plan(begun.after(FRAME_TIMEOUT), Happening::FrameDue { connection: number, to });
    }

    /// A message was read from the stream of a connection.
    fn deliver(&mut self, (number, inflow): (u64, &Inflow), (from, to): (Party, Party), message: Message) {
        if inflow.took_damage() {
            return self.fail("wire", format!("{from} to {to}: a flipped bit became {message:?}"));
        }
        if self.hosts.get(&to).and_then(|host| host.links.get(&from)) != Some(&number) {
            return self.fail("wire", format!("{from} to {to}: of a former connection: {message:?}"));
        }
        if self.is_lost(number, (from, to), &message) {
            return;
        }
        if let Some(card) = acker(from, &message) {
            self.note_ack(card, (from, to), &message);
        }
        self.receive(from, to, message);
    }

    /// Acks of a card that a unit does not get, and what comes behind them.
    fn is_lost(&mut self, number: u64, (from, to): (Party, Party), message: &Message) -> bool {
        let (Party::Card(card), Party::Unit(unit)) = (from, to) else { return false };
        let Some(with_tail) = self.network.deaf.get(&(card, unit)).copied() else { return false };
        let is_ack = matches!(message, Message::FromCard(FromCard::Ack(_)));
        if is_ack {
            self.hit(Row::AckLost, to);
        }
        let Some(connection) = self.network.connections.get_mut(&number) else { return is_ack };
        connection.torn_off |= is_ack && with_tail;
        is_ack || connection.torn_off
    }

    /// The core is given a message.
    pub(super) fn receive(&mut self, from: Party, to: Party, message: Message) {
        self.trace.line(self.clock.now(), || format!("{to} from {from}: {message:?}"));
        self.see(&Seen::Delivered { to, message: &message });
        self.tell(to, |machine, now| match (machine, message, from) {
            (Machine::Unit(unit), message, _) => unit.handle_message(from, message, now),
            (Machine::Card(card), Message::ToCard(message), Party::Unit(unit)) => {
                card.handle_message(unit, message);
            }
            (Machine::Card(_), Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_), _) => {}
        });
    }
}
