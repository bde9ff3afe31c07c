//! Who is primary: in a switchover, and when a unit comes back.

use hitless_proto::ids::{Party, UnitId};
use hitless_proto::io::Role;
use hitless_proto::message::{Message, ToStandby, UnitMessage};
use hitless_proto::process::table;

use super::Scene;
use super::script::{CARD_1, Played, load, pair, whole};
use crate::world::{Sent, Speeds, World};

/// A link so slow that a step of a switchover takes many times the pause between two changes, in microseconds.
const SLOW: (u64, u64) = (2_000, 4_000);
const PAUSE: u64 = 250;
/// A forwarding table so much slower than usual has not applied the last of these changes when its card is claimed.
const TABLE_SLOW: u64 = 400;
/// The arbiter is away so long: time for a unit to come back and be linked, in microseconds.
const AWAY: u64 = 300_000;

pub(super) const ASKED_WHILE_HANDING_OVER: Scene = Scene {
    name: "asked-while-handing-over",
    says: "a source goes on to submit to a unit that has drained, compares its successor, and hands the role over",
    chassis: || World::builder().cards(1).speeds(Speeds { delay: SLOW, ..Speeds::default() }).keep_messages(),
    play: |world| {
        whole(world)?;
        load(world, 10)?;
        let (former, next) = pair(world)?;
        if let Some(table) = world.table_mut(CARD_1, table::ID) {
            table.slow = TABLE_SLOW;
        }
        let mark = world.messages().len();
        let _ = world.switchover(None);
        world.run_until(|world| world.messages()[mark..].iter().any(|sent| compares(sent, next)))?;
        for n in 0.. {
            // It is for the unit to refuse.
            let change = table::put(format!("late-{n}").as_bytes(), b"value", b"note");
            let _ = world.submit_to(former, table::ID, change);
            world.run_for(PAUSE)?;
            if world.role(former) != Some(Role::HandingOver) {
                break;
            }
        }
        world.run_until(|world| world.report().is_some_and(|report| report.planned))
    },
};

pub(super) const BACK_BESIDE_A_LIVE_UNIT: Scene = Scene {
    name: "back-beside-a-live-unit",
    says: "while the arbiter is away the primary dies and comes back empty, beside a standby that lives",
    chassis: || World::builder().external_arbiter(),
    play: |world| {
        whole(world)?;
        first_leads(world)?;
        let (primary, _) = pair(world)?;
        world.set_arbiter_down(true);
        world.kill(Party::Unit(primary));
        world.restart(Party::Unit(primary));
        world.run_for(AWAY)?;
        world.set_arbiter_down(false);
        world.run_until(|world| world.primary().is_some())
    },
};

fn compares(sent: &Sent, standby: UnitId) -> bool {
    let asks = matches!(sent.message, Message::Unit(UnitMessage::Primary(ToStandby::Ask(_))));
    asks && sent.to == Party::Unit(standby)
}

/// Of units that hold as much the first goes before the others.
fn first_leads(world: &mut World) -> Played {
    if world.primary() == Some(UnitId(1)) {
        return Ok(());
    }
    let _ = world.switchover(Some(UnitId(1)));
    world.run_until(|world| world.primary() == Some(UnitId(1)) && world.is_whole())
}
