//! Takes one step of the scheduler, and everything that follows from it at once.

use hitless_proto::ids::{Life, Party};
use hitless_proto::io::Role;

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
                let message = world.links[link].wires[end].queue.remove(0);
                let [to, from] = ends(world, link, end);
                self.feed(world, to, Input::Message(self.places.party(from), message))
            }
            Choice::SeeEnd { link, end } => self.close(world, link, end),
            Choice::Connect { link } => self.connect(world, link),
            Choice::Persist(place) => {
                let (token, durable) = world.hosts[place].persisting.remove(0);
                world.hosts[place].disk = durable;
                self.feed(world, place, Input::Persisted(token))
            }
            Choice::Apply(place) => self.apply(world, place),
            Choice::Timeout(place) => self.feed(world, place, Input::Timeout),
            Choice::Submit(place) => {
                let index = world.next_op;
                world.next_op += 1;
                self.feed(world, place, Input::Submit(index))
            }
            Choice::Crash(place) => {
                self.crash(world, place);
                Ok(())
            }
            Choice::Restart { place, kept } => {
                if place < self.places.units {
                    world.left.unit_restarts = world.left.unit_restarts.saturating_sub(1);
                }
                if !kept {
                    world.hosts[place].table.clear();
                }
                self.start(world, place);
                Ok(())
            }
            Choice::Cut { link, end } => {
                world.left.cuts -= 1;
                self.close(world, link, end)
            }
        }
    }

    /// A party begins a life.
    pub(crate) fn start(&mut self, world: &mut World, place: Place) {
        world.hosts[place].lives += 1;
        let life = world.life(place);
        let host = &mut world.hosts[place];
        host.local = Some(self.locals.start(self.places.party(place), life, host.disk, &host.table));
    }

    fn connect(&mut self, world: &mut World, link: usize) -> Result<(), Violation> {
        let places = world.links[link].places;
        world.links[link].ends = [true, true];
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
        let budget =
            if place < self.places.units { &mut world.left.crashes } else { &mut world.left.card_restarts };
        *budget = budget.saturating_sub(1);
        let host = &mut world.hosts[place];
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
        let Some((batch, id)) = world.hosts[place].applying.take() else { return Ok(()) };
        let writes = self.locals.writes(id);
        for write in writes {
            match &write.part {
                Some(part) => world.hosts[place].table.insert(write.key.clone(), part.clone()),
                None if checks::may_delete(self, world, (place, &write.key)) => {
                    world.hosts[place].table.remove(&write.key)
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
        world.hosts[place].local = Some(known.0);
        let facts = self.locals.facts(known.0);
        if facts.role == Role::Primary {
            world.oracle.note_owner(facts.epoch, (place, facts.life))?;
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
                    world.hosts[place].persisting.push((*token, *durable));
                    return Ok(());
                }
                world.hosts[place].disk = *durable;
                self.feed(world, place, Input::Persisted(*token))
            }
            Effect::Apply(batch, writes) => {
                if world.hosts[place].applying.replace((*batch, *writes)).is_some() {
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
                world.oracle.note_safe(epoch, *safe, &self.bounds.ops);
                Ok(())
            }
            Effect::Issued(index, version) => {
                world.oracle.note_issued(*index, *version);
                Ok(())
            }
            Effect::Planned(card, keys) => checks::plan_covers(self, world, place, (*card, keys.as_deref())),
            Effect::Recovers => {
                world.recovers = true;
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
        if let Some((link, end)) = world.link(to, from)
            && link.ends[end]
        {
            link.wires[end].queue.push(message);
        }
        Ok(())
    }
}

/// The places at this end of a link and at the other.
fn ends(world: &World, link: usize, end: usize) -> [Place; 2] {
    let places = world.links[link].places;
    [places[end], places[1 - end]]
}

/// One end leaves: it takes nothing more, and the other end may see that at any time.
fn leave(world: &mut World, link: usize, end: usize) {
    let link = &mut world.links[link];
    link.ends[end] = false;
    link.wires[end] = crate::world::Wire::default();
    link.wires[1 - end].closing = link.ends[1 - end];
}
