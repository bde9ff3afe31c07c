//! Routes: the table that they are in, and their card part.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::{FibError, decode_id, parse_number};
use crate::entry::Blob;

/// The number of a table of routes; never 0. Linux, and the daemons that program it, give every VRF its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(u32);

impl TableId {
    /// The table where packets are looked up unless a rule says otherwise: Linux' `main`.
    pub const MAIN: Self = Self(254);

    /// The table of this number.
    ///
    /// # Errors
    /// 0, which is no table.
    pub const fn new(number: u32) -> Result<Self, FibError> {
        if number == 0 { Err(FibError::ZeroTable) } else { Ok(Self(number)) }
    }

    /// The number; not 0.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TableId {
    type Err = FibError;

    fn from_str(text: &str) -> Result<Self, FibError> {
        parse_number(text).ok_or_else(|| FibError::NotTable(text.to_string())).and_then(Self::new)
    }
}

/// The card part of a route. That its next hop exists is for the forwarding table to check: what it lacks, it nacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The id of its next hop or group; not 0.
    pub next_hop: u32,
    /// What the forwarding table shall give it as metric (priority); 0: none was given, the forwarding table's own.
    pub metric: u32,
}

impl Route {
    /// A route without a metric to this next hop or group.
    #[must_use]
    pub const fn to(next_hop: u32) -> Self {
        Self { next_hop, metric: 0 }
    }

    /// The card part.
    #[must_use]
    pub fn encode(&self) -> Blob {
        let mut bytes = Vec::with_capacity(8);
        bytes.extend_from_slice(&self.next_hop.to_be_bytes());
        if self.metric != 0 {
            bytes.extend_from_slice(&self.metric.to_be_bytes());
        }
        Blob::new(&bytes)
    }

    /// Reads a card part.
    ///
    /// # Errors
    /// Bytes that [`Route::encode`] never gives for a possible route.
    pub fn decode(bytes: &[u8]) -> Result<Self, FibError> {
        let Some((id, metric)) = bytes.split_first_chunk::<4>() else {
            return Err(FibError::WrongSize("next-hop id"));
        };
        let next_hop = decode_id(id)?;
        if metric.is_empty() {
            return Ok(Self::to(next_hop));
        }
        match metric.try_into().map(u32::from_be_bytes) {
            Ok(0) => Err(FibError::ZeroMetric),
            Ok(metric) => Ok(Self { next_hop, metric }),
            Err(_) => Err(FibError::WrongSize("metric")),
        }
    }
}
