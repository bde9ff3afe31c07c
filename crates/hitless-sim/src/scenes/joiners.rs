//! Units that are brought in sync.

use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Role;
use hitless_proto::message::{Message, ToStandby, UnitMessage};
use hitless_proto::process::table;

use super::Scene;
use super::script::{CARD_1, load, pair, put, whole};
use crate::world::{Sent, World};

/// Between two changes, in microseconds: several come before a joiner is filled.
const PAUSE: u64 = 100;
/// Changes that are tried at most.
const CHANGES: u32 = 1_000;

pub(super) const FILLED_AHEAD_OF_ITS_OPS: Scene = Scene {
    name: "filled-ahead-of-its-ops",
    says: "a key changes again and again while a unit is filled: it holds the last of it before the card has acked the first; no log \
           goes back far enough for less than a fill, since the state was rebuilt from the card",
    chassis: || World::builder().cards(1).keep_messages(),
    play: |world| {
        whole(world)?;
        load(world, 50)?;
        let units = world.units().to_vec();
        units.iter().for_each(|unit| world.kill(Party::Unit(*unit)));
        units.iter().for_each(|unit| world.restart(Party::Unit(*unit)));
        whole(world)?;
        let (_, joiner) = pair(world)?;
        world.kill(Party::Unit(joiner));
        world.restart(Party::Unit(joiner));
        let mark = world.messages().len();
        world.run_until(|world| world.messages()[mark..].iter().any(|sent| begins(sent, joiner)))?;
        stick(world, true);
        for n in 0..CHANGES {
            put(world, "key-1", &format!("{n}"))?;
            world.run_for(PAUSE)?;
            if world.role(joiner) == Some(Role::Standby) {
                break;
            }
        }
        stick(world, false);
        world.run_until(World::all_safe)
    },
};

/// The forwarding table takes the first batch that it is given, and does nothing; the others wait behind it.
fn stick(world: &mut World, stuck: bool) {
    if let Some(table) = world.table_mut(CARD_1, table::ID) {
        table.stuck = stuck;
    }
}

fn begins(sent: &Sent, standby: UnitId) -> bool {
    let start = matches!(sent.message, Message::Unit(UnitMessage::Primary(ToStandby::Start(_))));
    start && sent.to == Party::Unit(standby)
}
