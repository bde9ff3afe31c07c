//! A chassis without faults: it elects a primary, takes a load, survives the death of the primary, and switches back.
#![allow(clippy::unwrap_used)]

use hitless_proto::ids::Party;
use hitless_proto::process::table;
use hitless_sim::World;
use hitless_sim::checkers::convergence;

fn load(world: &mut World, from: u32, to: u32) {
    for n in from..to {
        let change = table::put(format!("key-{n}").as_bytes(), format!("value-{n}").as_bytes(), b"note");
        world.submit(table::ID, change).unwrap();
    }
}

#[test]
fn elects_loads_fails_over_and_switches_back() {
    let mut world = World::builder().build();
    world.run_until(World::is_whole).unwrap();
    let first = world.primary().unwrap();
    load(&mut world, 0, 1000);
    world.run_until(World::all_safe).unwrap();
    load(&mut world, 1000, 1100);
    world.run_for(200).unwrap();
    world.kill(Party::Unit(first));
    world.run_until(|world| world.primary().is_some_and(|unit| unit != first)).unwrap();
    world.run_until(|world| world.report().is_some()).unwrap();
    let report = world.report().unwrap().clone();
    assert!(report.channels.iter().all(|channel| channel.verified), "{report:?}");
    assert_eq!(report.channels.len(), 4);
    world.restart(Party::Unit(first));
    world.run_until(World::is_whole).unwrap();
    // The candidate may be in sync before it has a link to every card, and then declines.
    world.run_for(200_000).unwrap();
    load(&mut world, 0, 50);
    world.switchover(Some(first)).unwrap();
    world.run_until(|world| world.primary() == Some(first)).unwrap();
    world.run_until(|world| world.is_whole() && world.report().is_some_and(|report| report.planned)).unwrap();
    world.run_for(1_000_000).unwrap();
    convergence::check(&world).unwrap();
}
