//! L1: after healing every forwarding table is what the primary wants, every standby holds what the primary does, and sources
//! are told that all they asked of it is safe.

use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::status::ChannelStatus;

use crate::world::World;

/// The property, in words.
pub const PROPERTY: &str = "a healed chassis converges";

/// Compares everything, key by key.
///
/// # Errors
/// The first difference.
pub fn check(world: &World) -> Result<(), String> {
    let Some(primary) = world.primary() else { return Err("nobody is primary".into()) };
    if !world.is_whole() {
        let roles: Vec<_> = world.units().iter().map(|unit| (*unit, world.role(*unit))).collect();
        return Err(format!("not every unit is in sync: {roles:?}"));
    }
    let epoch = world.epochs.get(&primary).copied().unwrap_or_default();
    for process in world.processes() {
        if let Some(op) = world.oracle.open_in(*process, epoch) {
            return Err(format!("{process} {}: its source was not told that it is safe", op.version));
        }
        for card in world.cards() {
            let wanted = world.wanted(primary, *card, *process);
            let Some(table) = world.table(*card, *process) else { continue };
            let keys = wanted.keys().chain(table.entries().keys());
            for key in keys {
                let (want, have) = (wanted.get(key), table.entries().get(key));
                if want != have {
                    return Err(format!("{card} {process} {key:?}: wanted {want:?}, forwards {have:?}"));
                }
            }
            let Some(status) = world.card_status(*card) else { return Err(format!("{card} is dead")) };
            if status.channels.iter().any(|channel| !channel.in_step || channel.queued > 0) {
                return Err(format!("{card} is not in step"));
            }
            let refused = status.channels.iter().find(|channel| channel.process == *process);
            let (refused, counted) =
                (refused.map(|channel| channel.failed), counted(world, primary, (*card, *process)));
            if refused != counted {
                return Err(format!(
                    "{card} {process}: refuses {refused:?} keys, {primary} counts {counted:?}"
                ));
            }
        }
        for unit in world.units().iter().filter(|unit| **unit != primary) {
            same(world, primary, *unit, *process)?;
        }
    }
    Ok(())
}

/// How many keys the primary counts as refused by a card.
fn counted(world: &World, primary: UnitId, (card, process): (CardId, ProcessId)) -> Option<u64> {
    let channels = world.unit_status(primary)?.channels;
    let of = |channel: &&ChannelStatus| channel.process == process && channel.follower == Party::Card(card);
    channels.iter().find(of).map(|channel| channel.failed)
}

fn same(world: &World, primary: UnitId, unit: UnitId, process: ProcessId) -> Result<(), String> {
    let (ours, theirs) = (world.held(primary, process), world.held(unit, process));
    for key in ours.keys().chain(theirs.keys()) {
        if ours.get(key) != theirs.get(key) {
            return Err(format!(
                "{process} {key:?}: primary {:?}, {} {:?}",
                ours.get(key),
                Party::Unit(unit),
                theirs.get(key)
            ));
        }
    }
    Ok(())
}
