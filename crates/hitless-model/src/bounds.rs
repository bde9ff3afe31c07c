//! How large the chassis is, and how much may go wrong.

use hitless_proto::config::{AckPath, OutputRule};

/// A change that the source submits: a key, and its value or a delete. Values of one key differ. Keys below
/// [`FIRST_NAMED`] are for all cards, the others for card 1 only.
pub type Wanted = (u8, Option<u8>);

/// The first key that is for card 1 only: the letter `n`.
pub const FIRST_NAMED: u8 = 13;

/// The bounds of a search.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Control units.
    pub units: u8,
    /// Cards.
    pub cards: u16,
    /// What the source submits, in this order, each at any time to any unit that takes it.
    pub ops: Vec<Wanted>,
    /// States in which voters were asked for a higher epoch are not gone on from.
    pub epochs: u32,
    /// What may go wrong.
    pub faults: Faults,
    /// A disk write takes a step of its own, instead of none.
    pub slow_disk: bool,
    /// A party that starts again has its links at once, with the first report on each, and timeouts wait until nothing is on its
    /// way anywhere. Otherwise links come up one by one, at any time, and a timeout waits only for what is on its way to or
    /// from its own party.
    pub prompt: bool,
    /// How acks reach standbys.
    pub ack_path: AckPath,
    /// When cards are sent ops.
    pub output_rule: OutputRule,
}

/// How often each fault may strike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// Control units that crash.
    pub crashes: u8,
    /// Crashed control units that come back.
    pub unit_restarts: u8,
    /// Cards that restart, with their forwarding table empty or intact.
    pub card_restarts: u8,
    /// Links that one end gives up although the other end lives.
    pub cuts: u8,
}

impl Bounds {
    /// Two epochs, no slow disks, direct acks, the parallel rule.
    #[must_use]
    pub fn new(units: u8, cards: u16, ops: &[Wanted], faults: Faults) -> Self {
        Self {
            units,
            cards,
            ops: ops.to_vec(),
            epochs: 2,
            faults,
            slow_disk: false,
            prompt: false,
            ack_path: AckPath::Direct,
            output_rule: OutputRule::Parallel,
        }
    }

    /// What is searched for every commit. The first op is everywhere when a search begins.
    #[must_use]
    pub fn per_commit() -> Vec<(&'static str, Self)> {
        let (same, two) = ([BASE, (0, Some(1)), (0, Some(2))], [BASE, (0, Some(1)), (1, Some(1))]);
        let crash = Faults { crashes: 1, ..Faults::default() };
        let card = Faults { card_restarts: 1, ..crash };
        vec![
            ("2 units, 1 card, 2 ops of one key, 1 crash", Self::new(2, 1, &same, crash)),
            ("2 units, 1 card, a put and a delete, 1 crash", {
                Self::new(2, 1, &[BASE, (0, Some(1)), (0, None)], crash)
            }),
            ("2 units, 1 card, 2 ops, 1 crash, relayed acks", {
                Self { ack_path: AckPath::Relayed, ..Self::new(2, 1, &two, crash) }
            }),
            ("2 units, 1 card, 2 ops, 1 crash, gated", {
                Self { output_rule: OutputRule::Gated, ..Self::new(2, 1, &two, crash) }
            }),
            ("2 units, 1 card, 2 ops, 1 crash, slow disks", {
                Self { slow_disk: true, ..Self::new(2, 1, &two, crash) }
            }),
            ("2 units, 2 cards, 2 ops, 1 crash", Self::new(2, 2, &two, crash)),
            ("2 units, 2 cards, 2 ops of which 1 is for card 1, 1 crash", {
                Self::new(2, 2, &[BASE, (0, Some(1)), (FIRST_NAMED, Some(1))], crash)
            }),
            ("3 units, 1 card, 1 op, 3 epochs, 1 crash", {
                Self { epochs: 3, ..Self::new(3, 1, &two[..2], crash) }
            }),
            ("2 units, 1 card, 2 ops, 1 crash, 1 card restart", Self::new(2, 1, &same, card)),
        ]
    }

    /// What takes long.
    #[must_use]
    pub fn longer() -> Vec<(&'static str, Self)> {
        let one = [BASE, (0, Some(1))];
        let two_crashes = Faults { crashes: 2, ..Faults::default() };
        let back = Faults { crashes: 1, unit_restarts: 1, ..Faults::default() };
        vec![
            (
                "3 units, 1 card, 1 op, 3 epochs, 2 crashes",
                Self { epochs: 3, ..Self::new(3, 1, &one, two_crashes) },
            ),
            ("2 units, 1 card, 1 op, 3 epochs, 1 crash and restart, prompt", {
                Self { epochs: 3, prompt: true, ..Self::new(2, 1, &one, back) }
            }),
            ("2 units, 2 cards, 1 op, 3 epochs, 1 crash and restart, prompt, relayed acks", {
                let relayed = Self { ack_path: AckPath::Relayed, ..Self::new(2, 2, &one, back) };
                Self { epochs: 3, prompt: true, ..relayed }
            }),
        ]
    }
}

/// The op that is everywhere when a search begins: what must not be lost.
const BASE: Wanted = (2, Some(0));
