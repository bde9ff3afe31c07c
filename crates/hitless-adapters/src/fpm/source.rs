//! The state machine: what zebra's sessions say, beside what the core holds.

use std::collections::{BTreeSet, HashMap, VecDeque};

use hitless_proto::entry::{Blob, Content};
use hitless_proto::ids::{CardId, Time, Version};
use hitless_proto::process::fib::{FibKey, NextHop, Route, TableId};
use thiserror::Error;

use super::attribute::{Messages, Reason, Refusal};
use super::frame::Frame;
use super::message::{Decoded, Message, RouteKey, RouteMessage, decode};
use super::objects::{DeviceNames, Objects, Terms};
use super::registry::Registry;
use super::routes::{HeldRoute, Routes, Wanted};
use super::status::FpmStatus;
use super::{MAX_ROUTES, NAME_PAUSE, notes};

const RTPROT_KERNEL: u8 = 2;
const RT_SCOPE_LINK: u8 = 253;

/// What to take, and when to sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FpmSettings {
    /// Announced when all else was: the signal to sweep. Itself it is not taken.
    pub sentinel: Option<FibKey>,
    /// After the signal, no stale route must have been named again for so long before the sweep, in microseconds.
    pub quiet: u64,
    /// A sweep without a signal, so long after the session began, in microseconds; 0: never.
    pub last_resort: u64,
    /// Take routes to links that the control unit itself is on.
    pub connected: bool,
    /// Take routes that zebra found in its kernel.
    pub kernel: bool,
    /// Next hops name the device, also where the gateway alone would do.
    pub devices: bool,
    /// Tell zebra what became of its routes.
    pub answers: bool,
}

impl Default for FpmSettings {
    fn default() -> Self {
        Self {
            sentinel: None,
            quiet: 1_000_000,
            last_resort: 0,
            connected: false,
            kernel: false,
            devices: true,
            answers: true,
        }
    }
}

/// Why nothing was swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SweepRefusal {
    /// Only the primary changes the fib.
    #[error("this unit is not primary")]
    NotPrimary,
    /// Every route would be stale.
    #[error("there is no session: all {0} routes would be deleted")]
    NoSession(u64),
}

/// The session that is there.
#[derive(Debug)]
pub(super) struct Session {
    began: Time,
    /// When a stale route was named again last: what changes while all is well does not count.
    news: Time,
    /// When it signalled that all was announced.
    signal: Option<Time>,
    /// What it did not name was swept since.
    swept: bool,
    /// Tables that it named routes in: a signal says nothing of others, which FRR may not have announced again.
    tables: BTreeSet<TableId>,
}

/// The route that a submitted change is of, with what was held of it before; `None`: a next hop.
pub(super) type Submitted = Option<(RouteKey, Option<HeldRoute>)>;

/// Whether the core takes changes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Core {
    /// Another unit is primary: the session is a *shadow view*, and nothing is known of what is held.
    Shadow,
    /// This unit is primary; every op up to here is programmed.
    Primary { programmed: u64 },
}

/// FRR's zebra as a source.
///
/// - A session's view is compared with what the core holds: `next_batch` gives the difference, newest state per key.
/// - `handle_primary` says what is held, when this unit has become primary; the view is then compared as a whole. It may
///   have been announced while the unit was a standby.
/// - What is held and was not named by the session is stale. It is swept after the sentinel, or by `sweep`.
/// - `next_answers` gives what zebra is to be told, newest state per key.
#[derive(Debug)]
pub struct FpmSource {
    pub(super) settings: FpmSettings,
    pub(super) registry: Registry,
    pub(super) objects: Objects,
    pub(super) routes: Routes,
    pub(super) session: Option<Session>,
    pub(super) core: Core,
    /// The batch that the core has, with what was held before.
    pub(super) under_way: Option<Vec<Submitted>>,
    /// Puts whose cards have not all answered, by position.
    pub(super) awaiting: VecDeque<(u64, RouteKey)>,
    /// Cards that refused a route.
    pub(super) failures: HashMap<RouteKey, BTreeSet<CardId>>,
    /// Routes that zebra is to be told of: each is here once.
    pub(super) answers: VecDeque<RouteKey>,
    pub(super) status: FpmStatus,
    names_due: Option<Time>,
}

impl FpmSource {
    /// Without a session, on a unit that is not primary.
    #[must_use]
    pub fn new(settings: FpmSettings) -> Self {
        Self {
            settings,
            registry: Registry::default(),
            objects: Objects::default(),
            routes: Routes::default(),
            session: None,
            core: Core::Shadow,
            under_way: None,
            awaiting: VecDeque::new(),
            failures: HashMap::new(),
            answers: VecDeque::new(),
            status: FpmStatus::default(),
            names_due: None,
        }
    }

    /// A session began: a new view. Deletes that the last one ordered and that are not submitted yet stand.
    pub fn handle_session(&mut self, now: Time) {
        self.status.sessions += 1;
        let tables = BTreeSet::new();
        self.session = Some(Session { began: now, news: now, signal: None, swept: false, tables });
        self.answers.clear();
        // Marked first, since the queue is emptied: else a route could be in it twice.
        self.routes.change_all(|_, slot| slot.named = slot.dirty && slot.named && slot.wanted.is_none());
        self.routes.clear_dirty();
        self.routes.change_all(|_, slot| {
            slot.wanted = None;
            slot.waiting = false;
            slot.answer = false;
            slot.dirty = slot.named;
        });
        // Zebra's ids of the last session mean nothing in this one.
        std::mem::take(&mut self.objects).clear(&mut self.registry);
    }

    /// The session ended. What it said stands, and so does what is held.
    pub fn handle_session_end(&mut self) {
        self.session = None;
        self.answers.clear();
        self.routes.change_all(|_, slot| slot.answer = false);
    }

    /// The session could not be understood any more, or a connection never was one.
    pub fn handle_refused(&mut self, why: String) {
        self.status.refused += 1;
        self.status.last_refusal = Some(why);
    }

    /// A frame of the session. What is malformed is refused, each message by itself; how many were.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, now: Time, names: &mut dyn DeviceNames) -> u64 {
        let before = self.status.refused;
        for message in Messages::of(frame.payload) {
            let (at, taken) = match message {
                Ok(raw) => (raw.at, decode(&raw).and_then(|decoded| self.take(decoded, now, names))),
                Err((at, refusal)) => (at, Err(refusal)),
            };
            if let Err(refusal) = taken {
                let offset = frame.offset + at as u64;
                self.handle_refused(format!("the message at byte {offset} of the session: {refusal}"));
            }
        }
        self.status.refused - before
    }

    fn take(&mut self, decoded: Decoded, now: Time, names: &mut dyn DeviceNames) -> Result<(), Refusal> {
        self.status.skipped += u64::from(decoded.skipped);
        let taken = match decoded.message {
            Message::KeptOut => {
                self.status.kept_out += 1;
                Ok(())
            }
            Message::Object { id, definition } => {
                let devices = self.settings.devices;
                let mut terms = Terms { registry: &mut self.registry, names, devices };
                self.objects.define(id, definition, &mut terms)
            }
            Message::ObjectGone(id) => {
                let devices = self.settings.devices;
                self.objects.forget(id, &mut Terms { registry: &mut self.registry, names, devices });
                Ok(())
            }
            Message::RouteGone(key) => {
                self.route_gone(key);
                Ok(())
            }
            Message::Route(route) => self.route(route, now, names),
        };
        if self.objects.any_nameless() {
            self.names_due = self.names_due.or(Some(now.after(NAME_PAUSE)));
        }
        taken.map_err(|reason| Refusal { at: 0, reason })
    }

    fn route(&mut self, route: RouteMessage, now: Time, names: &mut dyn DeviceNames) -> Result<(), Reason> {
        let RouteMessage { key, protocol, scope, kind, metric, target } = route;
        if self.settings.sentinel == Some(key.fib()) {
            if let Some(session) = &mut self.session {
                (session.signal, session.swept) = (Some(now), false);
            }
            return Ok(());
        }
        let unwanted = match (protocol, scope) {
            (RTPROT_KERNEL, RT_SCOPE_LINK) => !self.settings.connected,
            (RTPROT_KERNEL, _) => !self.settings.kernel,
            _ => false,
        };
        if unwanted {
            self.status.kept_out += 1;
            // It took the place of another route to the same destination, maybe.
            self.route_gone(key);
            return Ok(());
        }
        let known = self.routes.get(&key).copied();
        if known.is_none() && self.routes.is_full() {
            return Err(Reason::TooMany { what: "routes", limit: MAX_ROUTES });
        }
        let mut terms = Terms { registry: &mut self.registry, names, devices: self.settings.devices };
        // The new one is held before the old one is released: what both use stays.
        let target = self.objects.hold(target, &mut terms)?;
        if let Some(former) = known.and_then(|slot| slot.wanted) {
            self.objects.release(former.target, &mut self.registry);
        }
        self.named(key, known.is_some_and(|slot| slot.held.is_some() && !slot.named), now);
        let wanted = Wanted { target, metric, protocol, scope, kind };
        let compare = self.core != Core::Shadow;
        self.routes.change(key, |slot| {
            slot.wanted = Some(wanted);
            slot.named = true;
            slot.waiting = false;
            slot.dirty |= compare;
        });
        Ok(())
    }

    fn named(&mut self, key: RouteKey, was_stale: bool, now: Time) {
        let Some(session) = &mut self.session else { return };
        session.tables.insert(key.table);
        if was_stale {
            session.news = now;
        }
    }

    fn route_gone(&mut self, key: RouteKey) {
        let Some(slot) = self.routes.get(&key) else { return };
        if let Some(former) = slot.wanted {
            self.objects.release(former.target, &mut self.registry);
        }
        let compare = self.core != Core::Shadow;
        self.routes.change(key, |slot| {
            slot.wanted = None;
            slot.named = true;
            slot.waiting = false;
            slot.dirty |= compare;
        });
    }

    /// This unit has become primary and holds these entries of the fib; every op up to `programmed` is in the cards.
    pub fn handle_primary(
        &mut self,
        entries: impl IntoIterator<Item = (Blob, Version, Content)>,
        programmed: u64,
        now: Time,
        names: &mut dyn DeviceNames,
    ) {
        self.handle_not_primary();
        self.core = Core::Primary { programmed };
        self.registry = Registry::default();
        let (mut hops, mut held) = (Vec::new(), Vec::new());
        for (key, version, content) in entries {
            match (FibKey::decode(&key), notes::owner(&content)) {
                (Ok(FibKey::NextHop(id)), Some(_)) => {
                    hops.extend(NextHop::decode(&content.card_part).map(|hop| (id, hop)))
                }
                (Ok(FibKey::NextHop(id)), None) => self.registry.reserve(id),
                (Ok(FibKey::Route { table, net }), Some(protocol)) => {
                    let Ok(Route { next_hop, metric }) = Route::decode(&content.card_part) else { continue };
                    let route = HeldRoute { next_hop, metric, protocol, op: version.seq.0 };
                    held.push((RouteKey { table, net }, route));
                }
                (Ok(FibKey::Route { .. }), None) | (Err(_), _) => {}
            }
        }
        hops.sort_unstable_by_key(|(id, _)| *id);
        hops.into_iter().for_each(|(id, hop)| self.registry.restore(id, hop));
        for (key, route) in held {
            self.registry.add_user(route.next_hop);
            self.routes.change(key, |slot| slot.held = Some(route));
        }
        let devices = self.settings.devices;
        self.objects.resolve_all(&mut Terms { registry: &mut self.registry, names, devices });
        self.routes.change_all(|_, slot| slot.dirty = slot.wanted.is_some());
        if let Some(session) = &mut self.session {
            (session.news, session.swept) = (now, false);
        }
    }

    /// This unit is not primary any more: what is held is another's to say.
    pub fn handle_not_primary(&mut self) {
        self.core = Core::Shadow;
        self.under_way = None;
        self.awaiting.clear();
        self.failures.clear();
        self.routes.clear_dirty();
        self.routes.change_all(|_, slot| {
            slot.held = None;
            slot.named = slot.wanted.is_some();
        });
    }

    /// When to call `handle_timeout`, if nothing happens before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Time> {
        self.sweep_due().into_iter().chain(self.names_due).min()
    }

    /// Sweeps when it is time, and looks again for interfaces that were not there.
    pub fn handle_timeout(&mut self, now: Time, names: &mut dyn DeviceNames) {
        if self.names_due.is_some_and(|due| due <= now) {
            let devices = self.settings.devices;
            self.objects.retry_names(&mut Terms { registry: &mut self.registry, names, devices });
            self.names_due = self.objects.any_nameless().then(|| now.after(NAME_PAUSE));
        }
        if self.sweep_due().is_some_and(|due| due <= now)
            && let Some(session) = &mut self.session
        {
            session.swept = true;
            let tables = session.tables.clone();
            self.sweep_where(|key| tables.contains(&key.table));
        }
    }

    fn sweep_due(&self) -> Option<Time> {
        let session = self.session.as_ref().filter(|session| !session.swept)?;
        if self.core == Core::Shadow || self.routes.tally().unnamed == 0 {
            return None;
        }
        match session.signal {
            Some(signal) => Some(signal.max(session.news).after(self.settings.quiet)),
            None => {
                Some(session.began.after(self.settings.last_resort)).filter(|_| self.settings.last_resort > 0)
            }
        }
    }

    /// The operator says that the view is whole: what it did not name goes. How many routes that are.
    ///
    /// # Errors
    /// This unit is not primary; or nothing is named by anybody, unless `disconnected` says that this is meant.
    pub fn sweep(&mut self, disconnected: bool) -> Result<u64, SweepRefusal> {
        if self.core == Core::Shadow {
            return Err(SweepRefusal::NotPrimary);
        }
        if self.session.is_none() {
            if !disconnected {
                return Err(SweepRefusal::NoSession(self.routes.tally().held));
            }
            self.routes.change_all(|_, slot| {
                slot.wanted = None;
                slot.named = false;
                slot.waiting = false;
            });
        }
        Ok(self.sweep_where(|_| true))
    }

    fn sweep_where(&mut self, covered: impl Fn(&RouteKey) -> bool) -> u64 {
        let mut swept = 0;
        self.routes.change_all(|key, slot| {
            if slot.held.is_some() && !slot.named && covered(key) {
                slot.named = true;
                slot.dirty = true;
                swept += 1;
            }
        });
        self.status.swept += swept;
        swept
    }

    /// Which message was refused last, and why.
    #[must_use]
    pub fn last_refusal(&self) -> Option<&str> {
        self.status.last_refusal.as_deref()
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> FpmStatus {
        let tally = self.routes.tally();
        let live = self.session.is_some();
        FpmStatus {
            live,
            signalled: self.session.as_ref().is_some_and(|session| session.signal.is_some()),
            routes: tally.wanted,
            held: tally.held,
            stale: if live { tally.unnamed } else { tally.held },
            waiting: tally.waiting,
            pending: self.routes.pending() as u64,
            ..self.status.clone()
        }
    }
}
