//! Runs the source: whatever the cards do, zebra's session is read; what the core has no room for waits in the source.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hitless_adapters::fpm::{FpmSettings, FpmSource, FrameReader};
use hitless_proto::ids::Time;
use hitless_proto::io::{Event, Role};
use hitless_proto::process::fib::ID as FIB;
use hitless_proto::status::UnitStatus;
use hitless_runtime::unit::{HeldEntry, Submitted};
use hitless_runtime::{Events, HandleError, NoEvent, UnitHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::connections::Connection;
use super::names::Interfaces;
use super::{Ask, FpmReport};

/// Bytes asked of the session at once: some milliseconds of work.
const READ_BYTES: usize = 128 * 1024;
/// Bytes of answers that are made ahead of a session that does not read them; the rest waits as one bit per route.
const ANSWER_BYTES: usize = 64 * 1024;
/// Refused messages of one session that are logged one by one; more are counted.
const COMPLAINTS: u64 = 10;

type Asked<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;
type Loaded = Result<(Vec<HeldEntry>, UnitStatus), HandleError>;

/// The session's connection.
struct Link {
    peer: SocketAddr,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    reader: FrameReader,
    refused: u64,
}

pub(super) struct Driver {
    source: FpmSource,
    names: Interfaces,
    unit: UnitHandle,
    events: Events,
    began: Instant,
    connections: mpsc::Receiver<Connection>,
    asks: mpsc::Receiver<Ask>,
    link: Option<Link>,
    /// Answers that are being written.
    out: Vec<u8>,
    submit: Asked<Result<Submitted, HandleError>>,
    load: Asked<Loaded>,
}

/// Something at hand.
enum Arrival {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Connection(Connection),
    Ask(Ask),
    Event(Result<Arc<Event>, NoEvent>),
    Submitted(Result<Submitted, HandleError>),
    Loaded(Loaded),
    Due,
}

impl Driver {
    pub(super) fn new(
        settings: FpmSettings,
        unit: UnitHandle,
        (connections, asks): (mpsc::Receiver<Connection>, mpsc::Receiver<Ask>),
    ) -> Self {
        Self {
            source: FpmSource::new(settings),
            names: Interfaces::new(),
            events: unit.subscribe(),
            unit,
            began: Instant::now(),
            connections,
            asks,
            link: None,
            out: Vec::new(),
            submit: None,
            load: None,
        }
    }

    /// Until the unit stops, or nobody holds a handle of the source any more.
    pub(super) async fn run(mut self) {
        let mut buffer = vec![0; READ_BYTES];
        if let Ok(status) = self.unit.status().await {
            self.role(status.role);
        }
        loop {
            self.prepare();
            let arrival = self.next(&mut buffer).await;
            if !self.apply(arrival, &buffer) {
                return;
            }
        }
    }

    /// Has a batch and answers under way where there is something to submit and to say.
    fn prepare(&mut self) {
        let now = self.now();
        if self.source.next_timeout().is_some_and(|due| due <= now) {
            let before = self.source.status().swept;
            self.source.handle_timeout(now, &mut self.names);
            let swept = self.source.status().swept - before;
            if swept > 0 {
                tracing::info!(routes = swept, "fpm: swept what the session did not name");
            }
        }
        if self.submit.is_none()
            && let Some(changes) = self.source.next_batch()
        {
            let unit = self.unit.clone();
            self.submit = Some(Box::pin(async move { unit.submit_batch(FIB, changes).await }));
        }
        if self.out.is_empty() && self.link.is_some() {
            self.out = self.source.next_answers(ANSWER_BYTES);
        }
    }

    /// Waits for something to do. Cancel-safe: nothing is taken that is not returned.
    async fn next(&mut self, buffer: &mut [u8]) -> Arrival {
        let due = self.source.next_timeout().map(|due| self.began + Duration::from_micros(due.0));
        let (read, write) = match &mut self.link {
            Some(link) => (Some(&mut link.read), Some(&mut link.write)),
            None => (None, None),
        };
        tokio::select! {
            read = read_some(read, buffer) => Arrival::Read(read),
            written = write_some(write, &self.out) => Arrival::Written(written),
            Some(connection) = self.connections.recv() => Arrival::Connection(connection),
            Some(ask) = self.asks.recv() => Arrival::Ask(ask),
            event = self.events.next() => Arrival::Event(event),
            submitted = answer_of(&mut self.submit) => Arrival::Submitted(submitted),
            loaded = answer_of(&mut self.load) => Arrival::Loaded(loaded),
            () = reached(due) => Arrival::Due,
        }
    }

    /// `false`: the unit has stopped.
    fn apply(&mut self, arrival: Arrival, buffer: &[u8]) -> bool {
        match arrival {
            Arrival::Read(Ok(count)) if count > 0 => self.read(&buffer[..count]),
            Arrival::Read(end) => self.ended(end.err()),
            Arrival::Written(Ok(count)) => drop(self.out.drain(..count)),
            Arrival::Written(Err(error)) => self.ended(Some(error)),
            Arrival::Connection(Connection::Session(stream, peer)) => self.begin(stream, peer),
            Arrival::Connection(Connection::Refused(peer, why)) => {
                tracing::warn!(%peer, %why, "a connection to fpm is refused");
                self.source.handle_refused(format!("a connection of {peer}: {why}"));
            }
            Arrival::Ask(ask) => self.answer(ask),
            Arrival::Event(Ok(event)) => self.event(&event),
            // What was missed may have been a change of role.
            Arrival::Event(Err(NoEvent::Missed(_))) => self.load(),
            Arrival::Event(Err(NoEvent::Stopped)) => return false,
            Arrival::Submitted(outcomes) => {
                self.submit = None;
                match outcomes {
                    Ok(outcomes) => drop(self.source.handle_submitted(&outcomes)),
                    Err(error) => return !matches!(error, HandleError::Stopped),
                }
            }
            Arrival::Loaded(loaded) => {
                self.load = None;
                match loaded {
                    Ok((entries, status)) => self.loaded(entries, &status),
                    Err(_) => return false,
                }
            }
            Arrival::Due => {}
        }
        true
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Some(former) = &self.link {
            tracing::info!(peer = %former.peer, "fpm session ends: there is a new one");
        }
        tracing::info!(%peer, "fpm session begins");
        // Only fails on a socket that is dead already.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        self.link = Some(Link { peer, read, write, reader: FrameReader::default(), refused: 0 });
        self.out.clear();
        self.source.handle_session(self.now());
    }

    fn read(&mut self, bytes: &[u8]) {
        let now = self.now();
        let Some(link) = &mut self.link else { return };
        link.reader.push(bytes);
        let broken = loop {
            match link.reader.next_frame() {
                Ok(Some(frame)) => {
                    let refused = self.source.handle_frame(&frame, now, &mut self.names);
                    if refused > 0 && link.refused < COMPLAINTS {
                        let why = self.source.last_refusal();
                        tracing::warn!(peer = %link.peer, refused, why, "fpm refused messages of a frame");
                    }
                    link.refused += refused;
                }
                Ok(None) => return,
                Err(error) => break error,
            }
        };
        let why = format!("the session of {}: {broken}", link.peer);
        tracing::warn!(%why, "fpm session is refused; what is held stays");
        self.source.handle_refused(why);
        self.close();
    }

    fn ended(&mut self, error: Option<io::Error>) {
        if let Some(link) = &self.link {
            let why = error.map_or_else(|| "closed by zebra".to_owned(), |error| error.to_string());
            tracing::info!(peer = %link.peer, why, refused = link.refused, "fpm session ended; what is held stays");
        }
        self.close();
    }

    fn close(&mut self) {
        self.link = None;
        self.out.clear();
        self.source.handle_session_end();
    }

    fn answer(&mut self, ask: Ask) {
        // Where a reply is not wanted any more, nothing is to be done about it.
        match ask {
            Ask::Status(reply) => {
                let peer = self.link.as_ref().map(|link| link.peer);
                drop(reply.send(FpmReport { status: self.source.status(), peer }));
            }
            Ask::Sweep { disconnected, reply } => {
                let swept = self.source.sweep(disconnected);
                if let Ok(routes) = swept {
                    tracing::info!(
                        routes,
                        "fpm: swept what the session did not name, as the operator ordered"
                    );
                }
                let _nobody_waits = reply.send(swept);
            }
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Role { role, .. } => self.role(*role),
            Event::Completed { process, programmed, .. } if *process == FIB => {
                self.source.handle_completed(programmed.0);
            }
            Event::Failed { op, card, key, .. } if op.process == FIB => self.source.handle_failed(key, *card),
            Event::Cured { process, card, key } if *process == FIB => self.source.handle_cured(key, *card),
            Event::Completed { .. }
            | Event::Failed { .. }
            | Event::Cured { .. }
            | Event::InStep { .. }
            | Event::OutOfStep { .. }
            | Event::Planned(_)
            | Event::Takeover(_)
            | Event::SwitchoverAborted { .. }
            | Event::Misbehaved { .. }
            | Event::Waiting { .. }
            | Event::StoreFailed => {}
        }
    }

    fn role(&mut self, role: Role) {
        match role {
            Role::Primary => self.load(),
            // Nothing is taken meanwhile: a batch waits in the unit, and is answered when it is known who is primary.
            Role::HandingOver => {}
            Role::Joining | Role::Standby | Role::TakingOver => self.not_primary(),
        }
    }

    fn not_primary(&mut self) {
        (self.submit, self.load) = (None, None);
        self.source.handle_not_primary();
    }

    /// Asks what the unit holds. What was under way is in the answer, or is submitted again.
    fn load(&mut self) {
        self.not_primary();
        let unit = self.unit.clone();
        self.load = Some(Box::pin(async move {
            let entries = unit.entries(FIB).await?;
            Ok((entries, unit.status().await?))
        }));
    }

    fn loaded(&mut self, entries: Vec<HeldEntry>, status: &UnitStatus) {
        if status.role != Role::Primary {
            return;
        }
        let fib = status.processes.iter().find(|process| process.process == FIB);
        let programmed = fib.map_or(0, |process| process.programmed.0);
        let now = self.now();
        self.source.handle_primary(entries, programmed, now, &mut self.names);
        let now = self.source.status();
        tracing::info!(
            routes = now.routes,
            held = now.held,
            stale = now.stale,
            "fpm: compared with what is held"
        );
    }
}

async fn read_some(read: Option<&mut OwnedReadHalf>, buffer: &mut [u8]) -> io::Result<usize> {
    match read {
        Some(read) => read.read(buffer).await,
        None => pending().await,
    }
}

async fn write_some(write: Option<&mut OwnedWriteHalf>, bytes: &[u8]) -> io::Result<usize> {
    match write {
        Some(write) if !bytes.is_empty() => write.write(bytes).await,
        Some(_) | None => pending().await,
    }
}

async fn answer_of<T>(asked: &mut Asked<T>) -> T {
    match asked {
        Some(asked) => asked.await,
        None => pending().await,
    }
}

async fn reached(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}
