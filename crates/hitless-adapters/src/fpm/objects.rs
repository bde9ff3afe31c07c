//! Zebra's next-hop objects, and next hops that routes bring along, with the id that each of them has in our terms.
//!
//! One may not have an id yet: a group may come before its members, a route before its object, and an interface may not be
//! there. Then routes to it wait: what is held of them stays as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use hitless_proto::process::fib::{Device, FibError, FibKey, GROUP_BASE, Member, NextHop};

use super::MAX_OBJECTS;
use super::attribute::Reason;
use super::message::{Definition, Hop, Target};
use super::registry::Registry;

/// Finds the names of interfaces at the host of zebra. The two control units agree on names, not on numbers.
pub trait DeviceNames {
    /// The name of the interface of this number; `None`: there is none now.
    fn name(&mut self, index: u32) -> Option<Device>;
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ObjectRef {
    /// A next-hop object, by zebra's id.
    Zebra(u32),
    /// What a route brought along.
    Inline(u32),
}

#[derive(Debug, Default)]
struct Object {
    /// `None`: a route names it, and it has not come.
    definition: Option<Definition>,
    /// Routes of the view that name it.
    routes: u64,
    /// Our id of it.
    id: Option<u32>,
}

/// All that the session has named.
#[derive(Debug, Default)]
pub(super) struct Objects {
    objects: HashMap<ObjectRef, Object>,
    inline: HashMap<Definition, u32>,
    last_inline: u32,
    /// The groups that a next-hop object is in.
    groups_of: HashMap<u32, BTreeSet<u32>>,
    /// Those that wait for an interface.
    nameless: BTreeSet<ObjectRef>,
    /// Those with routes whose id is another one now.
    changed: HashSet<ObjectRef>,
}

/// What it takes to say something in our terms.
pub(super) struct Terms<'a> {
    pub(super) registry: &'a mut Registry,
    pub(super) names: &'a mut dyn DeviceNames,
    /// Next hops name the device, also where the gateway alone would do.
    pub(super) devices: bool,
}

/// Why something has no id.
enum Without {
    /// What it needs has not come yet.
    Waits,
    /// Its interface is not there.
    NoInterface,
    /// It never will.
    Refused(FibError),
}

impl From<FibError> for Without {
    fn from(error: FibError) -> Self {
        Self::Refused(error)
    }
}

impl Objects {
    /// There is this object, whatever it was before.
    pub(super) fn define(
        &mut self,
        id: u32,
        definition: Definition,
        terms: &mut Terms<'_>,
    ) -> Result<(), Reason> {
        let which = ObjectRef::Zebra(id);
        if !self.objects.contains_key(&which) && self.objects.len() >= MAX_OBJECTS {
            return Err(Reason::TooMany { what: "next-hop objects", limit: MAX_OBJECTS });
        }
        self.unlink(id);
        if let Definition::Group(members) = &definition {
            for (member, _) in members {
                self.groups_of.entry(*member).or_default().insert(id);
            }
        }
        self.objects.entry(which).or_default().definition = Some(definition);
        let resolved = self.resolve(which, terms);
        self.resolve_groups_of(id, terms);
        resolved
    }

    /// The object is gone. Zebra takes it from routes and groups first; what names it still waits.
    pub(super) fn forget(&mut self, id: u32, terms: &mut Terms<'_>) {
        self.unlink(id);
        let which = ObjectRef::Zebra(id);
        self.nameless.remove(&which);
        self.set_id(which, None, terms.registry);
        if let Some(object) = self.objects.get_mut(&which) {
            object.definition = None;
            if object.routes == 0 {
                self.objects.remove(&which);
            }
        }
        self.resolve_groups_of(id, terms);
    }

    /// A route names this.
    pub(super) fn hold(&mut self, target: Target, terms: &mut Terms<'_>) -> Result<ObjectRef, Reason> {
        let which = match &target {
            Target::Object(id) => Some(ObjectRef::Zebra(*id)),
            Target::Inline(definition) => self.inline.get(definition).copied().map(ObjectRef::Inline),
        };
        let known = which.filter(|which| self.objects.contains_key(which));
        if known.is_none() && self.objects.len() >= MAX_OBJECTS {
            return Err(Reason::TooMany { what: "next hops", limit: MAX_OBJECTS });
        }
        let which = match (known, target) {
            (Some(which), _) => which,
            (None, Target::Object(id)) => ObjectRef::Zebra(id),
            (None, Target::Inline(definition)) => self.add_inline(definition, terms)?,
        };
        self.objects.entry(which).or_default().routes += 1;
        Ok(which)
    }

    fn add_inline(&mut self, definition: Definition, terms: &mut Terms<'_>) -> Result<ObjectRef, Reason> {
        // Wraps only after so many that the first ones are long gone; else the next free one is taken.
        loop {
            self.last_inline = self.last_inline.wrapping_add(1);
            if !self.objects.contains_key(&ObjectRef::Inline(self.last_inline)) {
                break;
            }
        }
        let which = ObjectRef::Inline(self.last_inline);
        self.inline.insert(definition.clone(), self.last_inline);
        self.objects.insert(which, Object { definition: Some(definition), ..Object::default() });
        let resolved = self.resolve(which, terms);
        if resolved.is_err() {
            self.remove(which, terms.registry);
        }
        resolved.map(|()| which)
    }

    /// A route names it no more.
    pub(super) fn release(&mut self, which: ObjectRef, registry: &mut Registry) {
        let Some(object) = self.objects.get_mut(&which) else { return };
        object.routes = object.routes.saturating_sub(1);
        let lasts = object.definition.is_some() && matches!(which, ObjectRef::Zebra(_));
        if object.routes == 0 && !lasts {
            self.remove(which, registry);
        }
    }

    fn remove(&mut self, which: ObjectRef, registry: &mut Registry) {
        self.set_id(which, None, registry);
        self.nameless.remove(&which);
        self.changed.remove(&which);
        if let Some(Object { definition: Some(definition), .. }) = self.objects.remove(&which)
            && matches!(which, ObjectRef::Inline(_))
        {
            self.inline.remove(&definition);
        }
    }

    /// All of it goes: the session has ended.
    pub(super) fn clear(mut self, registry: &mut Registry) {
        for object in self.objects.values_mut() {
            if let Some(id) = object.id.take() {
                registry.unwant(id);
            }
        }
    }

    /// Our id of it; `None`: it has none yet.
    pub(super) fn id(&self, which: ObjectRef) -> Option<u32> {
        self.objects.get(&which).and_then(|object| object.id)
    }

    /// Those with routes whose id is another one since this was asked last.
    pub(super) fn take_changed(&mut self) -> HashSet<ObjectRef> {
        std::mem::take(&mut self.changed)
    }

    /// Whether some wait for an interface.
    pub(super) fn any_nameless(&self) -> bool {
        !self.nameless.is_empty()
    }

    /// Looks again for interfaces that were not there.
    pub(super) fn retry_names(&mut self, terms: &mut Terms<'_>) {
        for which in std::mem::take(&mut self.nameless) {
            // Refused: it was said when it came.
            let _refused = self.resolve(which, terms);
            if let ObjectRef::Zebra(id) = which {
                self.resolve_groups_of(id, terms);
            }
        }
    }

    /// Another registry: all ids are found anew.
    pub(super) fn resolve_all(&mut self, terms: &mut Terms<'_>) {
        self.objects.values_mut().for_each(|object| object.id = None);
        let mut all: Vec<ObjectRef> = self.objects.keys().copied().collect();
        // Members before groups: it is no error otherwise, only more work.
        all.sort_unstable_by_key(|which| (self.is_group(*which), *which));
        for which in all {
            let _refused = self.resolve(which, terms);
        }
        self.changed.clear();
    }

    fn is_group(&self, which: ObjectRef) -> bool {
        let definition = self.objects.get(&which).and_then(|object| object.definition.as_ref());
        matches!(definition, Some(Definition::Group(_)))
    }

    fn unlink(&mut self, id: u32) {
        let former = self.objects.get(&ObjectRef::Zebra(id)).and_then(|object| object.definition.as_ref());
        let Some(Definition::Group(members)) = former else { return };
        for (member, _) in members {
            if let Some(groups) = self.groups_of.get_mut(member) {
                groups.remove(&id);
                if groups.is_empty() {
                    self.groups_of.remove(member);
                }
            }
        }
    }

    fn resolve_groups_of(&mut self, id: u32, terms: &mut Terms<'_>) {
        for group in self.groups_of.get(&id).cloned().unwrap_or_default() {
            // A group in a group is refused where it is defined: this goes no deeper.
            let _refused = self.resolve(ObjectRef::Zebra(group), terms);
        }
    }

    fn resolve(&mut self, which: ObjectRef, terms: &mut Terms<'_>) -> Result<(), Reason> {
        let Some(definition) = self.objects.get(&which).and_then(|object| object.definition.clone()) else {
            return Ok(());
        };
        let id = self.id_of(&definition, terms);
        self.set_id(which, id.as_ref().ok().copied(), terms.registry);
        match id {
            Ok(_) | Err(Without::Waits) => {
                self.nameless.remove(&which);
                Ok(())
            }
            Err(Without::NoInterface) => {
                self.nameless.insert(which);
                Ok(())
            }
            Err(Without::Refused(error)) => Err(Reason::Fib(error)),
        }
    }

    fn set_id(&mut self, which: ObjectRef, id: Option<u32>, registry: &mut Registry) {
        let Some(object) = self.objects.get_mut(&which) else { return };
        if object.id == id {
            return;
        }
        if let Some(id) = id {
            registry.want(id);
        }
        if let Some(former) = std::mem::replace(&mut object.id, id) {
            registry.unwant(former);
        }
        if object.routes > 0 {
            self.changed.insert(which);
        }
    }

    fn id_of(&self, definition: &Definition, terms: &mut Terms<'_>) -> Result<u32, Without> {
        match definition {
            Definition::Drop(drop) => Ok(terms.registry.intern(drop.clone())),
            Definition::Hop(hop) => {
                let next_hop = terms.next_hop(*hop)?;
                Ok(terms.registry.intern(next_hop))
            }
            Definition::Hops(hops) => {
                // All of them first: what is not complete leaves nothing behind.
                let hops: Vec<(NextHop, u16)> = hops
                    .iter()
                    .map(|(hop, weight)| Ok((terms.next_hop(*hop)?, *weight)))
                    .collect::<Result<_, Without>>()?;
                let members = hops.into_iter().map(|(hop, weight)| (terms.registry.intern(hop), weight));
                let members = members.collect();
                terms.group(members)
            }
            Definition::Group(members) => {
                let member = |(id, weight): &(u32, u16)| {
                    let found = self.id(ObjectRef::Zebra(*id)).ok_or(Without::Waits)?;
                    if self.is_group(ObjectRef::Zebra(*id)) {
                        // Of a single member, it would have that one's id; zebra has none within groups.
                        return Err(Without::Refused(FibError::BadMember(FibKey::NextHop(
                            found | GROUP_BASE,
                        ))));
                    }
                    Ok((found, *weight))
                };
                let members = members.iter().map(member).collect::<Result<_, Without>>()?;
                terms.group(members)
            }
        }
    }
}

impl Terms<'_> {
    fn next_hop(&mut self, hop: Hop) -> Result<NextHop, Without> {
        let device = match hop.interface {
            Some(index) => Some(self.names.name(index).ok_or(Without::NoInterface)?),
            None => None,
        };
        match (hop.gateway, device) {
            (Some(gateway), device) => {
                // A link-local gateway says nothing without its link.
                Ok(match NextHop::via(gateway, None) {
                    Ok(next_hop) if !self.devices => next_hop,
                    Ok(_) | Err(_) => NextHop::via(gateway, device)?,
                })
            }
            (None, Some(device)) => Ok(NextHop::Link(device)),
            (None, None) => Err(Without::Waits),
        }
    }

    /// A group of these; what is named twice counts twice, and one alone is no group.
    fn group(&mut self, members: Vec<(u32, u16)>) -> Result<u32, Without> {
        let mut weights: BTreeMap<u32, u16> = BTreeMap::new();
        for (next_hop, weight) in members {
            let sum = weights.entry(next_hop).or_default();
            *sum = sum.saturating_add(weight);
        }
        if let (1, Some((only, _))) = (weights.len(), weights.first_key_value()) {
            return Ok(*only);
        }
        let members = weights.into_iter().map(|(next_hop, weight)| Member { next_hop, weight });
        let group = NextHop::group(members.collect())?;
        Ok(self.registry.intern(group))
    }
}
