//! Every message, by the direction of the link it travels on. `docs/protocol.md` has the table and the byte layout.

mod card;
mod sync;
mod unit;
mod vote;

pub use card::{
    Ack, AckMac, CardOps, CardReport, ChannelAnswer, ChannelReport, Claim, FromCard, Nack, Promise, ToCard,
};
pub use sync::{Answer, Ask, Broken, Fill, InStep, LeafEntry, Question, Refused, Start, Tell};
pub use unit::{
    Consent, FromStandby, HandOver, Position, RelayedAck, Roster, ToStandby, UnitMessage, UnitOps, UnitReport,
};
pub use vote::{Ballot, Poll, VoteReply, VoteRequest};

use crate::ids::{Life, Party};

/// The first thing either end of a connection says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Name of the chassis; a connection between two chassis is refused.
    pub chassis: alloc::string::String,
    /// Who speaks.
    pub party: Party,
    /// Its boot id or incarnation.
    pub life: Life,
    /// What the connection is for.
    pub purpose: Purpose,
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All channels and everything else of the protocol.
    Protocol,
    /// Heartbeats only, so that bulk data cannot delay them.
    Liveness,
}

/// Anything that travels between two parties, tagged by direction.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Control unit to card.
    ToCard(ToCard),
    /// Card to control unit.
    FromCard(FromCard),
    /// Control unit to control unit.
    Unit(UnitMessage),
}
