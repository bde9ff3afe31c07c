//! A running control unit: its core on a thread of its own, its links, its store, its arbiter.

mod command;
mod driver;
mod handle;
mod keeping;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use hitless_proto::config::Chassis;
use hitless_proto::ids::{Party, ProcessId, UnitId};
use hitless_proto::input::PartyStart;
use hitless_proto::process::Processes;
use hitless_proto::{ControlUnit, UnitConfig, UnitStart};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use command::{HeldEntry, Submitted};
pub use handle::UnitHandle;
pub use keeping::KeptStatus;

use crate::clock::Clock;
use crate::entropy::{draw, draw_life};
use crate::events::EventSender;
use crate::limits::{ANSWERS, COMMANDS, WAITING_BATCHES};
use crate::party::{RunningCore, StartError};
use crate::recorder::{Recorder, Recording};
use crate::switchboard::Switchboard;
use crate::transport::{Inbox, LinkConfig, Links, Liveness, Transport};
use crate::wording::Wording;
use crate::worker::{Answer, start_arbiter, start_keep, start_store};
use crate::{Arbiter, Keep, Store, observe};
use driver::Driver;
use keeping::Keeping;

/// All that a control unit is started with.
pub struct UnitSetup {
    /// The chassis, the same at every party.
    pub chassis: Chassis,
    /// Which unit it is.
    pub unit: UnitId,
    /// Its processes.
    pub processes: Processes,
    /// Where it takes connections.
    pub listen: String,
    /// Where the units are that it dials.
    pub units: Vec<(UnitId, String)>,
    /// When a silent peer counts as dead.
    pub liveness: Liveness,
    /// What carries bytes.
    pub transport: Arc<dyn Transport>,
    /// What keeps its promises.
    pub store: Box<dyn Store>,
    /// What keeps its state, where it is kept.
    pub keep: Option<Box<dyn Keep>>,
    /// For a chassis with an external arbiter.
    pub arbiter: Option<Box<dyn Arbiter>>,
    /// To record its inputs.
    pub recording: Option<Recording>,
    /// How its logs name processes and keys.
    pub wording: Wording,
}

/// A running control unit. Dropping it is as sudden as the death of its process: links close without a goodbye.
pub struct RunningUnit {
    handle: UnitHandle,
    core: RunningCore,
}

impl RunningUnit {
    /// Starts a control unit. Must be called within a tokio runtime, which carries its links.
    ///
    /// # Errors
    /// What the environment refused; nothing is left running.
    pub async fn start(mut setup: UnitSetup) -> Result<Self, StartError> {
        let own = Party::Unit(setup.unit);
        let durable = setup.store.load()?.unwrap_or_default();
        let processes: Vec<ProcessId> = setup.processes.iter().map(|process| process.id()).collect();
        let (clock, life, seed) = (Clock::start(), draw_life(), draw());
        let start = PartyStart {
            chassis: setup.chassis.clone(),
            party: own,
            processes: processes.clone(),
            life,
            durable: durable.clone(),
            entropy: seed.into(),
            now: clock.now(),
        };
        let start = (start, UnitStart { life, durable, seed });
        let (core, recorder, kept) = begin_core(&mut setup, &start)?;

        let (inbox, deliveries) = Inbox::new();
        let links = LinkConfig {
            chassis: setup.chassis,
            own,
            life,
            listen: Some(setup.listen),
            units: setup.units,
            liveness: setup.liveness,
            processes: processes.len(),
        };
        let links = Links::start(links, setup.transport, inbox).await?;
        let (commands, asked) = mpsc::channel(COMMANDS);
        let (answer, answers) = mpsc::channel(ANSWERS);
        let (stop, stopped) = oneshot::channel();
        let events = EventSender::new();
        let places = processes.iter().map(|process| (*process, Arc::new(Semaphore::new(WAITING_BATCHES))));
        let handle = UnitHandle {
            unit: setup.unit,
            commands,
            places: Arc::new(places.collect()),
            events: events.clone(),
            counts: links.counter(),
        };
        let driver = Driver {
            own,
            core,
            clock,
            processes,
            switchboard: Switchboard::new(own),
            inbox: deliveries,
            commands: asked,
            answers,
            deferred: VecDeque::new(),
            store: start_store(own, setup.store, answer.clone()).map_err(StartError::Thread)?,
            keeping: start_keeping(own, (setup.keep, kept), &answer).map_err(StartError::Thread)?,
            arbiter: setup
                .arbiter
                .map(|arbiter| start_arbiter(own, arbiter, answer))
                .transpose()
                .map_err(StartError::Thread)?,
            waiting: BTreeMap::new(),
            events,
            recorder,
            wording: setup.wording,
            stop: stopped,
        };
        let core = RunningCore::start(own, links, stop, driver.run())?;
        Ok(Self { handle, core })
    }

    /// To ask and order it.
    #[must_use]
    pub fn handle(&self) -> UnitHandle {
        self.handle.clone()
    }

    /// Where it takes connections.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.core.address()
    }

    /// Waits until it has stopped of itself, which only a panic of the core makes it do. Cancel-safe.
    pub async fn stopped(&mut self) {
        self.core.stopped().await;
    }

    /// Says goodbye, stops, and waits until durable state and recording are closed.
    pub async fn shutdown(self) {
        self.core.shutdown().await;
    }
}

type Begun = (ControlUnit, Option<Recorder>, KeptStatus);

/// The core, with what was kept.
fn begin_core(setup: &mut UnitSetup, start: &(PartyStart, UnitStart)) -> Result<Begun, StartError> {
    let fresh = |setup: &UnitSetup| -> Result<(ControlUnit, Option<Recorder>), StartError> {
        let recording = setup.recording.as_ref();
        let recorder = recording.map(|recording| Recorder::start(recording, &start.0)).transpose()?;
        let config = UnitConfig { chassis: setup.chassis.clone(), unit: setup.unit };
        Ok((ControlUnit::new(config, setup.processes.clone(), start.1.clone(), start.0.now), recorder))
    };
    let (mut core, mut recorder) = fresh(setup)?;
    let Some(mut keep) = setup.keep.take() else { return Ok((core, recorder, KeptStatus::default())) };
    let (own, now) = (start.0.party, start.0.now);
    let mut status = KeptStatus { place: keep.place(), ..KeptStatus::default() };
    let mut is_whole = true;
    match keeping::restore(keep.as_mut(), &mut core, &mut recorder, (own, now)) {
        Ok(positions) => status.positions = positions,
        Err(error) => {
            observe::not_restored(own, &status.place, &error);
            // Of what was given nothing is to be used.
            (core, recorder) = fresh(setup)?;
            status.failed = keep.begin().err().map(|error| error.to_string());
            is_whole = false;
        }
    }
    let processes = start.0.processes.iter().copied();
    let others = processes.filter(|process| !status.positions.contains_key(process));
    keeping::begin(&mut core, &mut recorder, now, others);
    if !is_whole {
        core.keep_anew();
    }
    setup.keep = Some(keep);
    Ok((core, recorder, status))
}

fn start_keeping(
    own: Party,
    (keep, status): (Option<Box<dyn Keep>>, KeptStatus),
    answers: &mpsc::Sender<Answer>,
) -> std::io::Result<Option<Keeping>> {
    let Some(keep) = keep else { return Ok(None) };
    Ok(Some(Keeping::new(start_keep(own, keep, answers.clone())?, status)))
}
