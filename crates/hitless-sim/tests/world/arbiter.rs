//! The external arbiter: slow, silent, and deciding without an answer.

use super::*;

#[test]
fn a_chassis_stands_an_arbiter_whose_answers_are_lost() {
    let mut decided = 0;
    for seed in 0..10 {
        let mut world = up(World::builder().seed(seed).units(3).external_arbiter());
        world.set_arbiter_lossy(2);
        for _ in 0..4 {
            load(&mut world, 0, 50);
            let Some(primary) = world.primary() else { break };
            world.kill(Party::Unit(primary));
            world.run_until(|world| world.primary().is_some()).unwrap();
            world.restart(Party::Unit(primary));
            world.run_until(World::is_whole).unwrap();
        }
        decided += said(&world, "no answer; decided: Some(Granted")
            + said(&world, "no answer; decided: Some(Written");
        settle(&mut world);
    }
    assert!(decided > 10, "only {decided} changes took place whose answer was lost");
}

#[test]
fn a_slow_arbiter_delays_a_takeover_and_no_more() {
    let took = |slow: u64| {
        let mut world = up(World::builder().external_arbiter());
        world.set_arbiter_slow(slow);
        let primary = world.primary().unwrap();
        world.kill(Party::Unit(primary));
        world.run_until(|world| world.report().is_some()).unwrap();
        let granted = world.report().unwrap().phases.granted;
        settle(&mut world);
        granted
    };
    let (fast, slow) = (took(1), took(300));
    assert!(slow > 10 * fast, "{slow} us and {fast} us");
}
