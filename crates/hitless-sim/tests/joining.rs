//! A standby joins while sources go on: what they are told to be safe is held by every unit that the record names.
#![allow(clippy::unwrap_used)]

use hitless_proto::config::AckPath;
use hitless_proto::ids::Party;
use hitless_proto::process::table;
use hitless_sim::World;

/// Between the digest that proves a standby equal and the record that names it, ops become safe without it. The checkers
/// watch that it has them by the time that it counts.
#[test]
fn a_standby_counts_only_with_all_that_was_told_to_be_safe() {
    for seed in 0..20 {
        let builder = World::builder().units(2).cards(1).ack_path(AckPath::Direct).external_arbiter();
        let mut world = builder.seed(seed).build();
        world.run_until(World::is_whole).unwrap();
        let standby = *world.units().iter().find(|unit| Some(**unit) != world.primary()).unwrap();
        world.kill(Party::Unit(standby));
        world.run_for(100_000).unwrap();
        world.restart(Party::Unit(standby));
        let mut op = 0;
        while !world.is_whole() {
            // Intake pauses while a digest is asked for.
            let change = table::put(b"key", format!("{op}").as_bytes(), b"");
            op += u32::from(world.submit(table::ID, change).is_ok());
            world.run_for(100).unwrap();
        }
        world.run_until(World::all_safe).unwrap();
        assert!(op > 100, "seed {seed}: it joined before anything was asked for");
    }
}
