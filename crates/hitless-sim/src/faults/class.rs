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
    /// An ack of a card does not reach a unit, nor what comes behind it, until the connection is given up.
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
    /// A bit of what is on the way is flipped.
    FlipBit,
    /// A party dials although it has a link.
    DialTwice,
    /// Acks reach a unit again.
    RepeatAcks,
    /// The clock of a party jumps.
    JumpClock,
    /// A party has no memory or descriptors left.
    Exhaust,
    /// A disk is full.
    DiskFull,
    /// A card comes back without its promises.
    LoseDisk,
    /// Writes to a forwarding table say yes, and have no effect.
    LoseEffects,
    /// Writes to a forwarding table say yes, and store something else.
    GarbleEffects,
    /// Somebody else changes a forwarding table.
    ForeignEdit,
    /// A next hop is deleted behind the card's back, and its routes with it.
    DropDependants,
    /// An interface goes down and up.
    FlapInterface,
    /// A card is added.
    HotAdd,
    /// A card is removed for good.
    HotRemove,
    /// The external arbiter is down.
    ArbiterDown,
    /// The external arbiter is slow.
    ArbiterSlow,
    /// Requests to the external arbiter are lost, or their answers.
    ArbiterLossy,
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
    Fault::FlipBit,
    Fault::DialTwice,
    Fault::RepeatAcks,
    Fault::JumpClock,
    Fault::Exhaust,
    Fault::DiskFull,
    Fault::LoseDisk,
    Fault::LoseEffects,
    Fault::GarbleEffects,
    Fault::ForeignEdit,
    Fault::DropDependants,
    Fault::FlapInterface,
    Fault::HotAdd,
    Fault::HotRemove,
    Fault::ArbiterDown,
    Fault::ArbiterSlow,
    Fault::ArbiterLossy,
    Fault::Switchover,
];
