//! What a party says of itself.

use serde::{Deserialize, Serialize};

/// The role of a control unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It holds no proven state yet.
    #[default]
    Joining,
    /// In sync with the primary.
    Standby,
    /// Granted an epoch that is not open yet.
    TakingOver,
    /// The primary of an opened epoch.
    Primary,
    /// A primary that hands its role over.
    HandingOver,
}

/// A control unit's view of the chassis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitStatus {
    /// Its number.
    pub unit: u8,
    /// Its incarnation.
    pub life: u64,
    /// Its role.
    pub role: Role,
    /// The newest epoch it knows.
    pub epoch: u32,
    /// That epoch's primary, if known.
    pub primary: Option<u8>,
    /// The epoch record is opened.
    pub opened: bool,
    /// Units that may take over, as the newest record it knows has them.
    pub in_sync: Vec<u8>,
    /// Parties it is connected with.
    pub connected: Vec<String>,
    /// What it waits for, if it may not claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// Why its state is not kept on disk at present, where it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
    /// Its processes.
    pub processes: Vec<ProcessStatus>,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// Sources that come to it themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceStatus>,
}

/// A source at one control unit: routes of a routing daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name: `fpm`.
    pub source: String,
    /// The other end of its session, if there is one.
    pub session: Option<String>,
    /// Sessions so far.
    pub sessions: u64,
    /// The session has signalled that all was announced.
    pub signalled: bool,
    /// Routes that it announces.
    pub routes: u64,
    /// Its routes in the state; 0 where the unit is not primary.
    pub held: u64,
    /// Of these, those that the session did not name: they stay until a sweep. Without a session, all.
    pub stale: u64,
    /// Announced, but where they go is not known yet.
    pub waiting: u64,
    /// Routes that wait to be compared and submitted.
    pub pending: u64,
    /// Messages and routes that are not for the fib, or not to be taken.
    pub kept_out: u64,
    /// Attributes that were passed over.
    pub skipped: u64,
    /// Messages and connections that were refused.
    pub refused: u64,
    /// The last of these, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<String>,
    /// Changes that were submitted.
    pub submitted: u64,
    /// Routes that were swept.
    pub swept: u64,
    /// Answers that were made for it.
    pub answered: u64,
}

/// One process at one control unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its number.
    pub process: u16,
    /// Its name.
    pub name: String,
    /// Entries held.
    pub entries: u64,
    /// Last op issued (primary) or received (standby).
    pub received: u64,
    /// Last op folded.
    pub folded: u64,
    /// Updates that wait for acks.
    pub pending: u64,
    /// Watermark: answered by all cards (primary).
    pub programmed: u64,
    /// Watermark: survives the primary (primary).
    pub safe: u64,
    /// Last op of the state as it is kept on disk, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
    /// Digest of the state.
    pub digest: String,
}

/// One channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// The process.
    pub process: u16,
    /// `card-1`, `unit-2`, ...
    pub follower: String,
    /// Where it stands.
    pub state: ChannelState,
    /// Last op acked (card) or received (standby).
    pub acked: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Keys that the forwarding table refused.
    pub failed: u64,
}

/// State of a channel at the primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// No connection.
    #[default]
    Away,
    /// Claimed, and no answer yet.
    Claimed,
    /// Its digest is compared.
    Comparing,
    /// It is sent what it lacks.
    Filling,
    /// Proved equal, and followed since.
    InStep,
}

/// A card's view of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CardStatus {
    /// Its number.
    pub card: u16,
    /// Its boot id.
    pub life: u64,
    /// The epoch it promised.
    pub promised: u32,
    /// To whom.
    pub owner: u8,
    /// Units it is connected with.
    pub connected: Vec<u8>,
    /// Its channels.
    pub channels: Vec<ClientStatus>,
}

/// One client process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientStatus {
    /// The process.
    pub process: u16,
    /// Entries held.
    pub entries: u64,
    /// Last op processed.
    pub applied: u64,
    /// The channel is in step.
    pub in_step: bool,
    /// Keys the forwarding table refused.
    pub failed: u64,
    /// Writes waiting for the forwarding table.
    pub queued: u64,
    /// Writes done since the card started.
    pub writes: u64,
    /// Of them: what was written again, since the forwarding table had been changed from outside.
    #[serde(default)]
    pub mended: u64,
    /// Digest over card parts.
    pub digest: String,
}
