//! The difference between view and what is held, as changes for the core; and what became of them, as answers to zebra.

use hitless_proto::entry::Change;
use hitless_proto::error::SubmitError;
use hitless_proto::ids::{CardId, Version};
use hitless_proto::process::fib::{FibKey, Route};

use super::message::RouteKey;
use super::routes::{HeldRoute, Slot, UNDER_WAY};
use super::source::{Core, FpmSource, Submitted};
use super::{BATCH, MAX_UNUSED, answer, notes};

/// Changes of a batch, and for each the route that it is of, with what was held before.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    routes: Vec<Submitted>,
}

impl Batch {
    /// What was pushed beside routes is of none.
    fn align(&mut self) {
        self.routes.resize(self.changes.len(), None);
    }

    fn route(&mut self, change: Change, key: RouteKey, former: Option<HeldRoute>) {
        self.align();
        self.changes.push(change);
        self.routes.push(Some((key, former)));
    }
}

impl FpmSource {
    /// The next changes, in the order in which they must be applied; `None`: nothing is to be done, or a batch is under
    /// way. `handle_submitted` must follow.
    pub fn next_batch(&mut self) -> Option<Vec<Change>> {
        if self.core == Core::Shadow || self.under_way.is_some() {
            return None;
        }
        let changed = self.objects.take_changed();
        if !changed.is_empty() {
            self.routes.change_all(|_, slot| {
                slot.dirty |= slot.wanted.is_some_and(|wanted| changed.contains(&wanted.target));
            });
        }
        let mut batch = Batch::default();
        while batch.changes.len() < BATCH
            && let Some((key, slot)) = self.routes.next_dirty()
        {
            self.compare(key, slot, &mut batch);
        }
        if self.routes.pending() == 0 || self.registry.unused() > MAX_UNUSED {
            self.registry.delete_unused(&mut batch.changes, BATCH);
        }
        if batch.changes.is_empty() {
            return None;
        }
        batch.align();
        self.status.submitted += batch.changes.len() as u64;
        self.under_way = Some(batch.routes);
        Some(batch.changes)
    }

    fn compare(&mut self, key: RouteKey, slot: Slot, batch: &mut Batch) {
        let Some(wanted) = slot.wanted else {
            // What the view did not name is stale, and stays.
            if let Some(former) = slot.held.filter(|_| slot.named) {
                batch.route(key.fib().delete(), key, Some(former));
                self.registry.remove_user(former.next_hop);
                self.failures.remove(&key);
                self.routes.change(key, |slot| slot.held = None);
            }
            return;
        };
        let Some(next_hop) = self.objects.id(wanted.target) else {
            self.routes.change(key, |slot| slot.waiting = true);
            return;
        };
        let (metric, protocol) = (wanted.metric, wanted.protocol);
        if let Some(held) = slot.held
            && self.registry.same(held.next_hop, next_hop)
            && held.metric == metric
            && held.protocol.is_none_or(|held| held == protocol)
        {
            self.routes.change(key, |slot| slot.waiting = false);
            self.answer_if_programmed(key);
            return;
        }
        self.registry.put(next_hop, &mut batch.changes);
        let part = Route { next_hop, metric }.encode();
        batch.route(key.fib().put(part, notes::of_protocol(protocol)), key, slot.held);
        self.registry.add_user(next_hop);
        if let Some(former) = slot.held {
            self.registry.remove_user(former.next_hop);
        }
        let held = HeldRoute { next_hop, metric, protocol: Some(protocol), op: UNDER_WAY };
        self.routes.change(key, |slot| {
            slot.held = Some(held);
            slot.waiting = false;
        });
    }

    /// What became of the batch, in its order. `false`: this unit is not primary any more, which was noted.
    pub fn handle_submitted(&mut self, outcomes: &[Result<Version, SubmitError>]) -> bool {
        let routes = self.under_way.take().unwrap_or_default();
        if outcomes.iter().any(|outcome| matches!(outcome, Err(SubmitError::NotPrimary(_)))) {
            self.handle_not_primary();
            return false;
        }
        for (route, outcome) in routes.into_iter().zip(outcomes) {
            match (route, outcome) {
                (Some((key, _)), Ok(version)) => self.accepted(key, version.seq.0),
                (None, Ok(_)) => {}
                (route, Err(error)) => self.rejected(route, error),
            }
        }
        self.settle();
        true
    }

    fn accepted(&mut self, key: RouteKey, op: u64) {
        let mut put = false;
        self.routes.change(key, |slot| {
            if let Some(held) = slot.held.as_mut().filter(|held| held.op == UNDER_WAY) {
                held.op = op;
                put = true;
            }
        });
        if put {
            self.awaiting.push_back((op, key));
        }
    }

    fn rejected(&mut self, route: Submitted, error: &SubmitError) {
        let Some((key, former)) = route else {
            self.handle_refused(format!("a next hop: {error}"));
            return;
        };
        self.handle_refused(format!("{}: {error}", key.fib()));
        let now = self.routes.get(&key).and_then(|slot| slot.held);
        if let Some(now) = now {
            self.registry.remove_user(now.next_hop);
        }
        if let Some(former) = former {
            self.registry.add_user(former.next_hop);
        }
        let again = matches!(error, SubmitError::Busy);
        self.routes.change(key, |slot| {
            slot.held = former;
            slot.dirty |= again;
        });
    }

    /// Every op up to here is answered by the cards.
    pub fn handle_completed(&mut self, programmed: u64) {
        if let Core::Primary { programmed: known } = &mut self.core {
            *known = programmed.max(*known);
            self.settle();
        }
    }

    fn settle(&mut self) {
        let Core::Primary { programmed } = self.core else { return };
        while let Some((op, key)) = self.awaiting.front().copied()
            && op <= programmed
        {
            self.awaiting.pop_front();
            // Only the newest op of a route is answered: an older one says nothing of what zebra wants now.
            if self.routes.get(&key).is_some_and(|slot| slot.held.is_some_and(|held| held.op == op)) {
                self.answer(key);
            }
        }
    }

    fn answer_if_programmed(&mut self, key: RouteKey) {
        let Core::Primary { programmed } = self.core else { return };
        let op = self.routes.get(&key).and_then(|slot| slot.held).map_or(UNDER_WAY, |held| held.op);
        if op <= programmed {
            self.answer(key);
        }
    }

    /// A card's forwarding table refused a key.
    pub fn handle_failed(&mut self, key: &[u8], card: CardId) {
        if let Some(key) = self.held_route(key) {
            self.failures.entry(key).or_default().insert(card);
            self.answer_if_programmed(key);
        }
    }

    /// What a card had refused is right now.
    pub fn handle_cured(&mut self, key: &[u8], card: CardId) {
        let Some(key) = self.held_route(key) else { return };
        let Some(cards) = self.failures.get_mut(&key) else { return };
        cards.remove(&card);
        if cards.is_empty() {
            self.failures.remove(&key);
            self.answer_if_programmed(key);
        }
    }

    fn held_route(&self, key: &[u8]) -> Option<RouteKey> {
        match FibKey::decode(key) {
            Ok(FibKey::Route { table, net }) => {
                let key = RouteKey { table, net };
                self.routes.get(&key).filter(|slot| slot.held.is_some()).map(|_| key)
            }
            Ok(FibKey::NextHop(_)) | Err(_) => None,
        }
    }

    fn answer(&mut self, key: RouteKey) {
        if !self.settings.answers || self.session.is_none() {
            return;
        }
        let mut queued = true;
        self.routes.change(key, |slot| {
            queued = slot.wanted.is_none() || std::mem::replace(&mut slot.answer, true);
        });
        if !queued {
            self.answers.push_back(key);
        }
    }

    /// Frames that tell zebra what became of its routes, `limit` bytes or a little more; empty: nothing is to be told.
    pub fn next_answers(&mut self, limit: usize) -> Vec<u8> {
        let mut frames = Vec::new();
        while frames.len() < limit
            && let Some(key) = self.answers.pop_front()
        {
            let Some(slot) = self.routes.get(&key).copied().filter(|slot| slot.answer) else { continue };
            self.routes.change(key, |slot| slot.answer = false);
            // Another change of it is on its way: its own answer follows.
            let newest = !slot.dirty && slot.held.is_some_and(|held| held.op != UNDER_WAY);
            let Some(wanted) = slot.wanted.filter(|_| newest && !slot.waiting) else { continue };
            if let Some(frame) = answer::encode(&key, &wanted, self.failures.contains_key(&key)) {
                frames.extend(frame);
                self.status.answered += 1;
            }
        }
        frames
    }
}
