//! Arbitrary bytes, damaged captures, and random sessions.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::bench::{Bench, gone, group, object, object_gone, route};
use super::golden::{INLINE, OBJECTS, frames};
use crate::fpm::{FpmSettings, examine};

/// What zebra may say next.
#[derive(Clone, Debug)]
enum Step {
    Route { prefix: u8, object: u32 },
    Gone { prefix: u8 },
    Hop { id: u32, last: u8 },
    Group { id: u32, members: Vec<u32> },
    HopGone { id: u32 },
    Restart,
    Settle,
    Takeover,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..20_u8, 1..12_u32).prop_map(|(prefix, object)| Step::Route { prefix, object }),
        2 => (0..20_u8).prop_map(|prefix| Step::Gone { prefix }),
        4 => (1..8_u32, 1..5_u8).prop_map(|(id, last)| Step::Hop { id, last }),
        3 => (8..12_u32, proptest::collection::vec(1..8_u32, 1..4)).prop_map(|(id, members)| Step::Group { id, members }),
        1 => (1..12_u32).prop_map(|id| Step::HopGone { id }),
        1 => Just(Step::Restart),
        3 => Just(Step::Settle),
        1 => Just(Step::Takeover),
    ]
}

fn prefix_of(prefix: u8) -> String {
    format!("10.{prefix}.0.0/16")
}

fn take(bench: &mut Bench, view: &mut BTreeMap<u8, u32>, step: &Step) {
    match step {
        Step::Route { prefix, object } => {
            view.insert(*prefix, *object);
            bench.say(&[route(&prefix_of(*prefix), *object)]);
        }
        Step::Gone { prefix } => {
            view.remove(prefix);
            bench.say(&[gone(&prefix_of(*prefix))]);
        }
        Step::Hop { id, last } => bench.say(&[object(*id, &format!("10.0.1.{last}"), 3)]),
        Step::Group { id, members } => {
            let members: Vec<(u32, u8)> = members.iter().map(|id| (*id, 1)).collect();
            bench.say(&[group(*id, &members)]);
        }
        Step::HopGone { id } => bench.say(&[object_gone(*id)]),
        Step::Restart => {
            view.clear();
            bench.session();
        }
        Step::Settle => drop(bench.settle()),
        Step::Takeover => bench.become_primary(),
    }
}

proptest! {
    /// The forwarding table takes every write in the order given, and after a sweep the core has what the view has.
    #[test]
    fn any_session_ends_with_what_it_said(steps in proptest::collection::vec(step(), 1..120)) {
        let mut bench = Bench::live(FpmSettings::default());
        let mut view = BTreeMap::new();
        for step in &steps {
            take(&mut bench, &mut view, step);
        }
        // Every object comes at last, so that nothing waits.
        for id in 1..8 {
            bench.say(&[object(id, &format!("10.0.1.{id}"), 3)]);
        }
        for id in 8..12 {
            bench.say(&[group(id, &[(1, 1), (id - 6, 2)])]);
        }
        bench.settle();
        bench.source.sweep(false).unwrap();
        bench.settle();
        let expected: Vec<String> = view
            .iter()
            .map(|(prefix, object)| {
                let way = |id: u32| format!("via 10.0.1.{id} dev v0");
                let way = if *object < 8 { way(*object) } else { format!("[{}]*1 [{}]*2", way(1), way(object - 6)) };
                format!("{} {way} (fpm bgp)", prefix_of(*prefix))
            })
            .collect();
        let mut held = bench.routes();
        held.sort_by_key(|route| route.split('.').nth(1).and_then(|number| number.parse::<u8>().ok()));
        prop_assert_eq!(held, expected);
        let status = bench.source.status();
        prop_assert_eq!((status.stale, status.waiting, status.pending), (0, 0, 0));
        prop_assert_eq!(bench.card.len(), bench.held.len());
        // What nothing uses is not left behind.
        bench.session();
        bench.source.sweep(false).unwrap();
        bench.settle();
        prop_assert!(bench.held.is_empty() && bench.card.is_empty());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = examine(&bytes);
        let mut framed = vec![1, 1];
        framed.extend_from_slice(&u16::try_from(bytes.len() + 4).unwrap().to_be_bytes());
        framed.extend_from_slice(&bytes);
        let _ = examine(&framed);
    }

    #[test]
    fn a_damaged_capture_does_not_panic(at in 0..2160_usize, value in any::<u8>(), inline in any::<bool>()) {
        let capture = if inline { INLINE } else { OBJECTS };
        let mut bench = Bench::live(FpmSettings::default());
        let mut offset = 0;
        for (mut frame, _) in frames(capture) {
            let end = offset + frame.len();
            // Heads of frames are tested elsewhere: behind a damaged one the session ends.
            if (offset + 4..end).contains(&at) {
                frame[at - offset] = value;
            }
            offset = end;
            bench.feed(&frame);
            bench.settle();
        }
    }
}
