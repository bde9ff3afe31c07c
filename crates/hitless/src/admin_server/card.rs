//! What a card answers.

use std::num::NonZeroU64;

use hitless_adapters::memory::{FaultHandle, Faults};
use hitless_admin::{Answer, Code, EntryRow, ErrorBody, Fault, Request, Shown};
use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_runtime::CardHandle;

use super::connection::for_units;
use super::unit::{gone, known_process};
use super::{Answered, convert};

/// A card behind the admin API.
pub struct CardBackend {
    handle: CardHandle,
    processes: Vec<ProcessId>,
    faults: Option<FaultHandle>,
}

impl CardBackend {
    /// Over a running card, whose table misbehaves as `faults` says if it is one that can.
    #[must_use]
    pub fn new(handle: CardHandle, processes: Vec<ProcessId>, faults: Option<FaultHandle>) -> Self {
        Self { handle, processes, faults }
    }

    pub(super) fn handle(&self) -> &CardHandle {
        &self.handle
    }

    pub(super) async fn ask(&self, request: Request) -> Answered {
        match request {
            Request::Status => {
                let status = self.handle.status().await.map_err(gone)?;
                Ok(Answer::Card(convert::card_status(&status)))
            }
            Request::Show { process, key } => {
                let process = known_process(&self.processes, process)?;
                let shown = self.handle.show(process, Blob::new(&key.0)).await.map_err(gone)?;
                Ok(Answer::Shown(shown.map(|(version, content, failed)| Shown {
                    epoch: version.epoch.0,
                    seq: version.seq.0,
                    card_part: convert::bytes(&content.part),
                    standby_part: None,
                    // A card knows of a named audience only that it is one of it.
                    cards: (!content.for_all).then(|| vec![self.handle.card().0]),
                    failed,
                })))
            }
            Request::Fault(fault) => {
                let Some(handle) = &self.faults else {
                    let message = "this card's forwarding table is real: it has no faults on demand";
                    return Err(
                        ErrorBody::new(Code::Refused, message).hint("a card with table = \"memory\" has")
                    );
                };
                handle.set(faults(fault));
                Ok(Answer::Done)
            }
            Request::Report => Err(for_units("report")),
            Request::Submit(_) => Err(for_units("submit")),
            Request::Switchover { .. } => Err(for_units("switchover")),
            Request::Forgo { .. } => Err(for_units("forgo")),
            Request::Sweep { .. } => Err(for_units("sweep")),
            Request::Hello | Request::Dump { .. } | Request::Watch => Ok(Answer::Done),
        }
    }

    pub(super) async fn dump(&self, process: u16) -> Result<Vec<EntryRow>, ErrorBody> {
        let process = known_process(&self.processes, process)?;
        let entries = self.handle.dump(process).await.map_err(gone)?;
        let row = |(key, part): (Blob, Blob)| {
            EntryRow(convert::bytes(&key), convert::bytes(&part), None, None, 0, 0)
        };
        Ok(entries.into_iter().map(row).collect())
    }
}

fn faults(fault: Fault) -> Faults {
    Faults {
        slow_micros: fault.slow_micros,
        failing: fault.failing.iter().map(|key| Blob::new(&key.0)).collect(),
        fail_every: NonZeroU64::new(fault.fail_every),
        capacity: fault.capacity.map(|capacity| usize::try_from(capacity).unwrap_or(usize::MAX)),
    }
}
