//! The world is as nasty as it says, and the chassis stands it: one file per part.
#![allow(clippy::unwrap_used, clippy::panic)]

mod acks;
mod arbiter;
mod links;
mod parties;
mod tables;

use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::table;
use hitless_sim::checkers::convergence;
use hitless_sim::{Builder, Tracing, World};
use hitless_sim::trace::Tracing;
use hitless_sim::{Builder, World};

const U1: Party = Party::Unit(UnitId(1));
const U2: Party = Party::Unit(UnitId(2));
const C1: Party = Party::Card(CardId(1));
const C2: Party = Party::Card(CardId(2));

/// A world that has come up.
fn up(builder: Builder) -> World {
    let mut world = builder.trace(Tracing::Keep).build();
    world.run_until(World::is_whole).unwrap();
    world
}

/// Submits changes of keys `from..to`; those that the primary has no room for are left out.
fn load(world: &mut World, from: u32, to: u32) {
    for n in from..to {
        let change = table::put(format!("key-{n}").as_bytes(), format!("value-{n}-{to}").as_bytes(), b"note");
        let _busy = world.submit(table::ID, change);
    }
}

/// Heals the world, and waits until it is whole and everything is where it should be.
fn settle(world: &mut World) {
    world.heal();
    let rest = world.run_until_within(120_000_000, |world| convergence::check(world).is_ok());
    assert!(rest.is_ok(), "{rest:?}; {:?}", convergence::check(world));
}

fn said(world: &World, what: &str) -> usize {
    world.trace().to_string().matches(what).count()
}
