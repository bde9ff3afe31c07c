//! The classes of faults: what a swarm turns on or off.

/// A class of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The primary dies.
    KillPrimary,
    /// Some unit dies.
    KillUnit,
    /// A party dies between two of its outputs.
    KillBetweenOutputs,
    /// A card dies; its forwarding tables stay.
    KillCard,
    /// A card dies and its forwarding tables with it.
    WipeCard,
    /// A moment is waited for, and whoever is in it dies, or is paused, or loses its links.
    Ambush,
    /// A party is paused for longer than its heartbeats may miss.
    Freeze,
    /// Nothing passes between two parties.
    Cut,
    /// Nothing passes one way.
    CutOneWay,
    /// One party is cut off from all others.
    Isolate,
    /// Some pairs of parties are cut, and everybody still reaches somebody.
    PartialRing,
    /// A link comes and goes at 10 Hz.
    Flap,
    /// A card is reached by the primary only.
    Lonely,
    /// Messages wait, heartbeats pass.
    Hold,
    /// A connection is reset.
    Reset,
    /// The acks of a card do not reach a unit.
    DropAcks,
    /// Writes to a disk fail.
    DiskFails,
    /// A disk is slow.
    DiskSlow,
    /// A forwarding table is slow.
    TableSlow,
    /// A forwarding table does nothing for a while.
    TableStuck,
    /// Keys are refused.
    KeyFails,
    /// A forwarding table is full.
    TableFull,
    /// The external arbiter is down.
    ArbiterDown,
    /// The operator plans a switchover: no fault, but it must stand all of them.
    Switchover,
}

/// Every class.
pub const FAULTS: &[Fault] = &[
    Fault::KillPrimary,
    Fault::KillUnit,
    Fault::KillBetweenOutputs,
    Fault::KillCard,
    Fault::WipeCard,
    Fault::Ambush,
    Fault::Freeze,
    Fault::Cut,
    Fault::CutOneWay,
    Fault::Isolate,
    Fault::PartialRing,
    Fault::Flap,
    Fault::Lonely,
    Fault::Hold,
    Fault::Reset,
    Fault::DropAcks,
    Fault::DiskFails,
    Fault::DiskSlow,
    Fault::TableSlow,
    Fault::TableStuck,
    Fault::KeyFails,
    Fault::TableFull,
    Fault::ArbiterDown,
    Fault::Switchover,
];
