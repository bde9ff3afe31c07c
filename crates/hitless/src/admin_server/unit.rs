//! What a control unit answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hitless_adapters::schema;
use hitless_admin::{Accepted, Answer, Code, EntryRow, ErrorBody, Rejected, Request, Submit};
use hitless_proto::entry::{Blob, Change};
use hitless_proto::error::SubmitError;
use hitless_proto::ids::{Party, ProcessId, UnitId, Version};
use hitless_proto::io::{Event, Role};
use hitless_runtime::{Events, HandleError, NoEvent, UnitHandle};

use super::{Answered, convert, stopped, wrong_party};
use crate::config::parse_party;
use crate::feed::row::change_of;
use crate::fpm::FpmHandle;

/// A control unit behind the admin API.
pub struct UnitBackend {
    handle: UnitHandle,
    processes: Vec<ProcessId>,
    parties: Vec<Party>,
    /// Why it may not claim, as it said last.
    waiting: Arc<Mutex<Option<String>>>,
    fpm: Option<FpmHandle>,
}

impl UnitBackend {
    /// Over a running unit. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(
        handle: UnitHandle,
        processes: Vec<ProcessId>,
        parties: Vec<Party>,
        fpm: Option<FpmHandle>,
    ) -> Self {
        let waiting = Arc::new(Mutex::new(None));
        tokio::spawn(note_waiting(handle.subscribe(), Arc::clone(&waiting)));
        Self { handle, processes, parties, waiting, fpm }
    }

    pub(super) fn handle(&self) -> &UnitHandle {
        &self.handle
    }

    pub(super) async fn ask(&self, request: Request) -> Answered {
        match request {
            Request::Status => {
                let status = self.handle.status().await.map_err(gone)?;
                let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let kept = self.handle.kept().await.map_err(gone)?;
                let mut status = convert::unit_status(&status, waiting, kept.as_ref());
                if let Some(fpm) = &self.fpm {
                    // A source that has stopped says so; the unit goes on.
                    status.sources.push(convert::source_status(fpm.report().await.as_ref()));
                }
                Ok(Answer::Unit(status))
            }
            Request::Report => {
                let reports = self.handle.reports().await.map_err(gone)?;
                Ok(Answer::Reports(reports.iter().map(convert::report).collect()))
            }
            Request::Show { process, key } => {
                let process = self.process(process)?;
                let shown = self.handle.show(process, Blob::new(&key.0)).await.map_err(gone)?;
                Ok(Answer::Shown(shown.map(|(version, content)| convert::shown(version, &content))))
            }
            Request::Submit(submit) => self.submit(submit).await.map(Answer::Accepted),
            Request::Switchover { to } => {
                if let Some(unit) = to.map(|to| Party::Unit(UnitId(to)))
                    && !self.parties.contains(&unit)
                {
                    return Err(
                        ErrorBody::new(Code::NotFound, no_such(unit)).hint("`hitless status` lists them")
                    );
                }
                let begun = self.handle.begin_switchover(to.map(UnitId)).await.map_err(gone)?;
                begun
                    .map(|to| Answer::SwitchoverBegun { to: to.0 })
                    .map_err(|error| convert::switchover_error(&error))
            }
            Request::Forgo { party } => {
                self.handle.forgo(self.known_party(&party)?).await.map_err(gone)?;
                Ok(Answer::Done)
            }
            Request::Sweep { disconnected } => self.sweep(disconnected).await,
            Request::Fault(_) => Err(wrong_party("fault", "cards")),
            Request::Hello | Request::Dump { .. } | Request::Watch => Ok(Answer::Done),
        }
    }

    async fn sweep(&self, disconnected: bool) -> Answered {
        let Some(fpm) = &self.fpm else {
            let message = format!("{} has no fpm source", self.handle.unit());
            return Err(ErrorBody::new(Code::NotFound, message)
                .hint("the key `fpm` of its [[unit]] section in the chassis file makes one"));
        };
        let swept = fpm.sweep(disconnected).await.ok_or_else(stopped)?;
        swept.map(|entries| Answer::Swept { entries }).map_err(|error| convert::sweep_refusal(&error))
    }

    pub(super) async fn dump(&self, process: u16) -> Result<Vec<EntryRow>, ErrorBody> {
        let entries = self.handle.entries(self.process(process)?).await.map_err(gone)?;
        Ok(entries.iter().map(|(key, version, content)| convert::entry_row(key, *version, content)).collect())
    }

    fn process(&self, number: u16) -> Result<ProcessId, ErrorBody> {
        known_process(&self.processes, number)
    }

    fn known_party(&self, name: &str) -> Result<Party, ErrorBody> {
        let Some(party) = parse_party(name) else {
            return Err(ErrorBody::new(Code::BadRequest, format!("`{name}` is not a party"))
                .hint("write card-3 or unit-2"));
        };
        if party == Party::Unit(self.handle.unit()) {
            return Err(ErrorBody::new(Code::Refused, format!("{party} is the unit that was asked")));
        }
        if !self.parties.contains(&party) {
            return Err(ErrorBody::new(Code::NotFound, no_such(party)));
        }
        Ok(party)
    }

    async fn submit(&self, submit: Submit) -> Result<Accepted, ErrorBody> {
        let mut accepted = Accepted::default();
        let mut lanes: BTreeMap<ProcessId, (Vec<usize>, Vec<Change>)> = BTreeMap::new();
        let rows = submit.changes.iter().map(|row| Ok(change_of(row)));
        let lines = submit.lines.iter().map(schema::parse_object);
        for (index, change) in rows.chain(lines).enumerate() {
            match change {
                Ok((process, change)) => {
                    let (indexes, changes) = lanes.entry(process).or_default();
                    indexes.push(index);
                    changes.push(change);
                }
                Err(reason) => accepted.rejected.push(Rejected { index, reason }),
            }
        }
        for (process, (indexes, changes)) in lanes {
            let outcomes = self.handle.submit_batch(process, changes).await.map_err(gone)?;
            for (index, outcome) in indexes.into_iter().zip(outcomes) {
                match outcome {
                    Ok(version) => extend(&mut accepted.ranges, process, version),
                    // The source submits all of it again, to the primary.
                    Err(error @ SubmitError::NotPrimary(_)) => return Err(convert::submit_error(&error)),
                    Err(error) => accepted.rejected.push(Rejected { index, reason: error.to_string() }),
                }
            }
        }
        accepted.rejected.sort_by_key(|rejected| rejected.index);
        Ok(accepted)
    }
}

fn no_such(party: Party) -> String {
    format!("there is no {party} in this chassis")
}

/// Adds a position to the last range, or begins another.
fn extend(ranges: &mut Vec<(u16, u32, u64, u64)>, process: ProcessId, version: Version) {
    if let Some((of, epoch, first, count)) = ranges.last_mut()
        && (*of, *epoch, *first + *count) == (process.0, version.epoch.0, version.seq.0)
    {
        *count += 1;
        return;
    }
    ranges.push((process.0, version.epoch.0, version.seq.0, 1));
}

async fn note_waiting(mut events: Events, waiting: Arc<Mutex<Option<String>>>) {
    loop {
        let now = match events.next().await {
            Ok(event) => match &*event {
                Event::Waiting { reason } => Some(reason.clone()),
                Event::Role { role: Role::Standby | Role::Primary | Role::TakingOver, .. } => None,
                Event::Role { role: Role::Joining | Role::HandingOver, .. }
                | Event::Completed { .. }
                | Event::Failed { .. }
                | Event::Cured { .. }
                | Event::InStep { .. }
                | Event::OutOfStep { .. }
                | Event::Planned(_)
                | Event::Takeover(_)
                | Event::SwitchoverAborted { .. }
                | Event::Misbehaved { .. }
                | Event::StoreFailed => continue,
            },
            Err(NoEvent::Missed(_)) => continue,
            Err(NoEvent::Stopped) => return,
        };
        *waiting.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

pub(super) fn known_process(processes: &[ProcessId], number: u16) -> Result<ProcessId, ErrorBody> {
    processes.iter().copied().find(|known| known.0 == number).ok_or_else(|| {
        ErrorBody::new(Code::NotFound, format!("no process {number} runs here"))
            .hint("the key `processes` of the chassis file names those that do")
    })
}

pub(super) fn gone(error: HandleError) -> ErrorBody {
    match error {
        HandleError::Stopped => stopped(),
        HandleError::BatchTooLong(_) => ErrorBody::new(Code::BadRequest, error.to_string()),
        HandleError::Table(_) => ErrorBody::new(Code::Unavailable, error.to_string()),
    }
}
