//! The only file that turns what happens into logs.
//!
//! `error`: an operator must act. `warn`: something is wrong outside this party. `info`: the chassis changed.

use std::io;
use std::net::SocketAddr;

use hitless_proto::ids::{Party, ProcessId, UnitId};
use hitless_proto::io::{Event, Role};
use tracing::field::display;
use tracing::{debug, error, info, warn};

use crate::Finding;
use crate::transport::LinkEnd;
use crate::wording::Wording;

/// A protocol event of `own`.
pub(crate) fn event(own: Party, event: &Event, wording: &Wording) {
    let named = |process: &ProcessId| display((wording.process)(*process));
    match event {
        Event::Role { role, epoch } => info!(%own, role = role_name(*role), epoch = epoch.0, "role"),
        Event::Completed { process, programmed, safe } => {
            tracing::trace!(
                %own, process = named(process), programmed = programmed.0, safe = safe.0, "completed"
            );
        }
        Event::Failed { op, card, key, reason } => {
            let (process, version) = (named(&op.process), op.version);
            let key = display((wording.key)(op.process, key));
            warn!(
                %own, process, op = %version, %card, key, reason,
                "the forwarding table refused an op; it is tried again"
            );
        }
        Event::Cured { process, card, key } => {
            let key = display((wording.key)(*process, key));
            info!(%own, process = named(process), %card, key, "what had failed is cured");
        }
        Event::InStep { process, follower } => {
            info!(%own, process = named(process), %follower, "in step");
        }
        Event::OutOfStep { process, follower, reason } => {
            let process = named(process);
            warn!(%own, process, %follower, reason, "out of step: it is compared and repaired");
        }
        Event::Planned(plan) => info!(%own, %plan, "takeover plan"),
        Event::Takeover(report) => {
            let verified = report.channels.iter().filter(|channel| channel.verified).count();
            let replayed: u64 = report.channels.iter().map(|channel| channel.replayed).sum();
            info!(
                %own, epoch = report.epoch.0, planned = report.planned, channels = report.channels.len(), verified,
                replayed, absent = report.absent.len(), micros = report.phases.opened, "takeover is over"
            );
        }
        Event::SwitchoverAborted { reason } => {
            warn!(%own, reason, "switchover given up; this unit stays primary")
        }
        Event::Misbehaved { peer, error } => {
            error!(%own, %peer, %error, "a peer broke the protocol: its link is closed; is it the same release?");
        }
        Event::Waiting { reason } => warn!(%own, reason, "waiting"),
        Event::StoreFailed => {
            error!(%own, "durable state could not be written: promises are withheld until it can (is the disk full?)");
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Joining => "joining",
        Role::Standby => "standby",
        Role::TakingOver => "taking over",
        Role::Primary => "primary",
        Role::HandingOver => "handing over",
    }
}

/// A link was made.
pub(crate) fn connected(own: Party, peer: Party) {
    info!(%own, %peer, "link up");
}

/// A link ended.
pub(crate) fn disconnected(own: Party, peer: Party, end: &LinkEnd) {
    match end {
        LinkEnd::Closed | LinkEnd::Torn | LinkEnd::Goodbye(_) | LinkEnd::Stopping => {
            info!(%own, %peer, %end, "link down");
        }
        LinkEnd::Failed(_)
        | LinkEnd::Missed(_)
        | LinkEnd::Garbage(_)
        | LinkEnd::Misbehaved(_)
        | LinkEnd::Replaced
        | LinkEnd::Overflow => warn!(%own, %peer, %end, "link down"),
    }
}

/// A connection did not become part of a link; `unsaid` before it were not told of.
pub(crate) fn turned_away(own: Party, from: SocketAddr, why: &dyn std::fmt::Display, unsaid: u64) {
    if unsaid == 0 {
        warn!(%own, %from, %why, "a connection was turned away");
    } else {
        warn!(%own, %from, %why, unsaid, "a connection was turned away, as others were since the last notice");
    }
}

/// Too many connections had not said who they are.
pub(crate) fn crowded_out(own: Party) {
    debug!(%own, "too many silent connections: the oldest was closed");
}

/// The system refused to take a connection.
pub(crate) fn accept_failed(own: Party, cause: &io::Error) {
    error!(%own, %cause, "cannot take a connection (is the limit of open files too low?)");
}

/// A unit could not be linked. Told when the reason changes.
pub(crate) fn not_reached(own: Party, unit: UnitId, address: &str, why: &str) {
    warn!(%own, %unit, address, why, "not linked; dialling on");
}

/// Durable state could not be written.
pub(crate) fn not_saved(own: Party, why: &dyn std::fmt::Display) {
    error!(%own, %why, "durable state was not saved");
}

/// A unit begins with what it kept.
pub(crate) fn restored(own: Party, place: &str, entries: u64) {
    info!(%own, place, entries, "kept state was read");
}

/// A unit begins without what it kept.
pub(crate) fn not_restored(own: Party, place: &str, why: &dyn std::fmt::Display) {
    error!(
        %own, place, %why,
        "kept state cannot be used: it is begun anew, and if no other unit has any, a rebuild is from the cards alone"
    );
}

/// The state is not kept any more.
pub(crate) fn not_kept(own: Party, place: &str, why: &str) {
    error!(%own, place, why, "the state cannot be kept on disk: the unit goes on without, and tries again now and then");
}

/// It is kept again.
pub(crate) fn kept_again(own: Party, place: &str) {
    info!(%own, place, "the state is kept on disk again");
}

/// A forwarding table did not answer as its contract says.
pub(crate) fn table_broke_contract(own: Party, table: &str, writes: usize, outcomes: usize) {
    error!(%own, table, writes, outcomes, "the forwarding table must answer each write once; the rest counts as failed");
}

/// What a forwarding table found by itself: one line for each kind, however much there is.
pub(crate) fn found(own: Party, findings: &[Finding], wording: &Wording) {
    for mended in [true, false] {
        let mut held = findings.iter().filter_map(|finding| match finding {
            Finding::Held { process, key, part, mend } if *mend == mended => Some((*process, key, part)),
            Finding::Held { .. } | Finding::Curable { .. } | Finding::Blind(_) => None,
        });
        let Some((process, key, part)) = held.next() else { continue };
        let (first, entries) = (display((wording.key)(process, key)), held.count() + 1);
        let lost = part.is_none();
        if mended {
            warn!(%own, entries, first, lost, "the forwarding table was changed from outside: where it differs it is mended");
        } else {
            warn!(%own, entries, first, lost, "the forwarding table was changed from outside: left so, as configured");
        }
    }
    for finding in findings {
        match finding {
            Finding::Curable { process } => {
                info!(%own, process = display((wording.process)(*process)), "what was refused is tried again");
            }
            Finding::Blind(why) => warn!(%own, why, "the forwarding table cannot be watched at present"),
            Finding::Held { .. } => {}
        }
    }
}

/// A recording stopped before the party did.
pub(crate) fn recording_stopped(own: Party, why: &str) {
    warn!(%own, why, "recording stopped; the party goes on");
}
