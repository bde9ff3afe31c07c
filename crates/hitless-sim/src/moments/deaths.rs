//! Every death is classified: what the party was in the midst of, and what of its last words still arrives.

use std::collections::BTreeMap;

use hitless_proto::ids::{Party, ProcessId, Seq};
use hitless_proto::message::{Message, ToCard, ToStandby, UnitMessage};

use super::{Look, MOMENTS, reach};
use crate::coverage::{Row, Victim};
use crate::world::World;

/// A party that is about to die: what it is, and the moments it is in.
pub(crate) struct Death {
    party: Party,
    victim: Victim,
    rows: Vec<Row>,
}

impl World {
    /// To be called before a party dies.
    pub(crate) fn dying(&self, party: Party) -> Option<Death> {
        let facts = &self.witness.as_ref()?.facts;
        let victim = Victim::of(self, party)?;
        let look = Look { world: self, facts, party };
        let moments = MOMENTS.iter().filter(|moment| !reach::AFTER_DEATH.contains(&moment.row));
        let rows = moments.filter(|moment| (moment.is_now)(&look)).map(|moment| moment.row).collect();
        Some(Death { party, victim, rows })
    }

    /// To be called when it is dead, and the network has decided what arrives. `unwritten`: of what it was storing,
    /// something was lost.
    pub(crate) fn died(&mut self, death: Option<Death>, unwritten: bool) {
        let Some(Death { party, victim, mut rows }) = death else { return };
        if let (Party::Unit(unit), Victim::PRIMARY, Some(witness)) = (party, victim, &self.witness) {
            let last_words = self.last_words(party);
            let arrives = |process, to| last_words.get(&(process, to)).copied().unwrap_or_default();
            rows.extend(reach::after_death((self, &witness.facts), unit, arrives));
        }
        if unwritten {
            rows.push(Row::PromiseLost);
        }
        rows.into_iter().for_each(|row| self.hit_as(row, victim));
        if let Some(witness) = &mut self.witness {
            witness.facts.died_as.insert(party, victim);
            if let Party::Unit(unit) = party {
                *witness.facts.unit(unit) = crate::coverage::facts::UnitFacts::default();
            }
        }
    }

    /// The last op that is still on its way from a party, by process and follower.
    fn last_words(&self, from: Party) -> BTreeMap<(ProcessId, Party), Seq> {
        let mut last = BTreeMap::new();
        for connection in self.network.connections.values().filter(|of| of.parties.contains(&from)) {
            let end = connection.end_of(from).other();
            let to = connection.party(end);
            for message in connection.pipes[end as usize].last_words() {
                let (process, seq) = match message {
                    Message::ToCard(ToCard::Ops(ops)) => {
                        (ops.process, ops.ops.last().map(|op| op.version.seq))
                    }
                    Message::Unit(UnitMessage::Primary(ToStandby::Ops(ops))) => {
                        (ops.process, ops.ops.last().map(|op| op.version.seq))
                    }
                    Message::ToCard(_) | Message::FromCard(_) | Message::Unit(_) => continue,
                };
                let known = last.entry((process, to)).or_default();
                *known = seq.unwrap_or_default().max(*known);
            }
        }
        last
    }
}
