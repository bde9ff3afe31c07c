//! Takes one step of the scheduler, and everything that follows from it at once.

use std::rc::Rc;

use hitless_proto::ids::{Life, Party};
use hitless_proto::io::Role;
use hitless_proto::message::{FromCard, Message, UnitMessage};

use crate::bounds::Bounds;
use crate::checks;
use crate::choice::Choice;
use crate::input::{Effect, Input, MessageId};
use crate::local::Locals;
use crate::violation::Violation;
use crate::world::{Place, Places, World};

/// The chassis and all that is known of its parties.
pub(crate) struct Model {
    pub(crate) bounds: Bounds,
    pub(crate) places: Places,
    pub(crate) locals: Locals,
}

impl Model {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let places = Places { units: usize::from(bounds.units), cards: usize::from(bounds.cards) };
        let locals = Locals::new(&bounds);
        Self { bounds, places, locals }
    }

    /// The state after `choice`.
    pub(crate) fn step(&mut self, world: &World, choice: Choice) -> Result<World, Violation> {
        let mut next = world.clone();
        self.take(&mut next, choice)?;
        checks::step(self, world, &next)?;
        Ok(next)
    }

    fn take(&mut self, world: &mut World, choice: Choice) -> Result<(), Violation> {
        match choice {
            Choice::Deliver { link, end } => {
                let message = Rc::make_mut(&mut world.links[link]).wires[end].queue.remove(0);
                let [to, from] = ends(world, link, end);
                self.feed(world, to, Input::Message(self.places.party(from), message))
            }
            Choice::SeeEnd { link, end } => self.close(world, link, end),
            Choice::Connect { link } => self.connect(world, link),
            Choice::Persist(place) => {
                let host = world.host_mut(place);
                let (token, durable) = host.persisting.remove(0);
                host.disk = durable;
                self.feed(world, place, Input::Persisted(token))
            }
            Choice::Apply(place) => self.apply(world, place),
            Choice::Timeout(place) => self.feed(world, place, Input::Timeout),
            Choice::Submit(place) => {
                let index = world.budget.next_op;
                world.budget.next_op += 1;
                self.feed(world, place, Input::Submit(index))
            }
            Choice::Crash(place) => {
                self.crash(world, place);
                Ok(())
            }
            Choice::Restart { place, kept } => {
                if place < self.places.units {
                    world.budget.left.unit_restarts = world.budget.left.unit_restarts.saturating_sub(1);
                }
                if !kept {
                    world.host_mut(place).table.clear();
                }
                self.start(world, place);
                if self.bounds.prompt { self.connect_all(world, place) } else { Ok(()) }
            }
            Choice::Cut { link, end } => {
                world.budget.left.cuts -= 1;
                self.close(world, link, end)
            }
        }
    }

    /// A party begins a life.
    pub(crate) fn start(&mut self, world: &mut World, place: Place) {
        world.host_mut(place).lives += 1;
        let life = world.life(place);
        let host = world.host_mut(place);
        host.local = Some(self.locals.start(self.places.party(place), life, host.disk, &host.table));
    }

    /// All links of a party that has just started come up, and each end hears the other's report, which is the first message
    /// on a link. Who had not seen the end of the former link sees it now.
    fn connect_all(&mut self, world: &mut World, place: Place) -> Result<(), Violation> {
        for link in 0..world.links.len() {
            let Some(end) = world.links[link].places.iter().position(|of| *of == place) else { continue };
            if world.hosts[world.links[link].places[1 - end]].local.is_none() {
                continue;
            }
            if world.links[link].ends[1 - end] {
                self.close(world, link, 1 - end)?;
            }
            self.connect(world, link)?;
        }
        for link in 0..world.links.len() {
            for end in 0..2 {
                let linked = world.links[link].places.contains(&place);
                let first = world.links[link].wires[end].queue.first();
                if linked && first.is_some_and(|first| is_report(self.locals.message(*first))) {
                    self.take(world, Choice::Deliver { link, end })?;
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, world: &mut World, link: usize) -> Result<(), Violation> {
        let places = world.links[link].places;
        Rc::make_mut(&mut world.links[link]).ends = [true, true];
        for (at, peer) in [(places[0], places[1]), (places[1], places[0])] {
            let life: Life = world.life(peer);
            self.feed(world, at, Input::Connected(self.places.party(peer), life))?;
        }
        Ok(())
    }

    /// One end is done with a link.
    fn close(&mut self, world: &mut World, link: usize, end: usize) -> Result<(), Violation> {
        let [to, from] = ends(world, link, end);
        leave(world, link, end);
        self.feed(world, to, Input::Disconnected(self.places.party(from)))
    }

    fn crash(&mut self, world: &mut World, place: Place) {
        let budget = if place < self.places.units {
            &mut world.budget.left.crashes
        } else {
            &mut world.budget.left.card_restarts
        };
        *budget = budget.saturating_sub(1);
        let host = world.host_mut(place);
        host.local = None;
        host.persisting.clear();
        host.applying = None;
        for link in 0..world.links.len() {
            if let Some(end) = world.links[link].places.iter().position(|of| *of == place)
                && world.links[link].ends[end]
            {
                leave(world, link, end);
            }
        }
    }

    fn apply(&mut self, world: &mut World, place: Place) -> Result<(), Violation> {
        let Some((batch, id)) = world.host_mut(place).applying.take() else { return Ok(()) };
        let writes = self.locals.writes(id);
        for write in writes {
            match &write.part {
                Some(part) => world.host_mut(place).table.insert(write.key.clone(), part.clone()),
                None if checks::may_delete(self, world, (place, &write.key)) => {
                    world.host_mut(place).table.remove(&write.key)
                }
                None => {
                    let what = format!("{:?} is deleted, and nobody withdrew it", write.key);
                    return Err(Violation::new("no forwarding gap", what));
                }
            };
        }
        let count = writes.len();
        self.feed(world, place, Input::Applied(batch, count))
    }

    /// Gives a party an input, and takes what it puts out.
    fn feed(&mut self, world: &mut World, place: Place, input: Input) -> Result<(), Violation> {
        let Some(local) = world.hosts[place].local else { return Ok(()) };
        let known = self.locals.step(local, input);
        world.host_mut(place).local = Some(known.0);
        let (was, facts) = (self.locals.facts(local), self.locals.facts(known.0));
        match facts.role {
            Role::Primary if (was.role, was.epoch) != (facts.role, facts.epoch) => {
                world.note(|oracle| oracle.note_owner(facts.epoch, (place, facts.life)))?;
            }
            Role::Primary | Role::TakingOver | Role::Joining | Role::Standby | Role::HandingOver => {}
        }
        for effect in &known.1 {
            self.effect(world, place, effect)?;
        }
        Ok(())
    }

    fn effect(&mut self, world: &mut World, place: Place, effect: &Effect) -> Result<(), Violation> {
        match effect {
            Effect::Send(to, message) => self.send(world, place, (*to, *message)),
            Effect::Persist(token, durable) => {
                if self.bounds.slow_disk {
                    world.host_mut(place).persisting.push((*token, *durable));
                    return Ok(());
                }
                world.host_mut(place).disk = *durable;
                self.feed(world, place, Input::Persisted(*token))
            }
            Effect::Apply(batch, writes) => {
                if world.host_mut(place).applying.replace((*batch, *writes)).is_some() {
                    let what = "a batch is given out before the last one was done";
                    return Err(Violation::new("one batch at a time", what));
                }
                Ok(())
            }
            Effect::Completed { safe, .. } => {
                let local = world.hosts[place].local;
                let facts = local.map(|local| self.locals.facts(local));
                if facts.is_some_and(|facts| facts.role == Role::TakingOver) {
                    let what = format!("{} completes up to {safe}", self.places.party(place));
                    return Err(Violation::new("an epoch that is not open completes nothing", what));
                }
                let epoch = facts.map(|facts| facts.epoch).unwrap_or_default();
                world.note(|oracle| oracle.note_safe(epoch, *safe, &self.bounds.ops))
            }
            Effect::Issued(index, version) => world.note(|oracle| oracle.note_issued(*index, *version)),
            Effect::Planned(card, keys) => {
                let epoch = world.hosts[place].local.map(|local| self.locals.facts(local).epoch);
                let at = self.places.place(Party::Card(*card));
                world.note(|oracle| oracle.note_by_acks(at, epoch.unwrap_or_default()))?;
                checks::plan_covers(self, world, place, (*card, keys.as_deref()))
            }
            Effect::Recovers => {
                world.budget.recovers = true;
                Ok(())
            }
            Effect::Violates(property, what) => {
                let party = self.places.party(place);
                Err(Violation::new(property, format!("{party}: {what}")))
            }
        }
    }

    fn send(
        &mut self,
        world: &mut World,
        from: Place,
        (to, message): (Party, MessageId),
    ) -> Result<(), Violation> {
        checks::sent(self, world, (from, to), message)?;
        let to = self.places.place(to);
        if world.link(to, from).is_some_and(|(link, end)| link.ends[end])
            && let Some((link, end)) = world.link_mut(to, from)
        {
            link.wires[end].queue.push(message);
        }
        Ok(())
    }
}

fn is_report(message: &Message) -> bool {
    match message {
        Message::FromCard(FromCard::Report(_)) | Message::Unit(UnitMessage::Report(_)) => true,
        Message::FromCard(_) | Message::Unit(_) | Message::ToCard(_) => false,
    }
}

/// The places at this end of a link and at the other.
fn ends(world: &World, link: usize, end: usize) -> [Place; 2] {
    let places = world.links[link].places;
    [places[end], places[1 - end]]
}

/// One end leaves: it takes nothing more, and the other end may see that at any time.
fn leave(world: &mut World, link: usize, end: usize) {
    let link = Rc::make_mut(&mut world.links[link]);
    link.ends[end] = false;
    link.wires[end] = crate::world::Wire::default();
    link.wires[1 - end].closing = link.ends[1 - end];
}
