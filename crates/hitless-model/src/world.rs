//! A state of the whole chassis, in numbers.

use std::collections::BTreeMap;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Life, Party, UnitId};

use crate::bounds::{Bounds, Faults};
use crate::input::{DurableId, LocalId, MessageId, WritesId};
use crate::oracle::Oracle;

/// A party's place: units first, then cards.
pub(crate) type Place = usize;

/// One party: its process, its disk, and a card's forwarding table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    /// `None` while it is dead.
    pub(crate) local: Option<LocalId>,
    pub(crate) lives: u64,
    pub(crate) disk: DurableId,
    pub(crate) persisting: Vec<(u64, DurableId)>,
    pub(crate) applying: Option<(u64, WritesId)>,
    pub(crate) table: BTreeMap<Blob, Blob>,
}

/// One direction of a link: what was sent and not yet taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wire {
    pub(crate) queue: Vec<MessageId>,
    /// The sender is gone: the receiver may take what is in flight, or see the end at any time.
    pub(crate) closing: bool,
}

/// A link. `ends[i]`: that end believes it is up; `wires[i]` leads to that end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    pub(crate) places: [Place; 2],
    pub(crate) ends: [bool; 2],
    pub(crate) wires: [Wire; 2],
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) hosts: Vec<Host>,
    pub(crate) links: Vec<Link>,
    /// Faults that may still strike.
    pub(crate) left: Faults,
    /// The next op that the source submits.
    pub(crate) next_op: u8,
    /// A unit rebuilds the state from the cards.
    pub(crate) recovers: bool,
    pub(crate) oracle: Oracle,
}

impl World {
    /// Nothing runs yet.
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let (units, all) = (usize::from(bounds.units), usize::from(bounds.units) + usize::from(bounds.cards));
        let pairs = (0..units).flat_map(|a| (a + 1..all).map(move |b| [a, b]));
        Self {
            hosts: vec![Host::default(); all],
            links: pairs.map(|places| Link { places, ..Link::default() }).collect(),
            left: bounds.faults,
            next_op: 0,
            recovers: false,
            oracle: Oracle::default(),
        }
    }

    pub(crate) fn link(&mut self, a: Place, b: Place) -> Option<(&mut Link, usize)> {
        let link = self.links.iter_mut().find(|link| link.places == [a.min(b), a.max(b)])?;
        let end = usize::from(link.places[1] == a);
        Some((link, end))
    }

    pub(crate) fn life(&self, place: Place) -> Life {
        Life(place as u64 * 100 + 100 + self.hosts[place].lives)
    }
}

/// Which place is whose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub(crate) units: usize,
    pub(crate) cards: usize,
}

impl Places {
    pub(crate) fn party(self, place: Place) -> Party {
        if place < self.units {
            Party::Unit(UnitId(place as u8 + 1))
        } else {
            Party::Card(CardId((place - self.units) as u16 + 1))
        }
    }

    pub(crate) fn place(self, party: Party) -> Place {
        match party {
            Party::Unit(unit) => usize::from(unit.0).saturating_sub(1),
            Party::Card(card) => self.units + usize::from(card.0).saturating_sub(1),
        }
    }

    pub(crate) fn all(self) -> usize {
        self.units + self.cards
    }
}
