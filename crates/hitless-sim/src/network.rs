//! Connections between parties: ordered while they last, and lost as connections are lost.
//!
//! Nothing is ever reordered or repeated within a connection, as TCP guarantees. What is sent may be delayed without
//! bound, cut off after any prefix, or delivered long after the other end gave the connection up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hitless_proto::ids::{Life, Party, Time};

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// The body of one frame.
    Frame(Vec<u8>),
    /// The other end is closed.
    Fin,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) parcels: VecDeque<(Time, Parcel)>,
    /// An arrival is in the calendar.
    pub(crate) planned: bool,
    /// Nothing arrives before the latest that was sent before it.
    pub(crate) latest: Time,
}

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
    /// Directions in which acks are lost.
    pub(crate) deaf: BTreeSet<(Party, Party)>,
}

impl Network {
    pub(crate) fn dial(&mut self, parties: [Party; 2], lives: [Life; 2]) -> u64 {
        self.dialed += 1;
        let pipes = [Pipe::default(), Pipe::default()];
        self.connections.insert(
            self.dialed,
            Connection { parties, lives, open: [false, false], established: false, pipes },
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
