//! Runs the core of a card: `select` waits, `apply` is sync and total, `drain` comes after all inputs at hand.

use std::collections::VecDeque;
use std::sync::Arc;

use hitless_proto::Card;
use hitless_proto::entry::{Blob, CardContent};
use hitless_proto::error::PeerError;
use hitless_proto::ids::{Party, ProcessId, Time, Version};
use hitless_proto::input::Input;
use hitless_proto::io::{Event, Output, Verdict};
use hitless_proto::message::Message;
use hitless_proto::status::CardStatus;
use tokio::sync::{Notify, mpsc, oneshot};

use super::looking::Looking;
use crate::Finding;
use crate::clock::Clock;
use crate::events::EventSender;
use crate::limits::INPUTS_AT_ONCE;
use crate::observe;
use crate::recorder::Recorder;
use crate::switchboard::Switchboard;
use crate::transport::Delivery;
use crate::wording::Wording;
use crate::worker::{Answer, StoreThread, TableThread};

/// An entry as a card holds it: the op that wrote it, the content, and whether the forwarding table refused it.
pub type ShownEntry = (Version, CardContent, bool);

/// One request of a handle; the answer goes back on its channel.
pub(super) enum Command {
    Status(oneshot::Sender<CardStatus>),
    Show { process: ProcessId, key: Blob, reply: oneshot::Sender<Option<ShownEntry>> },
}

pub(super) struct Driver {
    pub(super) own: Party,
    pub(super) core: Card,
    pub(super) clock: Clock,
    pub(super) switchboard: Switchboard,
    pub(super) inbox: mpsc::Receiver<Delivery>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) answers: mpsc::Receiver<Answer>,
    /// Answers that came at once, since a thread could not be asked.
    pub(super) deferred: VecDeque<Answer>,
    pub(super) store: StoreThread,
    pub(super) table: TableThread,
    /// The forwarding table has found something.
    pub(super) woken: Arc<Notify>,
    pub(super) looking: Looking,
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
    /// The forwarding table has found something.
    Woken,
    /// A timer is due.
    Due,
    Stop,
}

impl Driver {
    /// `adopted`: what the forwarding table held, per process.
    pub(super) async fn run(mut self, adopted: Vec<(ProcessId, Vec<(Blob, Blob)>)>) {
        for (process, entries) in adopted {
            self.take(Input::Adopt { process, entries });
        }
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
            if self.core.next_timeout().is_some_and(|due| due <= self.clock.now()) {
                self.take(Input::Timeout);
            }
            self.drain();
        }
        // A thread that waits to answer must not be waited for.
        drop(self.answers);
        self.store.join();
        self.table.stop();
        if let Some(recorder) = self.recorder {
            recorder.finish();
        }
    }

    /// Waits for something to do. Cancel-safe: nothing is taken that is not returned.
    async fn select(&mut self) -> Arrival {
        if let Some(answer) = self.deferred.pop_front() {
            return Arrival::Answer(answer);
        }
        let due = self.core.next_timeout();
        tokio::select! {
            biased;
            _dropped = &mut self.stop => Arrival::Stop,
            Some(answer) = self.answers.recv() => Arrival::Answer(answer),
            Some(delivery) = self.inbox.recv() => Arrival::Link(delivery),
            Some(command) = self.commands.recv() => Arrival::Command(command),
            () = self.woken.notified() => Arrival::Woken,
            () = self.clock.reached(due) => Arrival::Due,
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
                self.take_from_link(input);
            }
            Arrival::Answer(answer) => match answer {
                Answer::Persisted { token } => self.take(Input::Persisted { token }),
                Answer::PersistFailed { token } => self.take(Input::PersistFailed { token }),
                Answer::Verdict(verdict) => self.take(Input::Verdict(verdict)),
                Answer::Applied { process, batch, outcomes } => {
                    self.take(Input::Applied { process, batch, outcomes });
                    self.take_findings();
                }
                // A card keeps no state of its own: its forwarding table does.
                Answer::Kept(_) => {}
                Answer::Found(findings) => {
                    observe::found(self.own, &findings.list, &self.wording);
                    self.looking.answered(findings);
                    self.take_findings();
                }
            },
            Arrival::Command(command) => match command {
                // Where a reply is not wanted any more, nothing is to be done about it.
                Command::Status(reply) => drop(reply.send(self.core.status())),
                Command::Show { process, key, reply } => drop(reply.send(self.core.entry(process, &key))),
            },
            Arrival::Woken => {
                self.looking.woken();
                self.looking.ask(&self.table);
            }
            Arrival::Due | Arrival::Stop => {}
        }
    }

    /// Gives the core what the forwarding table found, as far as it has room, and asks for more.
    fn take_findings(&mut self) {
        while let Some(finding) = self.looking.next() {
            match finding {
                Finding::Held { process, key, part, mend: true } => {
                    let (seen_key, seen) = (key.clone(), part.clone());
                    self.record(self.clock.now(), &Input::Found { process, key: seen_key, part: seen });
                    if !self.core.handle_found(process, &key, part.as_ref()) {
                        self.looking.later(Finding::Held { process, key, part, mend: true });
                        break;
                    }
                }
                Finding::Curable { process } => self.take(Input::Curable { process }),
                Finding::Held { mend: false, .. } | Finding::Blind(_) => {}
            }
        }
        self.looking.ask(&self.table);
    }

    /// A card hears control units only, and only what is meant for cards.
    fn take_from_link(&mut self, input: Input) {
        if let Input::Message { from, message } = &input {
            let wrong = match message {
                Message::ToCard(_) => None,
                Message::FromCard(_) => Some("a card's message to a card"),
                Message::Unit(_) => Some("a message between units to a card"),
            };
            if let Some(what) = wrong {
                let event = Event::Misbehaved { peer: *from, error: PeerError::WrongDirection(what) };
                return self.tell(event);
            }
        }
        self.take(input);
    }

    fn take(&mut self, input: Input) {
        let now = self.clock.now();
        self.record(now, &input);
        // Outputs are drained later, all at once.
        let _none_yet = input.apply_to_card(&mut self.core, now);
    }

    fn record(&mut self, now: Time, input: &Input) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(now, input);
        }
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
            Output::Apply { process, batch, writes } => self.table.apply(process, batch, writes),
            // A card asks no arbiter.
            Output::Arbitrate(_) => {
                Some(Answer::Verdict(Verdict::Unavailable("a card has no arbiter".to_owned())))
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
