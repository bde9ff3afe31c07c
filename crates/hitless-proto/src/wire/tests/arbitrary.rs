//! Any message, made of random bytes: what shrinks the bytes shrinks the message.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::arbiter::{Record, VoterState};
use crate::digest::Sum;
use crate::entry::{Audience, Blob, CardContent, CardOp, Content, Cookie, Origin, Update};
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, UnitId, Version};
use crate::io::Durable;
use crate::limits::{MAX_CARDS, MAX_UNITS};
use crate::message::*;
use crate::wire::Wire;

/// Random choices; zeros when used up.
pub(super) struct Dice<'a>(&'a [u8]);

impl<'a> Dice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit
    }

    /// Small, 32-bit, any, or at the end of the range.
    fn number(&mut self) -> u64 {
        let wide = |dice: &mut Self| (0..8).fold(0, |n, _| n << 8 | u64::from(dice.byte()));
        match self.byte() % 8 {
            0..=4 => u64::from(self.byte()),
            5 => wide(self) >> 32,
            6 => wide(self),
            _ => u64::MAX - u64::from(self.byte()),
        }
    }

    fn number32(&mut self) -> u32 {
        self.number() as u32
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.number()) << 64 | u128::from(self.number())
    }

    fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(most + 1);
        (0..count).map(|_| one(self)).collect()
    }

    /// Short and like the ones before, or long with a beginning that long ones share.
    fn bytes(&mut self, most: usize) -> Blob {
        let shared = match self.byte() {
            0..=199 => 0,
            200..=247 => self.below(40),
            _ => self.below(most),
        };
        let mut bytes = alloc::vec![7; shared];
        bytes.extend(self.some(most.min(9), |dice| dice.byte() % 4));
        bytes.truncate(most);
        Blob::new(&bytes)
    }

    fn text(&mut self) -> String {
        self.some(12, |dice| ['a', 'é', ' ', '漢'][dice.below(4)]).into_iter().collect()
    }

    fn epoch(&mut self) -> Epoch {
        Epoch(self.number32())
    }

    fn version(&mut self) -> Version {
        Version { epoch: self.epoch(), seq: Seq(self.number()) }
    }

    fn process(&mut self) -> ProcessId {
        ProcessId(self.number() as u16)
    }

    fn unit(&mut self) -> UnitId {
        UnitId(1 + self.below(MAX_UNITS) as u8)
    }

    fn owner(&mut self) -> UnitId {
        UnitId(self.below(MAX_UNITS + 1) as u8)
    }

    fn card(&mut self) -> CardId {
        CardId(1 + self.below(MAX_CARDS) as u16)
    }

    fn life(&mut self) -> Life {
        Life(self.number())
    }

    fn sum(&mut self) -> Sum {
        Sum(self.wide())
    }

    fn per_process<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<(ProcessId, T)> {
        let mut list: Vec<(ProcessId, T)> = self.some(4, |dice| (dice.process(), one(dice)));
        list.sort_by_key(|(process, _)| *process);
        list.dedup_by_key(|(process, _)| *process);
        list
    }

    fn in_sync(&mut self) -> Vec<(UnitId, Life)> {
        let mut list = self.some(MAX_UNITS, |dice| (dice.unit(), dice.life()));
        list.sort();
        list.dedup_by_key(|(unit, _)| *unit);
        list
    }

    fn ascending(&mut self, most: usize) -> Vec<u32> {
        let mut list = self.some(most, Self::number32);
        list.sort_unstable();
        list.dedup();
        list
    }

    fn audience(&mut self) -> Audience {
        match self.byte() % 3 {
            0 | 1 => Audience::All,
            _ => Audience::cards(self.some(6, Self::card)),
        }
    }

    fn cookie(&mut self) -> Cookie {
        match self.byte() % 4 {
            0 | 1 => Cookie::Key,
            2 => Cookie::None,
            _ => Cookie::Bytes(self.bytes(1024)),
        }
    }

    fn card_content(&mut self) -> CardContent {
        CardContent { part: self.bytes(2000), for_all: self.flag() }
    }

    fn card_op(&mut self) -> CardOp {
        CardOp {
            version: self.version(),
            key: self.bytes(1024),
            content: (self.byte() % 4 != 3).then(|| self.card_content()),
            cookie: self.cookie(),
        }
    }

    fn content(&mut self) -> Content {
        Content {
            audience: self.audience(),
            card_part: self.bytes(2000),
            standby_part: (self.byte() % 4 != 3).then(|| self.bytes(2000)),
        }
    }

    fn update(&mut self) -> Update {
        let content = (self.byte() % 4 != 3).then(|| self.content());
        let narrowed = self.byte() % 4 == 3;
        let to = match &content {
            Some(content) if !narrowed => content.audience.clone(),
            Some(_) | None => self.audience(),
        };
        let origins = [Origin::Source, Origin::Replay, Origin::Adopt, Origin::Retry, Origin::Repair];
        Update {
            version: self.version(),
            key: self.bytes(1024),
            content,
            to,
            cookie: self.cookie(),
            origin: origins[self.below(16).saturating_sub(11)],
        }
    }

    /// Ascending versions, from above `prev`.
    fn rising(&mut self, prev: Seq, count: usize) -> Vec<Version> {
        let mut seq = prev;
        let mut epoch = self.epoch();
        (0..count)
            .map_while(|_| {
                let step = if self.byte() % 4 == 3 { self.number().max(1) } else { 1 };
                seq = Seq(seq.0.checked_add(step)?);
                if self.byte() % 8 == 7 {
                    epoch = self.epoch();
                }
                Some(Version { epoch, seq })
            })
            .collect()
    }

    fn nack(&mut self) -> Nack {
        Nack { version: self.version(), cookie: self.cookie(), key: self.bytes(1024), reason: self.text() }
    }

    fn ack(&mut self) -> Ack {
        let mut macs = self.some(MAX_UNITS, |dice| AckMac { unit: dice.unit(), code: dice.wide() });
        macs.sort_by_key(|mac| mac.unit);
        macs.dedup_by_key(|mac| mac.unit);
        Ack {
            epoch: self.epoch(),
            process: self.process(),
            session: self.number32(),
            boot: self.life(),
            applied: Seq(self.number()),
            cookie: self.cookie(),
            nacks: self.some(5, Self::nack),
            consumed: self.number(),
            macs,
        }
    }

    fn record(&mut self) -> Record {
        Record {
            epoch: self.epoch(),
            version: self.number32(),
            owner: self.owner(),
            opened: self.flag(),
            in_sync: self.in_sync(),
        }
    }

    fn ballot(&mut self) -> Ballot {
        Ballot { epoch: self.epoch(), unit: self.owner() }
    }

    fn start(&mut self) -> Start {
        Start {
            epoch: self.epoch(),
            process: self.process(),
            session: self.number32(),
            base: self.version(),
            keep: self.version(),
        }
    }

    fn ask(&mut self) -> Ask {
        let question = match self.byte() % 3 {
            0 => Question::Root,
            1 => Question::Children { level: self.byte(), nodes: self.ascending(128) },
            _ => Question::Leaves { leaves: self.ascending(16), with_parts: self.flag() },
        };
        Ask { epoch: self.epoch(), process: self.process(), session: self.number32(), question }
    }

    fn leaf_entry(&mut self) -> LeafEntry {
        let deleted = self.byte() % 4 == 3;
        LeafEntry {
            key: self.bytes(1024),
            version: self.version(),
            sum: self.sum(),
            failed: self.flag(),
            deleted,
            content: (self.flag() && !deleted).then(|| self.card_content()),
        }
    }

    fn tell(&mut self) -> Tell {
        let answer = match self.byte() % 3 {
            0 => Answer::Root { sum: self.sum(), entries: self.number() },
            1 => Answer::Children(self.some(5, |dice| [(); 16].map(|()| dice.sum()))),
            _ => Answer::Leaves(self.some(4, |dice| dice.some(5, Self::leaf_entry))),
        };
        Tell { epoch: self.epoch(), process: self.process(), session: self.number32(), answer }
    }

    fn in_step(&mut self) -> InStep {
        InStep { epoch: self.epoch(), process: self.process(), session: self.number32() }
    }

    fn broken(&mut self) -> Broken {
        Broken {
            epoch: self.epoch(),
            process: self.process(),
            session: self.number32(),
            at: Seq(self.number()),
        }
    }

    fn refused(&mut self) -> Refused {
        Refused { promised: self.epoch(), owner: self.owner() }
    }

    fn vote_request(&mut self) -> VoteRequest {
        match self.byte() % 3 {
            0 => VoteRequest::Poll,
            1 => VoteRequest::Ballot { ballot: self.ballot(), consented: self.flag() },
            _ => VoteRequest::Write(self.record()),
        }
    }

    fn vote_reply(&mut self) -> VoteReply {
        match self.byte() % 4 {
            0 => VoteReply::Poll(Poll {
                hears_primary: self.flag(),
                promised: self.ballot(),
                accepted: self.record(),
            }),
            1 => VoteReply::Promised { ballot: self.ballot(), accepted: self.record() },
            2 => VoteReply::Accepted { epoch: self.epoch(), version: self.number32() },
            _ => VoteReply::Refused { promised: self.ballot(), epoch: self.epoch() },
        }
    }

    fn card_message(&mut self) -> ToCard {
        match self.byte() % 7 {
            0 => {
                let unit = self.unit();
                ToCard::Claim(Claim { epoch: self.epoch(), unit, received: self.per_process(Self::version) })
            }
            1 => ToCard::Start(self.start()),
            2 => {
                let prev = Seq(self.number());
                let versions = self.below(9);
                let ops = self.rising(prev, versions);
                ToCard::Ops(CardOps {
                    epoch: self.epoch(),
                    process: self.process(),
                    session: self.number32(),
                    stable: Seq(self.number()),
                    prev,
                    ops: ops.into_iter().map(|version| CardOp { version, ..self.card_op() }).collect(),
                })
            }
            3 => ToCard::Fill(self.fill(Self::card_op)),
            4 => ToCard::Ask(self.ask()),
            5 => ToCard::InStep(self.in_step()),
            _ => ToCard::Vote(self.vote_request()),
        }
    }

    fn fill<E>(&mut self, one: impl FnMut(&mut Self) -> E) -> Fill<E> {
        Fill {
            epoch: self.epoch(),
            process: self.process(),
            session: self.number32(),
            entries: self.some(8, one),
        }
    }

    fn channel_answer(&mut self) -> ChannelAnswer {
        if self.flag() {
            return ChannelAnswer::Unknown;
        }
        ChannelAnswer::Known {
            applied: self.version(),
            nacks: self.some(4, Self::nack),
            orphans: self.some(4, Self::card_op),
        }
    }

    fn card_report(&mut self) -> CardReport {
        let channels = self.per_process(|dice| (dice.version(), dice.number())).into_iter();
        CardReport {
            boot: self.life(),
            promised: self.epoch(),
            owner: self.owner(),
            ack_key: self.wide(),
            channels: channels
                .map(|(process, (proved, entries))| ChannelReport { process, proved, entries })
                .collect(),
        }
    }

    fn card_answer(&mut self) -> FromCard {
        match self.byte() % 7 {
            0 => FromCard::Report(self.card_report()),
            1 => FromCard::Promise(Promise {
                epoch: self.epoch(),
                boot: self.life(),
                channels: self.per_process(Self::channel_answer),
            }),
            2 => FromCard::Refused(self.refused()),
            3 => FromCard::Ack(self.ack()),
            4 => FromCard::Tell(self.tell()),
            5 => FromCard::Broken(self.broken()),
            _ => FromCard::Vote(self.vote_reply()),
        }
    }

    fn standby_message(&mut self) -> ToStandby {
        match self.byte() % 8 {
            0 => ToStandby::Start(self.start()),
            1 => {
                let prev = Seq(self.number());
                let versions = self.below(9);
                let ops = self.rising(prev, versions);
                ToStandby::Ops(UnitOps {
                    epoch: self.epoch(),
                    process: self.process(),
                    session: self.number32(),
                    stable: Seq(self.number()),
                    prev,
                    ops: ops
                        .into_iter()
                        .map(|version| Arc::new(Update { version, ..self.update() }))
                        .collect(),
                })
            }
            2 => ToStandby::Fill(self.fill(Self::update)),
            3 => ToStandby::Ask(self.ask()),
            4 => ToStandby::InStep(self.in_step()),
            5 => {
                let mut in_step = self.some(9, |dice| (dice.process(), dice.card(), dice.life()));
                in_step.sort();
                in_step.dedup_by_key(|(process, card, _)| (*process, *card));
                ToStandby::Roster(Roster { epoch: self.epoch(), in_step, in_sync: self.in_sync() })
            }
            6 => ToStandby::Relayed(RelayedAck { card: self.card(), ack: self.ack() }),
            _ => ToStandby::HandOver(HandOver {
                consent: Consent { epoch: self.epoch() },
                positions: self.per_process(Self::version),
            }),
        }
    }

    fn standby_answer(&mut self) -> FromStandby {
        match self.byte() % 4 {
            0 => FromStandby::Received {
                epoch: self.epoch(),
                process: self.process(),
                session: self.number32(),
                upto: Seq(self.number()),
                consumed: self.number(),
            },
            1 => FromStandby::Tell(self.tell()),
            2 => FromStandby::Broken(self.broken()),
            _ => FromStandby::Declined(Consent { epoch: self.epoch() }),
        }
    }

    fn unit_report(&mut self) -> UnitReport {
        let positions = self.per_process(|dice| (dice.version(), dice.version(), dice.number())).into_iter();
        UnitReport {
            epoch: self.epoch(),
            primary: self.flag(),
            live: self.flag(),
            positions: positions
                .map(|(process, (received, folded, entries))| Position { process, received, folded, entries })
                .collect(),
        }
    }

    fn unit_message(&mut self) -> UnitMessage {
        match self.byte() % 12 {
            0 => UnitMessage::Report(self.unit_report()),
            1 => UnitMessage::Vote(self.vote_request()),
            2 => UnitMessage::Voted(self.vote_reply()),
            3 => UnitMessage::Refused(self.refused()),
            4..=8 => UnitMessage::Primary(self.standby_message()),
            _ => UnitMessage::Standby(self.standby_answer()),
        }
    }

    pub(super) fn message(&mut self) -> Message {
        match self.byte() % 3 {
            0 => Message::ToCard(self.card_message()),
            1 => Message::FromCard(self.card_answer()),
            _ => Message::Unit(self.unit_message()),
        }
    }

    pub(super) fn wire(&mut self) -> Wire {
        match self.byte() % 16 {
            0 => Wire::Hello(Hello {
                chassis: self.text(),
                party: if self.flag() { Party::Unit(self.unit()) } else { Party::Card(self.card()) },
                life: self.life(),
                purpose: if self.flag() { Purpose::Protocol } else { Purpose::Liveness },
            }),
            1 => Wire::Goodbye { reason: self.text() },
            2 => Wire::Heartbeat { counter: self.number() },
            _ => Wire::Message(self.message()),
        }
    }

    pub(super) fn durable(&mut self) -> Durable {
        Durable {
            promised: self.epoch(),
            owner: self.owner(),
            voter: VoterState { promised: self.ballot(), accepted: self.record() },
        }
    }
}

/// Keeps `Box<[CardId]>` out of the golden files.
pub(super) fn cards<const N: usize>(cards: [u16; N]) -> Audience {
    Audience::Cards(Box::from(cards.map(CardId)))
}
