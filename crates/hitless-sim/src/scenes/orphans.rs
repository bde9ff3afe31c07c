//! Orphans: ops that cards have, and no unit that lives.

use hitless_proto::ids::{CardId, Party};

use super::Scene;
use super::script::{CARD_2, Played, failover, load, pair, put, whole};
use crate::world::World;

/// In microseconds: what is not held arrives, and is applied.
const ARRIVES: u64 = 20_000;

pub(super) const TWO_OF_ONE_KEY: Scene = Scene {
    name: "two-orphans-of-one-key",
    says: "the primary dies when its last two ops of a key have reached card 1, of which card 2 has the first, and no standby",
    chassis: World::builder,
    play: |world| {
        to_cards_only(world, &[])?;
        put(world, "key-1", "first")?;
        world.run_for(ARRIVES)?;
        last_words(world, &[CARD_2], "key-1")
    },
};

pub(super) const ON_ONE_CARD: Scene = Scene {
    name: "orphan-on-one-card",
    says: "the primary dies when its last op has reached card 1, not card 2, and no standby",
    chassis: World::builder,
    play: |world| {
        to_cards_only(world, &[CARD_2])?;
        last_words(world, &[CARD_2], "new")
    },
};

/// A chassis at rest, whose primary from now on reaches neither its standby nor some of the cards.
fn to_cards_only(world: &mut World, without: &[CardId]) -> Played {
    whole(world)?;
    load(world, 10)?;
    let (primary, standby) = pair(world)?;
    world.cut_one_way(Party::Unit(primary), Party::Unit(standby));
    without.iter().for_each(|card| world.hold_one_way(Party::Unit(primary), Party::Card(*card)));
    Ok(())
}

/// The primary sends one more op, and dies.
fn last_words(world: &mut World, without: &[CardId], key: &str) -> Played {
    let (primary, _) = pair(world)?;
    without.iter().for_each(|card| world.hold_one_way(Party::Unit(primary), Party::Card(*card)));
    put(world, key, "last")?;
    world.run_for(ARRIVES)?;

    failover(world, primary)
}
