//! Units and cards under any sequence of what the world, their peers and their owner may do.
//!
//! The first two bytes choose the shape of the chassis and how far it has come; each of the others begins an action. Up to
//! the first forged message every party is honest, so nobody may be accused.

mod act;
mod host;
mod world;

use crate::budget::Budget;
use crate::choices::Choices;
use world::{Shape, World};

/// Bytes of an input that are looked at: longer ones find nothing that shorter ones do not, and cost time.
pub const MOST: usize = 512;
/// A table that has 256 leaves in use keeps all of them: 4 MB with its digests, per process and party. A message of an
/// input unfolds as `messages` says, and is kept by the tables, logs and queues of up to five parties.
const BUDGET: Budget = Budget { base: 64 * 1024 * 1024, per_byte: 64 * 1024 };

thread_local! {
    /// Chassis of each shape, not connected, and at rest with a primary and some entries.
    static WORLDS: Vec<[World; 2]> = (0..Shape::ALL).map(worlds).collect();
}

fn worlds(shape: u8) -> [World; 2] {
    let fresh = World::new(Shape(shape));
    let mut settled = fresh.clone();
    settled.connect_all();
    settled.settle(60);
    for bytes in [&[0, 1, 0][..], &[0, 2, 1], &[1, 3, 0], &[1, 4, 7]] {
        (0..settled.hosts.len()).for_each(|place| act::submit(&mut settled, place, &mut Choices::new(bytes)));
    }
    settled.settle(20);
    [fresh, settled.rested()]
}

/// Runs the actions that the input names.
pub fn run(input: &[u8]) {
    let input = &input[..input.len().min(MOST)];
    WORLDS.with(|worlds| BUDGET.watch(input, |input| act_all(worlds, input)));
}

fn act_all(worlds: &[[World; 2]], input: &[u8]) {
    let mut choices = Choices::new(input);
    let pair = &worlds[choices.below(usize::from(Shape::ALL))];
    let mut world = pair[choices.below(2)].clone();
    while !choices.is_empty() && !world.is_tired() {
        act::next(&mut world, &mut choices);
        world.tick();
    }
    for place in 0..world.hosts.len() {
        world.drain_all(place);
        world.hosts[place].look();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this the target would only see chassis that have no primary.
    #[test]
    fn every_shape_comes_to_have_a_primary_and_entries() {
        for shape in 0..Shape::ALL {
            let [_, settled] = worlds(shape);
            assert!(settled.hosts.iter().any(host::Host::is_primary), "shape {shape}");
        }
    }
}
