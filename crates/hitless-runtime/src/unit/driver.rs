//! Runs the core of a control unit: `select` waits, `apply` is sync and total, `drain` comes after all inputs at hand.

use std::collections::{BTreeMap, VecDeque};

use hitless_proto::ControlUnit;
use hitless_proto::error::SubmitError;
use hitless_proto::ids::{Party, ProcessId, Time};
use hitless_proto::input::Input;
use hitless_proto::io::{Event, Output, Role, Verdict};
use tokio::sync::{mpsc, oneshot};

use super::command::{Batch, Command};
use super::keeping::Keeping;
use crate::clock::Clock;
use crate::events::EventSender;
use crate::limits::{INPUTS_AT_ONCE, MAX_SUBMIT};
use crate::observe;
use crate::recorder::Recorder;
use crate::switchboard::Switchboard;
use crate::transport::Delivery;
use crate::wording::Wording;
use crate::worker::{Answer, ArbiterThread, StoreThread};

pub(super) struct Driver {
    pub(super) own: Party,
    pub(super) core: ControlUnit,
    pub(super) clock: Clock,
    pub(super) processes: Vec<ProcessId>,
    pub(super) switchboard: Switchboard,
    pub(super) inbox: mpsc::Receiver<Delivery>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) answers: mpsc::Receiver<Answer>,
    /// Answers that came at once, since a thread could not be asked.
    pub(super) deferred: VecDeque<Answer>,
    pub(super) store: StoreThread,
    pub(super) arbiter: Option<ArbiterThread>,
    pub(super) keeping: Option<Keeping>,
    /// Batches that wait for room. Bounded by the places that handles take.
    pub(super) waiting: BTreeMap<ProcessId, VecDeque<Batch>>,
    pub(super) events: EventSender,
    pub(super) recorder: Option<Recorder>,
    pub(super) wording: Wording,
    pub(super) stop: oneshot::Receiver<()>,
}

/// Something at hand.
enum Arrival {
    Link(Delivery),
    Command(Command),
    Answer(Answer),
    /// A timer is due, or there is room for what waits.
    Ready,
    Stop,
}

impl Driver {
    pub(super) async fn run(mut self) {
        self.drain();
        loop {
            let arrival = self.select().await;
            if matches!(arrival, Arrival::Stop) {
                break;
            }
            self.apply(arrival);
            for _ in 1..INPUTS_AT_ONCE {
                let Some(arrival) = self.at_hand() else { break };
                self.apply(arrival);
            }
            self.submit_waiting();
            if self.core.next_timeout().is_some_and(|due| due <= self.clock.now()) {
                self.take(Input::Timeout);
            }
            self.drain();
            if let Some(keeping) = &mut self.keeping {
                keeping.give(&mut self.core, self.clock.now());
            }
        }
        // A thread that waits to answer must not be waited for.
        drop(self.answers);
        if let Some(keeping) = self.keeping {
            keeping.finish(&mut self.core);
        }
        self.store.join();
        if let Some(arbiter) = self.arbiter {
            arbiter.join();
        }
        if let Some(recorder) = self.recorder {
            recorder.finish();
        }
    }

    /// Waits for something to do. Cancel-safe: nothing is taken that is not returned.
    async fn select(&mut self) -> Arrival {
        if let Some(answer) = self.deferred.pop_front() {
            return Arrival::Answer(answer);
        }
        if self.has_room_for_waiting() {
            return Arrival::Ready;
        }
        let retry = self.keeping.as_ref().and_then(Keeping::retry_at);
        let due = self.core.next_timeout().into_iter().chain(retry).min();
        tokio::select! {
            biased;
            _dropped = &mut self.stop => Arrival::Stop,
            Some(answer) = self.answers.recv() => Arrival::Answer(answer),
            Some(delivery) = self.inbox.recv() => Arrival::Link(delivery),
            Some(command) = self.commands.recv() => Arrival::Command(command),
            () = self.clock.reached(due) => Arrival::Ready,
        }
    }

    fn at_hand(&mut self) -> Option<Arrival> {
        if let Ok(answer) = self.answers.try_recv() {
            return Some(Arrival::Answer(answer));
        }
        if let Ok(command) = self.commands.try_recv() {
            return Some(Arrival::Command(command));
        }
        self.inbox.try_recv().ok().map(Arrival::Link)
    }

    fn apply(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Link(delivery) => {
                let input = self.switchboard.input(delivery.event);
                self.take(input);
            }
            Arrival::Answer(answer) => match answer {
                Answer::Persisted { token } => self.take(Input::Persisted { token }),
                Answer::PersistFailed { token } => self.take(Input::PersistFailed { token }),
                Answer::Verdict(verdict) => self.take(Input::Verdict(verdict)),
                Answer::Applied { process, batch, outcomes } => {
                    self.take(Input::Applied { process, batch, outcomes });
                }
                Answer::Kept(kept) => {
                    if let Some(keeping) = &mut self.keeping {
                        keeping.answered(self.own, kept, self.clock.now());
                    }
                }
                // A unit has no forwarding table.
                Answer::Found(_) => {}
            },
            Arrival::Command(command) => self.command(command),
            Arrival::Ready | Arrival::Stop => {}
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        self.record(now, &input);
        // Outputs are drained later, all at once.
        let _none_yet = input.apply_to_unit(&mut self.core, now);
    }

    fn record(&mut self, now: Time, input: &Input) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(now, input);
        }
    }

    fn command(&mut self, command: Command) {
        // Where a reply is not wanted any more, nothing is to be done about it.
        match command {
            Command::Submit(batch) => self.waiting.entry(batch.process).or_default().push_back(batch),
            Command::Status(reply) => drop(reply.send(self.core.status())),
            Command::Show { process, key, reply } => drop(reply.send(self.core.entry(process, &key))),
            Command::Entries { process, reply } => drop(reply.send(self.core.entries(process).collect())),
            Command::Kept(reply) => drop(reply.send(self.keeping.as_ref().map(Keeping::status))),
            Command::Reports(reply) => drop(reply.send(self.core.reports().to_vec())),
            Command::Switchover { to, reply } => {
                let now = self.clock.now();
                self.record(now, &Input::BeginSwitchover { to });
                drop(reply.send(self.core.begin_switchover(to, now)));
            }
            Command::Forgo { party, reply } => {
                self.take(Input::Forgo { party });
                let _nobody_waits = reply.send(());
            }
        }
    }

    /// Whether a change would be answered at once: accepted, or refused for good. A unit that takes over or hands over may
    /// have no room for a while.
    fn would_answer(&self, process: ProcessId) -> bool {
        match self.core.role() {
            Role::Joining | Role::Standby => true,
            Role::TakingOver | Role::Primary | Role::HandingOver => {
                !self.processes.contains(&process) || self.core.room(process) > 0
            }
        }
    }

    fn has_room_for_waiting(&self) -> bool {
        self.waiting.iter().any(|(process, batches)| !batches.is_empty() && self.would_answer(*process))
    }

    /// Submits what waits, oldest first, as far as there is room, and at most one longest batch per process, so that
    /// other inputs get their turn.
    fn submit_waiting(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for (process, batches) in &mut waiting {
            for _ in 0..MAX_SUBMIT {
                if !self.submit_one(*process, batches) {
                    break;
                }
            }
        }
        waiting.retain(|_, batches| !batches.is_empty());
        self.waiting = waiting;
    }

    /// Submits one change, or finishes one batch. False: nothing is left, or there is no room.
    fn submit_one(&mut self, process: ProcessId, batches: &mut VecDeque<Batch>) -> bool {
        let Some(batch) = batches.front_mut() else { return false };
        if batch.changes.as_slice().is_empty() || batch.is_abandoned() {
            if let Some(batch) = batches.pop_front() {
                batch.finish();
            }
            return true;
        }
        if !self.would_answer(process) {
            return false;
        }
        let Some(change) = batch.changes.next() else { return true };
        let now = self.clock.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.record(now, &Input::Submit { process, change: change.clone() });
        }
        let result = self.core.submit(process, change, now);
        let refused = matches!(result, Err(SubmitError::NotPrimary(_)));
        batch.done.push(result.clone());
        if refused {
            // So will the rest be: it was not the primary's to take.
            while batch.changes.next().is_some() {
                batch.done.push(result.clone());
            }
        }
        true
    }

    fn drain(&mut self) {
        self.record(self.clock.now(), &Input::Drained);
        while let Some(output) = self.core.poll_output() {
            self.put_out(output);
        }
    }

    fn put_out(&mut self, output: Output) {
        let unasked = match output {
            Output::Transmit { to, message } => {
                self.switchboard.transmit(to, message);
                None
            }
            Output::Persist { token, durable } => self.store.save(token, durable),
            Output::Arbitrate(request) => match &self.arbiter {
                Some(arbiter) => arbiter.ask(request),
                None => {
                    let reason = "no arbiter is configured: set [chassis] arbiter".to_owned();
                    Some(Answer::Verdict(Verdict::Unavailable(reason)))
                }
            },
            // A control unit has no forwarding table.
            Output::Apply { process, batch, writes } => {
                let outcomes = writes.iter().map(|_| Err("no forwarding table here".to_owned())).collect();
                Some(Answer::Applied { process, batch, outcomes })
            }
            Output::Event(event) => {
                self.tell(event);
                None
            }
        };
        self.deferred.extend(unasked);
    }

    fn tell(&mut self, event: Event) {
        if let Event::Misbehaved { peer, error } = &event {
            self.switchboard.misbehaved(*peer, error);
        }
        observe::event(self.own, &event, &self.wording);
        self.events.send(event);
    }
}
