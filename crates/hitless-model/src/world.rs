//! A state of the whole chassis, in numbers.

use std::collections::BTreeMap;
use std::rc::Rc;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Life, Party, UnitId};

use crate::bounds::{Bounds, Faults};
use crate::input::{DurableId, LocalId, MessageId, WritesId};
use crate::oracle::Oracle;
use crate::violation::Violation;

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

/// All of it. Parts are shared between states, and copied when they change.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) hosts: Vec<Rc<Host>>,
    pub(crate) links: Vec<Rc<Link>>,
    pub(crate) budget: Budget,
    pub(crate) oracle: Rc<Oracle>,
}

/// What may still come from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Faults that may still strike.
    pub(crate) left: Faults,
    /// The next op that the source submits.
    pub(crate) next_op: u8,
    /// A unit rebuilds the state from the cards.
    pub(crate) recovers: bool,
}

impl World {
    /// Nothing runs yet.
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let (units, all) = (usize::from(bounds.units), usize::from(bounds.units) + usize::from(bounds.cards));
        let pairs = (0..units).flat_map(|a| (a + 1..all).map(move |b| [a, b]));
        Self {
            hosts: vec![Rc::default(); all],
            links: pairs.map(|places| Rc::new(Link { places, ..Link::default() })).collect(),
            budget: Budget { left: bounds.faults, ..Budget::default() },
            oracle: Rc::default(),
        }
    }

    /// The link between two parties, and which end of it is the first one's.
    pub(crate) fn link(&self, a: Place, b: Place) -> Option<(&Link, usize)> {
        let number = self.link_number(a, b)?;
        let link = &self.links[number];
        Some((link, usize::from(link.places[1] == a)))
    }

    pub(crate) fn link_mut(&mut self, a: Place, b: Place) -> Option<(&mut Link, usize)> {
        let number = self.link_number(a, b)?;
        let link = Rc::make_mut(&mut self.links[number]);
        let end = usize::from(link.places[1] == a);
        Some((link, end))
    }

    fn link_number(&self, a: Place, b: Place) -> Option<usize> {
        self.links.iter().position(|link| link.places == [a.min(b), a.max(b)])
    }

    pub(crate) fn host_mut(&mut self, place: Place) -> &mut Host {
        Rc::make_mut(&mut self.hosts[place])
    }

    /// Writes something down. An oracle that knew it already goes on being shared.
    pub(crate) fn note(
        &mut self,
        what: impl FnOnce(&mut Oracle) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut oracle = (*self.oracle).clone();
        what(&mut oracle)?;
        if oracle != *self.oracle {
            self.oracle = Rc::new(oracle);
        }
        Ok(())
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
