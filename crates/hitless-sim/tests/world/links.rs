//! Bytes on the way: torn, merged, cut off, damaged; two connections of one peer; a party without resources.

use super::*;

#[test]
fn a_chassis_runs_on_torn_and_merged_frames() {
    let mut world = up(World::builder().torn(1));
    load(&mut world, 0, 500);
    world.run_until(World::all_safe).unwrap();
    settle(&mut world);
    assert_eq!(said(&world, "is not the protocol"), 0);
}

#[test]
fn a_stream_that_ends_in_the_middle_of_a_frame_costs_a_link_and_nothing_else() {
    let mut torn = 0;
    for seed in 0..20 {
        let mut world = up(World::builder().seed(seed).torn(seed % 3));
        load(&mut world, 0, 300);
        world.run_for(100 + 20 * seed).unwrap();
        let primary = Party::Unit(world.primary().unwrap());
        if seed % 2 == 0 {
            world.kill(primary);
        } else {
            world.reset_link(primary, C1);
        }
        world.run_for(2_000_000).unwrap();
        torn += said(&world, "ended in the middle of a frame");
        settle(&mut world);
    }
    assert!(torn >= 5, "only {torn} streams of 20 runs ended in the middle of a frame");
}

#[test]
fn a_flipped_bit_closes_the_link_and_reaches_nobody() {
    let (mut refused, mut pairs) = (0, 0);
    for seed in 0..12 {
        let mut world = up(World::builder().seed(seed));
        let primary = Party::Unit(world.primary().unwrap());
        let standby = if primary == U1 { U2 } else { U1 };
        for (from, to) in
            [(primary, C1), (C1, primary), (primary, standby), (standby, primary), (C2, standby)]
        {
            load(&mut world, 0, 50);
            world.run_for(150).unwrap();
            pairs += usize::from(world.flip_bit(from, to));
            // Longer than a frame may take: a length that grew is given up by then.
            world.run_for(31_000_000).unwrap();
        }
        refused += said(&world, "is not the protocol") + said(&world, "not complete in time");
        settle(&mut world);
    }
    assert!(refused * 2 > pairs, "{refused} of {pairs} flipped bits were noticed");
}

#[test]
fn the_newer_of_two_connections_wins_and_late_bytes_of_the_older_are_dropped() {
    let mut late = 0;
    for seed in 0..10 {
        let mut world = up(World::builder().seed(seed));
        let primary = Party::Unit(world.primary().unwrap());
        world.hold_one_way(primary, C1);
        load(&mut world, 0, 100);
        world.run_for(5_000).unwrap();
        assert!(world.dial_twice(primary, C1), "both live, so a dial is possible");
        world.run_for(5_000).unwrap();
        assert!(said(&world, "connected with card-1") >= 2);
        world.release_link(primary, C1);
        load(&mut world, 50, 150);
        world.run_until(World::all_safe).unwrap();
        late += world.late_chunks();
        settle(&mut world);
    }
    assert!(late > 0, "nothing of an older connection ever came late");
}

#[test]
fn a_party_without_resources_has_no_links_until_it_is_relieved() {
    for party in [U1, U2, C1] {
        let mut world = up(World::builder());
        load(&mut world, 0, 200);
        world.run_for(300).unwrap();
        world.exhaust(party);
        world.run_for(1_000_000).unwrap();
        let linked = match party {
            Party::Unit(unit) => world.unit_status(unit).unwrap().connected.len(),
            Party::Card(card) => world.card_status(card).unwrap().connected.len(),
        };
        assert_eq!(linked, 0, "{party} has links");
        load(&mut world, 100, 300);
        world.relieve(party);
        world.run_until(World::is_whole).unwrap();
        settle(&mut world);
    }
}
