//! What scripts do and wait for.

use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::table;

use super::AS_WRITTEN;
use crate::checkers::Violation;
use crate::world::World;

/// Of a script, or of a step of one.
pub(super) type Played<T = ()> = Result<T, Violation>;

pub(super) const CARD_1: CardId = CardId(1);
pub(super) const CARD_2: CardId = CardId(2);

/// Something is not as the script needs it.
pub(super) fn lacks(world: &World, what: &str) -> Violation {
    Violation { property: AS_WRITTEN, what: what.into(), at: world.now() }
}

/// Waits until one unit is primary, all others are in sync, and every card is in step.
pub(super) fn whole(world: &mut World) -> Played {
    world.run_until(|world| {
        let in_step = |card: &CardId| {
            let status = world.card_status(*card);
            status.is_some_and(|status| status.channels.iter().all(|channel| channel.in_step))
        };
        world.is_whole() && world.cards().iter().all(in_step)
    })
}

/// The primary, and the first of the others.
pub(super) fn pair(world: &World) -> Played<(UnitId, UnitId)> {
    let primary = world.primary().ok_or_else(|| lacks(world, "there is no primary"))?;
    let other = world.units().iter().find(|unit| **unit != primary);
    Ok((primary, *other.ok_or_else(|| lacks(world, "there is no other unit"))?))
}

/// Submits an entry to the primary.
pub(super) fn put(world: &mut World, key: &str, value: &str) -> Played {
    let change = table::put(key.as_bytes(), value.as_bytes(), b"note");
    world.submit(table::ID, change).map(|_| ()).map_err(|why| lacks(world, &why.to_string()))
}

/// Submits `n` entries, and waits until they are safe.
pub(super) fn load(world: &mut World, n: u32) -> Played {
    (0..n).try_for_each(|n| put(world, &format!("key-{n}"), "before"))?;
    world.run_until(World::all_safe)
}

/// A unit dies, and the role is taken over.
pub(super) fn failover(world: &mut World, dies: UnitId) -> Played {
    world.kill(Party::Unit(dies));
    world.run_until(|world| world.primary().is_some_and(|unit| unit != dies))
}
