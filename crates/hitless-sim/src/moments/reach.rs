//! How far the last op of a source has come: the deaths of a primary between its sends.

use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, UnitId};
use hitless_proto::io::Role;

use super::Look;
use crate::coverage::Row;
use crate::coverage::facts::{Facts, UnitFacts};
use crate::world::World;

/// Who has the last op of one process, of those who are in step and alive.
#[derive(Default)]
struct Spread {
    cards: Vec<bool>,
    standbys: Vec<bool>,
    /// It was sent to somebody.
    sent: bool,
}

impl Spread {
    fn some(of: &[bool]) -> bool {
        of.iter().any(|has| *has)
    }

    fn all(of: &[bool]) -> bool {
        !of.is_empty() && of.iter().all(|has| *has)
    }

    fn before_any_send(&self) -> bool {
        let anybody = !self.cards.is_empty() || !self.standbys.is_empty();
        anybody && !self.sent
    }

    fn one_card_not_another(&self) -> bool {
        Self::some(&self.cards) && !Self::all(&self.cards)
    }

    fn all_cards_no_standby(&self) -> bool {
        Self::all(&self.cards) && !self.standbys.is_empty() && !Self::some(&self.standbys)
    }

    fn standby_no_card(&self) -> bool {
        Self::some(&self.standbys) && !self.cards.is_empty() && !Self::some(&self.cards)
    }

    fn one_standby_not_another(&self) -> bool {
        Self::some(&self.standbys) && !Self::all(&self.standbys)
    }
}

/// An op that was lost on its way never reached anybody: `arrives` says which will.
fn spread(
    world: &World,
    (unit, facts): (UnitId, &UnitFacts),
    process: ProcessId,
    has: impl Fn(Party, (Epoch, Seq)) -> bool,
) -> Option<Spread> {
    let last = world.oracle.ops(process).last()?;
    if last.unit != unit || last.version.epoch != facts.epoch {
        return None;
    }
    let seq = last.version.seq;
    let for_card = |card: CardId| last.change.content.as_ref().is_none_or(|of| of.audience.contains(card));
    let mut spread = Spread::default();
    for ((of, party), channel) in &facts.channels {
        let alive = world.hosts.get(party).is_some_and(|host| host.alive());
        if *of != process || !channel.in_step || !alive {
            continue;
        }
        spread.sent |= channel.sent >= seq;
        match party {
            Party::Card(card) if !for_card(*card) => {}
            Party::Card(_) => spread.cards.push(has(*party, (facts.epoch, seq))),
            Party::Unit(_) => spread.standbys.push(has(*party, (facts.epoch, seq))),
        }
    }
    Some(spread)
}

fn reached(facts: &Facts, process: ProcessId, party: Party, (epoch, seq): (Epoch, Seq)) -> bool {
    let at = facts.reached.get(&(process, party));
    at.is_some_and(|at| at.epoch == epoch && at.seq >= seq)
}

fn any_process(look: &Look<'_>, is_so: impl Fn(&Spread) -> bool) -> bool {
    let Some((unit, _, facts)) = look.unit_as(Role::Primary) else { return false };
    look.world.processes().iter().any(|process| {
        let has = |party, at| reached(look.facts, *process, party, at);
        spread(look.world, (unit, facts), *process, has).is_some_and(|spread| is_so(&spread))
    })
}

pub(super) fn before_any_send(look: &Look<'_>) -> bool {
    any_process(look, Spread::before_any_send)
}

pub(super) fn one_card_not_another(look: &Look<'_>) -> bool {
    any_process(look, Spread::one_card_not_another)
}

pub(super) fn all_cards_no_standby(look: &Look<'_>) -> bool {
    any_process(look, Spread::all_cards_no_standby)
}

pub(super) fn standby_no_card(look: &Look<'_>) -> bool {
    any_process(look, Spread::standby_no_card)
}

pub(super) fn one_standby_not_another(look: &Look<'_>) -> bool {
    any_process(look, Spread::one_standby_not_another)
}

/// What counts of these moments is what is there after the death: what is still on its way counts as arrived.
pub(super) const AFTER_DEATH: &[Row] = &[
    Row::BeforeAnySend,
    Row::OneCardNotAnother,
    Row::AllCardsNoStandby,
    Row::StandbyNoCard,
    Row::OneStandbyNotAnother,
    Row::PromiseLost,
];

/// A primary has died, and this is what still arrives of what it sent.
pub(super) fn after_death(
    (world, facts): (&World, &Facts),
    unit: UnitId,
    arrives: impl Fn(ProcessId, Party) -> Seq,
) -> Vec<Row> {
    let Some(of_unit) = facts.units.get(&unit) else { return Vec::new() };
    let mut rows = Vec::new();
    for process in world.processes() {
        let has = |party: Party, at: (Epoch, Seq)| {
            reached(facts, *process, party, at) || arrives(*process, party) >= at.1
        };
        let Some(spread) = spread(world, (unit, of_unit), *process, has) else { continue };
        let nobody = !Spread::some(&spread.cards) && !Spread::some(&spread.standbys);
        let found = [
            (Row::BeforeAnySend, nobody && spread.before_any_send()),
            (Row::OneCardNotAnother, spread.one_card_not_another()),
            (Row::AllCardsNoStandby, spread.all_cards_no_standby()),
            (Row::StandbyNoCard, spread.standby_no_card()),
            (Row::OneStandbyNotAnother, spread.one_standby_not_another()),
        ];
        rows.extend(found.into_iter().filter(|(_, is_so)| *is_so).map(|(row, _)| row));
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}
