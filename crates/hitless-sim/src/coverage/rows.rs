//! The faults that are counted, numbered as in the list they come from, and in which roles each makes sense.

use super::Victim;

/// One fault. Where the list names several in one number, each has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "ROWS has their names")]
pub enum Row {
    BeforeAnySend,
    OneCardNotAnother,
    AllCardsNoStandby,
    StandbyNoCard,
    OneStandbyNotAnother,
    MidFrame,
    AckNotRelayed,
    CompletionNotTold,
    InSyncChange,
    MidBulk,
    InTheFreeze,
    HandedOver,
    Claimed,
    SomePromises,
    MidReplay,
    Replayed,
    OpenBeforeSynced,
    TwoClaimants,
    ClaimAnswerLost,
    AckLost,
    AckTwice,
    AckOutOfOrder,
    AckBeforeUpdate,
    Orphan,
    AckOfOldChannel,
    AckBelowStable,
    AckOfDroppedOp,
    AckOnlyAtTheDead,
    AckEarly,
    CardEmpty,
    CardIntact,
    CardBetweenApplyAndAck,
    CardTwice,
    CardSlow,
    CardFrozenOverFailover,
    Nack,
    TableFull,
    ReadBackDiffers,
    ForeignEdit,
    DependantsDropped,
    InterfaceFlaps,
    HotAdd,
    HotRemove,
    OnlyOldPrimary,
    CutPrimaryStandby,
    CutPrimaryCard,
    CutStandbyCard,
    OneDirection,
    PartialRing,
    Flapping,
    BlackHole,
    OldEpochBytes,
    TornFrames,
    FlippedBit,
    TwoSessions,
    FullSocket,
    StaleReturns,
    FrozenOverLease,
    ClockJump,
    UnitEmpty,
    FormerLife,
    ArbiterDown,
    ArbiterSlow,
    NoQuorum,
    DiskFull,
    SyncError,
    PromiseLost,
    Exhausted,
    VersionSkew,
    HighIds,
    SourceHeldBack,
    QueueFull,
    ReconcileCut,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Which.
    pub row: Row,
    /// Its number in the list of faults.
    pub number: u8,
    /// What happens.
    pub name: &'static str,
    /// Whom it can hit: the cells that must be hit.
    pub victims: &'static [Victim],
    /// Why the other cells make no sense.
    pub why: &'static str,
}

const P: Victim = Victim::PRIMARY;
const T: Victim = Victim::TAKING_OVER;
const H: Victim = Victim::HANDING_OVER;
const S: Victim = Victim::STANDBY;
const J: Victim = Victim::JOINING;
const C: Victim = Victim::Card;
const X: Victim = Victim::Chassis;

const fn line(
    row: Row,
    number: u8,
    name: &'static str,
    victims: &'static [Victim],
    why: &'static str,
) -> Line {
    Line { row, number, name, victims, why }
}

const ISSUES: &str = "only an open primary issues the ops of sources";
const CLAIMS: &str = "only who was granted an epoch claims cards and replays";
const CARDS: &str = "happens at a card";
const UNITS: &str = "cards are not hit by it: it is between units";

/// Every row, ascending.
pub const ROWS: &[Line] = &[
    line(Row::BeforeAnySend, 1, "dies before any send", &[P], ISSUES),
    line(Row::OneCardNotAnother, 2, "dies after card A, before B", &[P], ISSUES),
    line(Row::AllCardsNoStandby, 3, "dies after all cards, no standby", &[P], ISSUES),
    line(Row::StandbyNoCard, 4, "dies after a standby, no card", &[P], ISSUES),
    line(Row::OneStandbyNotAnother, 5, "dies after one standby, not the other", &[P], ISSUES),
    line(Row::MidFrame, 6, "dies mid-frame", &[P, T, H, S, J, C], "the chassis does not send"),
    line(Row::AckNotRelayed, 7, "dies after an ack, before relaying it", &[P], "only a primary relays acks"),
    line(Row::CompletionNotTold, 8, "dies after completion, before telling the source", &[P], ISSUES),
    line(
        Row::InSyncChange,
        9,
        "dies during an in-sync change",
        &[P, T],
        "only the owner of an epoch changes its record",
    ),
    line(Row::MidBulk, 10, "dies mid-bulk", &[P, T], "only the owner of an epoch fills followers"),
    line(
        Row::InTheFreeze,
        11,
        "dies in the switchover's freeze",
        &[H],
        "only who hands over has closed its intake",
    ),
    line(
        Row::HandedOver,
        12,
        "dies after the hand-over, before its own demotion",
        &[H],
        "only who hands over is demoted by it",
    ),
    line(Row::Claimed, 13, "dies after the claim", &[T], CLAIMS),
    line(Row::SomePromises, 14, "dies after some promises", &[T], CLAIMS),
    line(Row::MidReplay, 15, "dies mid-replay", &[P, T], CLAIMS),
    line(Row::Replayed, 16, "dies after the replay, before it opens", &[T], CLAIMS),
    line(
        Row::OpenBeforeSynced,
        17,
        "dies open, before a standby is synced",
        &[P],
        "only an open primary is open",
    ),
    line(Row::TwoClaimants, 18, "dies as one of two claimants", &[T, S, J], "who is primary claims nothing"),
    line(
        Row::ClaimAnswerLost,
        19,
        "dies while the answer to its claim is on its way",
        &[S, J],
        "who was granted an epoch has its answer; a primary asks for none",
    ),
    line(Row::AckLost, 20, "ack lost", &[P, T, H, S, J], "cards take no acks"),
    line(Row::AckTwice, 21, "ack twice", &[P, T, H, S, J], "cards take no acks"),
    line(Row::AckOutOfOrder, 22, "ack out of order", &[P, T, H, S, J], "cards take no acks"),
    line(
        Row::AckBeforeUpdate,
        23,
        "ack before its update",
        &[S],
        "an owner issued what is acked; a joiner counts no acks",
    ),
    line(Row::Orphan, 24, "orphan", &[T], "found by the one that takes over"),
    line(
        Row::AckOfOldChannel,
        25,
        "ack of an old epoch or beginning",
        &[P, T, H, S, J],
        "cards take no acks",
    ),
    line(Row::AckBelowStable, 26, "ack below the truncation point", &[P, T, H, S, J], "cards take no acks"),
    line(
        Row::AckOfDroppedOp,
        27,
        "ack of an op that the new epoch dropped",
        &[P, T, S, J],
        "cards take no acks; who hands over has dropped nothing since it opened",
    ),
    line(
        Row::AckOnlyAtTheDead,
        28,
        "dies as the only one that knows of an ack",
        &[P],
        "acks that count are the primary's",
    ),
    line(Row::AckEarly, 29, "early ack: its effect is lost", &[C], CARDS),
    line(Row::CardEmpty, 30, "restarts empty", &[C], CARDS),
    line(Row::CardIntact, 31, "restarts empty, its table intact", &[C], CARDS),
    line(Row::CardBetweenApplyAndAck, 32, "restarts between apply and ack", &[C], CARDS),
    line(Row::CardTwice, 33, "restarts twice before it is in step", &[C], CARDS),
    line(Row::CardSlow, 34, "ten times slower", &[C], CARDS),
    line(Row::CardFrozenOverFailover, 35, "frozen, thawed after the failover", &[C], "a unit's is 56"),
    line(Row::Nack, 36, "nack", &[C], CARDS),
    line(Row::TableFull, 37, "table full", &[C], CARDS),
    line(Row::ReadBackDiffers, 38, "read-back differs", &[C], CARDS),
    line(Row::ForeignEdit, 39, "foreign edit", &[C], CARDS),
    line(Row::DependantsDropped, 39, "kernel drops dependants", &[C], CARDS),
    line(Row::InterfaceFlaps, 40, "interface flaps", &[C], CARDS),
    line(Row::HotAdd, 41, "hot add", &[C], CARDS),
    line(Row::HotRemove, 41, "hot remove", &[C], CARDS),
    line(Row::OnlyOldPrimary, 42, "reachable only by the old primary at a takeover", &[C], CARDS),
    line(Row::CutPrimaryStandby, 43, "owner and other unit cut", &[P, T, H, S, J], UNITS),
    line(Row::CutPrimaryCard, 44, "owner and card cut", &[P, T, H, C], "a standby's is 45"),
    line(Row::CutStandbyCard, 45, "standby and card cut", &[S, J, C], "an owner's is 44"),
    line(
        Row::OneDirection,
        46,
        "not heard in one direction",
        &[P, T, H, S, J, C],
        "the chassis has no direction",
    ),
    line(Row::PartialRing, 47, "partial ring", &[X], "hits all parties"),
    line(Row::Flapping, 48, "link flaps at 10 Hz", &[P, T, H, S, J, C], "the chassis has no link"),
    line(Row::BlackHole, 49, "black hole without reset", &[P, T, H, S, J, C], "the chassis has no link"),
    line(
        Row::OldEpochBytes,
        50,
        "old-epoch bytes after the takeover",
        &[P, T, S, J, C],
        "who hands over is of the newest epoch, and drained",
    ),
    line(Row::TornFrames, 51, "torn and merged frames", &[P, T, H, S, J, C], "the chassis reads nothing"),
    line(Row::FlippedBit, 52, "flipped bit", &[P, T, H, S, J, C], "the chassis reads nothing"),
    line(Row::TwoSessions, 53, "two sessions of one peer", &[P, T, H, S, J, C], "the chassis has no peer"),
    line(
        Row::FullSocket,
        54,
        "its socket is full, others flow",
        &[S, J, C],
        "only followers are sent more than an answer",
    ),
    line(
        Row::StaleReturns,
        55,
        "stale primary returns",
        &[P, T],
        "others own no epoch; who handed over knows that it is over",
    ),
    line(
        Row::FrozenOverLease,
        56,
        "frozen while another takes over",
        &[P, T, H],
        "others own no epoch; a card's is 35",
    ),
    line(Row::ClockJump, 57, "clock jumps an hour", &[P, T, H, S, J, C], "each party has its own clock"),
    line(Row::UnitEmpty, 58, "returns empty with the same name", &[P, T, H, S, J], "a card's is 30"),
    line(
        Row::FormerLife,
        59,
        "snapshot meant for its former life",
        &[J, C],
        "an owner is sent no snapshot, a standby needs none",
    ),
    line(Row::ArbiterDown, 60, "arbiter down", &[X], "it is of the chassis"),
    line(Row::ArbiterSlow, 60, "arbiter slow", &[X], "it is of the chassis"),
    line(Row::NoQuorum, 60, "voters without quorum", &[X], "it is of the chassis"),
    line(Row::DiskFull, 61, "disk full", &[P, T, H, S, J, C], "each party has its own disk"),
    line(Row::SyncError, 61, "write to disk fails", &[P, T, H, S, J, C], "each party has its own disk"),
    line(
        Row::PromiseLost,
        61,
        "dies, and what it was storing is lost",
        &[P, T, S, J, C],
        "a hand-over writes nothing",
    ),
    line(Row::Exhausted, 62, "out of memory or descriptors", &[P, T, H, S, J, C], "each party has its own"),
    line(
        Row::VersionSkew,
        63,
        "version skew, upgrade and rollback",
        &[],
        "there is one version of the format: another is refused in the handshake, which is tested where it is (`another_wire_version_is_refused_by_name` in hitless-runtime, `other_versions_are_told_from_garbage` in hitless-proto)",
    ),
    line(
        Row::HighIds,
        64,
        "ids near their maximum",
        &[X],
        "ids are of the whole chassis. Epochs only: positions begin at 1 and rise by one, so that none gets near 2^64",
    ),
    line(Row::SourceHeldBack, 65, "queue full: sources are held back", &[P], ISSUES),
    line(
        Row::QueueFull,
        65,
        "queue full: writes wait for the forwarding table",
        &[C],
        "only cards have one; what a standby takes it has room for, and its socket is 54",
    ),
    line(
        Row::ReconcileCut,
        66,
        "reconcile cut short",
        &[P, T, J, C],
        "a standby is in step: it is not reconciled",
    ),
];

impl Row {
    /// Its number and name, as in the tables.
    #[must_use]
    pub fn label(self) -> String {
        let line = ROWS.iter().find(|line| line.row == self);
        line.map_or_else(|| format!("{self:?}"), |line| format!("{} {}", line.number, line.name))
    }
}
