//! A running card: its core on a thread of its own, its links, its store, its forwarding table.

mod driver;
mod handle;
mod looking;

use std::collections::VecDeque;
use std::sync::Arc;

use hitless_proto::config::Chassis;
use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::input::PartyStart;
use hitless_proto::{Card, CardConfig, CardStart};
use tokio::sync::{Notify, mpsc, oneshot};

pub use driver::ShownEntry;
pub use handle::CardHandle;

use crate::clock::Clock;
use crate::entropy::{draw_life, draw_wide};
use crate::events::EventSender;
use crate::limits::{ANSWERS, COMMANDS};
use crate::party::{RunningCore, StartError};
use crate::recorder::{Recorder, Recording};
use crate::switchboard::Switchboard;
use crate::transport::{Inbox, LinkConfig, Links, Liveness, Transport};
use crate::wording::Wording;
use crate::worker::{start_store, start_table};
use crate::{ForwardingTable, Store};
use driver::Driver;
use looking::Looking;

/// All that a card is started with.
pub struct CardSetup {
    /// The chassis, the same at every party.
    pub chassis: Chassis,
    /// Which card it is.
    pub card: CardId,
    /// The processes it serves.
    pub processes: Vec<ProcessId>,
    /// Where the control units are.
    pub units: Vec<(UnitId, String)>,
    /// When a silent peer counts as dead.
    pub liveness: Liveness,
    /// What carries bytes.
    pub transport: Arc<dyn Transport>,
    /// What keeps its promises.
    pub store: Box<dyn Store>,
    /// What forwards.
    pub table: Box<dyn ForwardingTable>,
    /// To record its inputs.
    pub recording: Option<Recording>,
    /// How its logs name processes and keys.
    pub wording: Wording,
}

/// A running card. Dropping it is as sudden as the death of its process: links close without a goodbye. Its forwarding
/// table is left as it is.
pub struct RunningCard {
    handle: CardHandle,
    core: RunningCore,
}

impl RunningCard {
    /// Starts a card; what its forwarding table holds is read first, and adopted. Must be called within a tokio runtime,
    /// which carries its links.
    ///
    /// # Errors
    /// What the environment refused; nothing is left running.
    pub async fn start(mut setup: CardSetup) -> Result<Self, StartError> {
        let own = Party::Card(setup.card);
        let durable = setup.store.load()?.unwrap_or_default();
        let (woken, adopted) = read_table(setup.table.as_mut(), &setup.processes)?;
        let (clock, life, secret) = (Clock::start(), draw_life(), draw_wide());
        let start = PartyStart {
            chassis: setup.chassis.clone(),
            party: own,
            processes: setup.processes.clone(),
            life,
            durable: durable.clone(),
            entropy: secret,
            now: clock.now(),
        };
        let recorder =
            setup.recording.as_ref().map(|recording| Recorder::start(recording, &start)).transpose()?;
        let config = CardConfig {
            chassis: setup.chassis.clone(),
            card: setup.card,
            processes: setup.processes.clone(),
        };
        let core = Card::new(config, CardStart { life, durable, secret });

        let (inbox, deliveries) = Inbox::new();
        let links = LinkConfig {
            chassis: setup.chassis,
            own,
            life,
            listen: None,
            units: setup.units,
            liveness: setup.liveness,
            processes: setup.processes.len(),
        };
        let links = Links::start(links, setup.transport, inbox).await?;
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (answer, answers) = mpsc::channel(ANSWERS);
        let (stop, stopped) = oneshot::channel();
        let events = EventSender::new();
        let table = start_table(own, setup.table, answer.clone()).map_err(StartError::Thread)?;
        let handle = CardHandle {
            card: setup.card,
            commands,
            table: table.queue(),
            events: events.clone(),
            counts: links.counter(),
        };
        let driver = Driver {
            own,
            core,
            clock,
            switchboard: Switchboard::new(own),
            inbox: deliveries,
            commands: asked,
            answers,
            deferred: VecDeque::new(),
            store: start_store(own, setup.store, answer).map_err(StartError::Thread)?,
            table,
            woken,
            looking: Looking::default(),
            events,
            recorder,
            wording: setup.wording,
            stop: stopped,
        };
        let core = RunningCore::start(own, links, stop, driver.run(adopted))?;
        Ok(Self { handle, core })
    }

    /// To ask it.
    #[must_use]
    pub fn handle(&self) -> CardHandle {
        self.handle.clone()
    }

    /// Waits until it has stopped of itself, which only a panic of the core makes it do. Cancel-safe.
    pub async fn stopped(&mut self) {
        self.core.stopped().await;
    }

    /// Says goodbye, stops, and waits until durable state and recording are closed. The forwarding table is left as it is.
    pub async fn shutdown(self) {
        self.core.shutdown().await;
    }
}

type Adopted = Vec<(ProcessId, Vec<(Blob, Blob)>)>;

/// Watches the table from now on, and reads all that it holds: what changes in between is found by the first look.
fn read_table(
    table: &mut dyn ForwardingTable,
    processes: &[ProcessId],
) -> Result<(Arc<Notify>, Adopted), StartError> {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    let unusable =
        |table: &dyn ForwardingTable, cause| StartError::Table { table: table.name().to_owned(), cause };
    table.watch(Arc::new(move || wake.notify_one())).map_err(|cause| unusable(table, cause))?;
    let mut adopted = Vec::with_capacity(processes.len());
    for process in processes {
        let entries = table.dump(*process).map_err(|cause| unusable(table, cause))?;
        if !entries.is_empty() {
            adopted.push((*process, entries));
        }
    }
    Ok((woken, adopted))
}
