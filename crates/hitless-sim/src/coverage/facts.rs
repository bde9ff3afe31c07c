//! What the parties have sent and heard, as far as moments and observed faults need it.

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, Time, UnitId, Version};
use hitless_proto::plan::ChannelPlan;

use super::Victim;

/// How far an owner has brought a follower in one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Channel {
    pub(crate) session: u32,
    /// The last op that was sent.
    pub(crate) sent: Seq,
    pub(crate) in_step: bool,
    /// A difference was found: it is looked for, or filled.
    pub(crate) differs: bool,
    /// Entries were sent that the follower lacks.
    pub(crate) filling: bool,
}

/// What an owner replays on one channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replay {
    /// Keys that were not sent yet.
    pub(crate) left: BTreeSet<Blob>,
    /// The last op that names one of them, and up to where the card has answered.
    pub(crate) upto: Seq,
    pub(crate) acked: Seq,
}

impl Replay {
    pub(crate) fn under_way(&self) -> bool {
        !self.left.is_empty() || self.acked < self.upto
    }
}

/// One ack, as a unit took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Acked {
    pub(crate) epoch: Epoch,
    pub(crate) session: u32,
    pub(crate) applied: Seq,
}

/// What it asked of the arbiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An epoch, at that time.
    Claim(Time),
    /// A change of the record: its epoch and version.
    Write(Epoch, u32),
}

/// A unit in its present life.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnitFacts {
    /// As it was told last.
    pub(crate) role: Option<Victim>,
    pub(crate) epoch: Epoch,
    /// As owner of `epoch`.
    pub(crate) channels: BTreeMap<(ProcessId, Party), Channel>,
    /// Cards it has claimed: whether they promised.
    pub(crate) claims: BTreeMap<CardId, bool>,
    pub(crate) replays: BTreeMap<(ProcessId, CardId), Replay>,
    pub(crate) relayed: BTreeMap<(ProcessId, CardId, UnitId), Seq>,
    pub(crate) told: BTreeMap<ProcessId, (Seq, Seq)>,
    pub(crate) handed_over: bool,
    pub(crate) asked: Option<Asked>,
    /// Votes for it that are on their way.
    pub(crate) answers: u32,
    pub(crate) acks: BTreeMap<(ProcessId, CardId), Acked>,
    /// The last update that it was sent, as a follower.
    pub(crate) received: BTreeMap<ProcessId, Version>,
    pub(crate) stable: BTreeMap<ProcessId, Seq>,
    /// The newest op of former epochs that its epoch kept.
    pub(crate) keep: BTreeMap<ProcessId, (Epoch, Seq)>,
}

impl UnitFacts {
    /// Acts in a new epoch: what was of the old one is over.
    pub(crate) fn enter(&mut self, epoch: Epoch) {
        if epoch <= self.epoch {
            return;
        }
        *self = Self {
            role: self.role,
            epoch,
            acks: std::mem::take(&mut self.acks),
            received: std::mem::take(&mut self.received),
            ..Self::default()
        };
    }

    pub(crate) fn plan(&mut self, plan: &ChannelPlan) {
        let replay = self.replays.entry((plan.process, plan.card)).or_default();
        replay.left.extend(plan.replay.iter().cloned());
    }
}

/// A card in its present life.
#[derive(Clone, Debug, Default)]
pub(crate) struct CardFacts {
    pub(crate) promised: Epoch,
    /// Was in step since it started.
    pub(crate) in_step: bool,
    /// Processes whose table has changed since their last ack.
    pub(crate) unacked: BTreeSet<ProcessId>,
}

/// All parties.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) units: BTreeMap<UnitId, UnitFacts>,
    pub(crate) cards: BTreeMap<CardId, CardFacts>,
    /// The last op that reached a follower.
    pub(crate) reached: BTreeMap<(ProcessId, Party), Version>,
    /// Whose life it is or was.
    pub(crate) lives: BTreeMap<Life, Party>,
    /// What each party was when it died last.
    pub(crate) died_as: BTreeMap<Party, Victim>,
    /// Cards that were in step in some life.
    pub(crate) served: BTreeSet<CardId>,
    /// The last unit that opened an epoch.
    pub(crate) primary: Option<UnitId>,
    /// When an epoch was granted last.
    pub(crate) granted_at: Time,
}

impl Facts {
    pub(crate) fn unit(&mut self, unit: UnitId) -> &mut UnitFacts {
        self.units.entry(unit).or_default()
    }

    pub(crate) fn card(&mut self, card: CardId) -> &mut CardFacts {
        self.cards.entry(card).or_default()
    }

    /// A party begins a new life.
    pub(crate) fn started(&mut self, party: Party, life: Life) {
        self.lives.insert(life, party);
        self.reached.retain(|(_, of), _| *of != party);
        match party {
            Party::Unit(unit) => *self.unit(unit) = UnitFacts::default(),
            Party::Card(card) => *self.card(card) = CardFacts::default(),
        }
    }

    /// The channels of `party` as a follower, at whoever is alive.
    pub(crate) fn following(&self, party: Party) -> impl Iterator<Item = &Channel> {
        let channels = self.units.values().flat_map(|unit| &unit.channels);
        channels.filter(move |((_, of), _)| *of == party).map(|(_, channel)| channel)
    }
}
