//! From the protocol's values to those of the admin API.

use hitless_adapters::fpm::{SOURCE, SweepRefusal};
use hitless_admin as api;
use hitless_proto::entry::{Blob, Content};
use hitless_proto::error::{SubmitError, SwitchoverError};
use hitless_proto::ids::{Party, ProcessId, UnitId, Version};
use hitless_proto::io::{Event, Role};
use hitless_proto::report::{Method, TakeoverReport};
use hitless_proto::status::{
    CardStatus, ChannelState, ChannelStatus, ClientStatus, ProcessStatus, UnitStatus,
};

use hitless_runtime::KeptStatus;

use crate::feed::row::cards_of;
use crate::fpm::FpmReport;
use crate::render;

pub(super) fn bytes(blob: &[u8]) -> api::Bytes {
    api::Bytes(blob.to_vec())
}

pub(super) fn role(role: Role) -> api::Role {
    match role {
        Role::Joining => api::Role::Joining,
        Role::Standby => api::Role::Standby,
        Role::TakingOver => api::Role::TakingOver,
        Role::Primary => api::Role::Primary,
        Role::HandingOver => api::Role::HandingOver,
    }
}

pub(super) fn unit_status(
    status: &UnitStatus,
    waiting: Option<String>,
    kept: Option<&KeptStatus>,
) -> api::UnitStatus {
    api::UnitStatus {
        unit: status.unit.0,
        life: status.life.0,
        role: role(status.role),
        epoch: status.epoch.0,
        primary: status.primary.map(|unit| unit.0),
        opened: status.record.opened,
        in_sync: status.record.in_sync.iter().map(|(unit, _)| unit.0).collect(),
        connected: status.connected.iter().map(|(party, _)| party.to_string()).collect(),
        waiting,
        not_kept: kept.and_then(|kept| kept.failed.clone()),
        processes: status.processes.iter().map(|process| process_status(process, kept)).collect(),
        channels: status.channels.iter().map(channel_status).collect(),
        sources: Vec::new(),
    }
}

pub(super) fn source_status(report: Option<&FpmReport>) -> api::SourceStatus {
    let Some(FpmReport { status, peer }) = report else {
        let last_refusal = Some("the source has stopped: a defect, see the log".to_owned());
        return api::SourceStatus { source: SOURCE.to_owned(), last_refusal, ..api::SourceStatus::default() };
    };
    api::SourceStatus {
        source: SOURCE.to_owned(),
        session: peer.map(|peer| peer.to_string()),
        sessions: status.sessions,
        signalled: status.signalled,
        routes: status.routes,
        held: status.held,
        stale: status.stale,
        waiting: status.waiting,
        pending: status.pending,
        kept_out: status.kept_out,
        skipped: status.skipped,
        refused: status.refused,
        last_refusal: status.last_refusal.clone(),
        submitted: status.submitted,
        swept: status.swept,
        answered: status.answered,
    }
}

pub(super) fn sweep_refusal(refusal: &SweepRefusal) -> api::ErrorBody {
    let message = refusal.to_string();
    match refusal {
        SweepRefusal::NotPrimary => not_primary(None, message),
        SweepRefusal::NoSession(_) => api::ErrorBody::new(api::Code::Refused, message)
            .hint("`--disconnected` if that is meant; else wait until zebra is connected again"),
    }
}

fn process_status(status: &ProcessStatus, kept: Option<&KeptStatus>) -> api::ProcessStatus {
    let kept = kept.map(|kept| kept.positions.get(&status.process).copied().unwrap_or_default());
    api::ProcessStatus {
        process: status.process.0,
        name: render::process(status.process.0),
        entries: status.entries,
        received: status.received.seq.0,
        folded: status.folded.seq.0,
        pending: status.pending,
        programmed: status.programmed.0,
        safe: status.safe.0,
        kept: kept.map(|at| at.seq.0),
        digest: format!("{:032x}", status.digest.0),
    }
}

fn channel_status(status: &ChannelStatus) -> api::ChannelStatus {
    api::ChannelStatus {
        process: status.process.0,
        follower: status.follower.to_string(),
        state: match status.state {
            ChannelState::Away => api::ChannelState::Away,
            ChannelState::Claimed => api::ChannelState::Claimed,
            ChannelState::Comparing => api::ChannelState::Comparing,
            ChannelState::Filling => api::ChannelState::Filling,
            ChannelState::InStep => api::ChannelState::InStep,
        },
        acked: status.acked.0,
        in_flight: status.in_flight,
        failed: status.failed,
    }
}

pub(super) fn card_status(status: &CardStatus) -> api::CardStatus {
    api::CardStatus {
        card: status.card.0,
        life: status.life.0,
        promised: status.promised.0,
        owner: status.owner.0,
        connected: status.connected.iter().map(|(unit, _)| unit.0).collect(),
        channels: status.channels.iter().map(client_status).collect(),
    }
}

fn client_status(status: &ClientStatus) -> api::ClientStatus {
    api::ClientStatus {
        process: status.process.0,
        entries: status.entries,
        applied: status.applied.seq.0,
        in_step: status.in_step,
        failed: status.failed,
        queued: status.queued,
        writes: status.writes,
        mended: status.mended,
        digest: format!("{:032x}", status.digest.0),
    }
}

pub(super) fn report(report: &TakeoverReport) -> api::TakeoverReport {
    let phases = report.phases;
    api::TakeoverReport {
        epoch: report.epoch.0,
        unit: report.unit.0,
        planned: report.planned,
        recovered: report.recovered,
        phases: api::Phases {
            granted: phases.granted,
            promised: phases.promised,
            replayed: phases.replayed,
            verified: phases.verified,
            opened: phases.opened,
        },
        channels: report.channels.iter().map(channel_report).collect(),
        absent: report.absent.iter().map(|card| card.0).collect(),
    }
}

fn channel_report(channel: &hitless_proto::report::ChannelReport) -> api::ChannelReport {
    api::ChannelReport {
        process: channel.process.0,
        card: channel.card.0,
        method: match channel.method {
            Method::Replay => api::Method::Replay,
            Method::Reconcile => api::Method::Reconcile,
        },
        folded: channel.folded,
        in_doubt: channel.in_doubt,
        replayed: channel.replayed,
        bytes: channel.bytes,
        adopted: channel.adopted,
        failed: channel.failed,
        micros: channel.micros,
        verified: channel.verified,
        entries: channel.entries,
        full_bytes: channel.full_bytes,
    }
}

pub(super) fn entry_row(key: &Blob, version: Version, content: &Content) -> api::EntryRow {
    let standby = content.standby_part.as_ref().map(|part| bytes(part));
    let cards = cards_of(&content.audience);
    api::EntryRow(bytes(key), bytes(&content.card_part), standby, cards, version.epoch.0, version.seq.0)
}

pub(super) fn shown(version: Version, content: &Content) -> api::Shown {
    api::Shown {
        epoch: version.epoch.0,
        seq: version.seq.0,
        card_part: bytes(&content.card_part),
        standby_part: content.standby_part.as_ref().map(|part| bytes(part)),
        cards: cards_of(&content.audience),
        failed: false,
    }
}

/// What watchers are told. Sources get what is not [`api::Notice::Event`].
pub(super) fn notice(event: &Event) -> api::Notice {
    let said = |text: String| api::Notice::Event { text };
    let named = |process: ProcessId, party: Party| format!("{} on {party}", render::process(process.0));
    match event {
        Event::Role { role: now, epoch } => {
            api::Notice::Role { role: role(*now), epoch: epoch.0, primary: None }
        }
        Event::Completed { process, programmed, safe } => {
            api::Notice::Completed { process: process.0, programmed: programmed.0, safe: safe.0 }
        }
        Event::Failed { op, card, key, reason } => api::Notice::Failed {
            process: op.process.0,
            seq: op.version.seq.0,
            card: card.0,
            key: bytes(key),
            reason: reason.clone(),
        },
        Event::Cured { process, card, key } => {
            api::Notice::Cured { process: process.0, card: card.0, key: bytes(key) }
        }
        Event::InStep { process, follower } => said(format!("{} is in step", named(*process, *follower))),
        Event::OutOfStep { process, follower, reason } => {
            said(format!("{} is out of step: {reason}", named(*process, *follower)))
        }
        Event::Planned(plan) => said(plan.to_string()),
        Event::Takeover(done) => api::Notice::Takeover(report(done)),
        Event::SwitchoverAborted { reason } => said(format!("the switchover was given up: {reason}")),
        Event::Misbehaved { peer, error } => said(format!("{peer} broke the protocol: {error}")),
        Event::Waiting { reason } => said(format!("waiting: {reason}")),
        Event::StoreFailed => said("durable state could not be written".to_owned()),
    }
}

pub(super) fn not_primary(primary: Option<UnitId>, message: String) -> api::ErrorBody {
    let hint = match primary {
        Some(unit) => format!("ask {unit}"),
        None => "`hitless status` shows whether a unit is taking over".to_owned(),
    };
    api::ErrorBody {
        code: api::Code::NotPrimary,
        message,
        hint: Some(hint),
        primary: primary.map(|unit| unit.0),
    }
}

pub(super) fn submit_error(error: &SubmitError) -> api::ErrorBody {
    let message = error.to_string();
    match error {
        SubmitError::NotPrimary(primary) => not_primary(*primary, message),
        SubmitError::Busy => api::ErrorBody::new(api::Code::Unavailable, message),
        SubmitError::UnknownProcess(_) | SubmitError::Invalid(_) => {
            api::ErrorBody::new(api::Code::BadRequest, message)
        }
    }
}

pub(super) fn switchover_error(error: &SwitchoverError) -> api::ErrorBody {
    let message = error.to_string();
    match error {
        SwitchoverError::NotPrimary(primary) => not_primary(*primary, message),
        SwitchoverError::UnderWay(_)
        | SwitchoverError::NotInSync(_)
        | SwitchoverError::NoStandby
        | SwitchoverError::AlreadyPrimary(_) => api::ErrorBody::new(api::Code::Refused, message),
    }
}
