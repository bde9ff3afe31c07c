//! The names of the protocol: parties, processes, epochs, ops.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A control unit of the chassis, `1..=MAX_UNITS`.
    UnitId(u8), "unit-"
);
id!(
    /// A card of the chassis, `1..=MAX_CARDS`.
    CardId(u16), "card-"
);
id!(
    /// One kind of replicated state (`fib`, `table`, ...).
    ProcessId(u16), "process-"
);
id!(
    /// The number of one primaryship: the fencing token. `0` is "never".
    Epoch(u32), "epoch "
);
id!(
    /// Position of an op in its process: gapless across epochs, from 1.
    Seq(u64), "seq "
);
id!(
    /// Random name of one life of a party: a card's *boot id*, a control unit's *incarnation*.
    ///
    /// Drawn anew at every process start, so that a promise made to a former life never counts for the new one.
    Life(u64), "life "
);

impl Epoch {
    /// The next epoch, or `None` when the numbers are used up.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl Seq {
    /// The next position. Saturates: 2^64 ops are never issued.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Which op of a process last wrote something: ordered by epoch, then by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The epoch whose primary issued the op.
    pub epoch: Epoch,
    /// Its position in the process.
    pub seq: Seq,
}

impl Version {
    /// Before every op.
    pub const ZERO: Self = Self { epoch: Epoch(0), seq: Seq(0) };

    /// Shorthand for tests and decoding.
    #[must_use]
    pub const fn new(epoch: u32, seq: u64) -> Self {
        Self { epoch: Epoch(epoch), seq: Seq(seq) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.seq.0)
    }
}

/// The chassis-wide unique name of one state change (claims 1, 9, 25): one id, one payload, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// The process the op belongs to.
    pub process: ProcessId,
    /// Its epoch and position.
    pub version: Version,
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.process, self.version)
    }
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A control unit.
    Unit(UnitId),
    /// A card.
    Card(CardId),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => unit.fmt(f),
            Self::Card(card) => card.fmt(f),
        }
    }
}

/// A point on the caller's monotonic clock, in microseconds. Used for liveness and reports, never for safety.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// This point plus `micros` microseconds.
    #[must_use]
    pub fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this point; 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
