//! The state that a control unit keeps on disk: read when it starts, written behind its back, and done without where that fails.

use std::collections::BTreeMap;

use hitless_proto::ControlUnit;
use hitless_proto::ids::{Party, ProcessId, Time, Version};
use hitless_proto::input::Input;
use hitless_proto::kept::{KeepBatch, KeptAt};

use crate::limits::{KEEP_QUEUE, KEEP_RETRY, KEEP_ROWS};
use crate::recorder::Recorder;
use crate::worker::{KeepJob, KeepThread};
use crate::{Keep, StoreError, observe};

/// How far the state of a control unit is kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptStatus {
    /// Where: a path.
    pub place: String,
    /// Why it is not kept at present.
    pub failed: Option<String>,
    /// Per process, as of where it is whole.
    pub positions: BTreeMap<ProcessId, Version>,
}

/// Gives a core what was kept, before it is given anything else.
pub(super) fn restore(
    keep: &mut dyn Keep,
    core: &mut ControlUnit,
    recorder: &mut Option<Recorder>,
    (own, now): (Party, Time),
) -> Result<BTreeMap<ProcessId, Version>, StoreError> {
    let (mut positions, mut count) = (BTreeMap::new(), 0);
    keep.load(&mut |process, at, entries| {
        count += entries.len() as u64;
        positions.insert(process, at.version);
        give(core, recorder, now, Input::Restore { process, at, entries });
    })?;
    observe::restored(own, &keep.place(), count);
    Ok(positions)
}

/// Has a core keep these processes too, of which nothing was kept.
pub(super) fn begin(
    core: &mut ControlUnit,
    recorder: &mut Option<Recorder>,
    now: Time,
    processes: impl Iterator<Item = ProcessId>,
) {
    for process in processes {
        let (at, entries) = (KeptAt::default(), Vec::new());
        give(core, recorder, now, Input::Restore { process, at, entries });
    }
}

fn give(core: &mut ControlUnit, recorder: &mut Option<Recorder>, now: Time, input: Input) {
    recorder.iter_mut().for_each(|recorder| recorder.record(now, &input));
    let _no_outputs = input.apply_to_unit(core, now);
}

/// The driver's end of the thread that writes.
pub(super) struct Keeping {
    thread: KeepThread,
    status: KeptStatus,
    in_flight: usize,
    /// The next batch is the first after an error.
    anew: bool,
    /// When to try again, after one.
    retry_at: Option<Time>,
}

impl Keeping {
    pub(super) fn new(thread: KeepThread, status: KeptStatus) -> Self {
        Self { thread, status, in_flight: 0, anew: false, retry_at: None }
    }

    pub(super) fn status(&self) -> KeptStatus {
        self.status.clone()
    }

    pub(super) fn retry_at(&self) -> Option<Time> {
        self.retry_at
    }

    /// Gives the thread what is to be kept, as much as it can take.
    pub(super) fn give(&mut self, core: &mut ControlUnit, now: Time) {
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            core.keep_anew();
            self.anew = true;
        }
        while self.retry_at.is_none() && self.in_flight < KEEP_QUEUE {
            let Some(batch) = core.take_unkept(KEEP_ROWS) else { break };
            self.keep(batch);
        }
    }

    fn keep(&mut self, batch: KeepBatch) {
        let anew = std::mem::take(&mut self.anew);
        // The queue is as long as what may be in flight: this does not wait.
        if self.thread.keep(KeepJob { batch, anew }) {
            self.in_flight += 1;
        }
    }

    /// What became of a batch.
    pub(super) fn answered(
        &mut self,
        own: Party,
        kept: Result<(ProcessId, Option<KeptAt>), String>,
        now: Time,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match kept {
            Ok((process, at)) => {
                if self.status.failed.take().is_some() {
                    observe::kept_again(own, &self.status.place);
                }
                self.status.positions.extend(at.map(|at| (process, at.version)));
            }
            Err(why) => {
                if self.status.failed.is_none() {
                    observe::not_kept(own, &self.status.place, &why);
                }
                self.status.failed = Some(why);
                self.retry_at = Some(now.after(KEEP_RETRY.as_micros() as u64));
            }
        }
    }

    /// Keeps what is left, where it can, and closes.
    pub(super) fn finish(mut self, core: &mut ControlUnit) {
        while self.status.failed.is_none()
            && let Some(batch) = core.take_unkept(KEEP_ROWS)
        {
            self.keep(batch);
        }
        self.thread.join();
    }
}
