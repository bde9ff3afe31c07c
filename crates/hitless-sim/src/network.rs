//! Connections between parties: ordered while they last, and lost as connections are lost.
//!
//! Nothing is ever reordered or repeated within a connection, as TCP guarantees. What is sent may be delayed without
//! bound, arrive torn and merged, be cut off after any byte, or come long after the other end gave the connection up.

mod pipe;

use std::collections::{BTreeMap, BTreeSet};

use hitless_proto::ids::{CardId, Life, Party, Time, UnitId};

pub(crate) use pipe::{Inflow, Parcel, Pipe};

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Dialer = 0,
    Acceptor = 1,
}

impl End {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Acceptor,
            Self::Acceptor => Self::Dialer,
        }
    }
}

/// A connection, from dial to the close of its second end.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) parties: [Party; 2],
    pub(crate) lives: [Life; 2],
    pub(crate) open: [bool; 2],
    /// The dialer has heard of it, or never will: only then can the connection be over.
    pub(crate) established: bool,
    /// Something that its card sent was lost: nothing that comes behind is taken.
    pub(crate) torn_off: bool,
    /// Towards each end.
    pub(crate) pipes: [Pipe; 2],
}

impl Connection {
    pub(crate) fn party(&self, end: End) -> Party {
        self.parties[end as usize]
    }

    pub(crate) fn life(&self, end: End) -> Life {
        self.lives[end as usize]
    }

    pub(crate) fn is_open(&self, end: End) -> bool {
        self.open[end as usize]
    }

    /// Both ends have closed it, and nothing is on the way any more.
    pub(crate) fn is_over(&self) -> bool {
        let empty = self.pipes.iter().all(|pipe| pipe.parcels.is_empty());
        self.established && self.open == [false, false] && empty
    }

    pub(crate) fn end_of(&self, party: Party) -> End {
        if self.parties[0] == party { End::Dialer } else { End::Acceptor }
    }
}

/// All connections, and what is done to them.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) connections: BTreeMap<u64, Connection>,
    dialed: u64,
    /// Directions in which nothing passes, heartbeats neither, and since when.
    cuts: BTreeMap<(Party, Party), Time>,
    /// Directions in which messages wait, while heartbeats pass.
    holds: BTreeSet<(Party, Party)>,
    /// Cards whose acks a unit does not get; `true`: nor what comes behind them on the same connection.
    pub(crate) deaf: BTreeMap<(CardId, UnitId), bool>,
    /// One frame in so many is torn or merged; 0: none.
    pub(crate) torn: u64,
    /// Chunks that came on a connection that its receiver had given up.
    pub(crate) late: u64,
}

impl Network {
    /// One frame in `torn` is torn or merged; 0: none.
    pub(crate) fn new(torn: u64) -> Self {
        Self { torn, ..Self::default() }
    }

    pub(crate) fn dial(&mut self, parties: [Party; 2], lives: [Life; 2]) -> u64 {
        self.dialed += 1;
        let pipes = [Pipe::default(), Pipe::default()];
        self.connections.insert(
            self.dialed,
            Connection { parties, lives, open: [false, false], established: false, torn_off: false, pipes },
        );
        self.dialed
    }

    pub(crate) fn cut(&mut self, from: Party, to: Party, now: Time) {
        self.cuts.entry((from, to)).or_insert(now);
    }

    pub(crate) fn mend(&mut self, from: Party, to: Party) {
        self.cuts.remove(&(from, to));
    }

    pub(crate) fn hold(&mut self, from: Party, to: Party) {
        self.holds.insert((from, to));
    }

    pub(crate) fn release(&mut self, from: Party, to: Party) {
        self.holds.remove(&(from, to));
    }

    pub(crate) fn cut_since(&self, from: Party, to: Party) -> Option<Time> {
        self.cuts.get(&(from, to)).copied()
    }

    pub(crate) fn cuts(&self) -> Vec<(Party, Party)> {
        self.cuts.keys().copied().collect()
    }

    pub(crate) fn holds(&self) -> Vec<(Party, Party)> {
        self.holds.iter().copied().collect()
    }

    /// Whether messages pass.
    pub(crate) fn passes(&self, from: Party, to: Party) -> bool {
        !self.cuts.contains_key(&(from, to)) && !self.holds.contains(&(from, to))
    }

    /// Whether a dial can succeed.
    pub(crate) fn reachable(&self, a: Party, b: Party) -> bool {
        !self.cuts.contains_key(&(a, b)) && !self.cuts.contains_key(&(b, a))
    }
}
