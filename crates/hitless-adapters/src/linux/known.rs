//! What is known of the kernel, and which part of that the card has not been told of yet.

use std::collections::BTreeMap;

use foldhash::HashSet;
use hitless_proto::process::fib::{ID as FIB, Member, NextHop, TableId};
use hitless_runtime::Finding;

use super::links::Links;
use super::mirror::{HeldHop, HeldRoute, Key, Mirror, RouteKey, RouteKind, members};

/// The kernel's table of its own addresses.
pub(super) const LOCAL_TABLE: u32 = 255;

/// Who changed something that we had not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Another program or an operator.
    Others,
    /// The kernel, since a link went down or a next hop went away: what was lost is always to be had again.
    Kernel,
}

/// A key that the card is to be told of.
#[derive(Clone, Copy, Debug)]
struct Untold {
    cause: Cause,
    /// Say that nothing is there, whatever the mirror says: our own write and somebody else's change crossed, and only another
    /// write makes certain.
    uncertain: bool,
}

/// See the first line.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) links: Links,
    mirror: Mirror,
    untold: BTreeMap<Key, Untold>,
    /// Number of the survey under way, or else of the last one.
    round: u32,
    /// What was deleted by us while a survey goes on: it may still be in the dump.
    deleted: Option<HashSet<Key>>,
    /// The kernel's table for routes that name none.
    own_table: u32,
    /// Whether changes of others are to be mended.
    repair: bool,
}

impl Known {
    pub(super) fn new(own_table: u32, repair: bool) -> Self {
        Self {
            links: Links::default(),
            mirror: Mirror::default(),
            untold: BTreeMap::new(),
            round: 0,
            deleted: None,
            own_table,
            repair,
        }
    }

    pub(super) fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Whether routes in this table of the kernel are ours to keep. Where the main table is kept in another one, the kernel's
    /// own main table is not.
    pub(super) fn keeps(&self, table: u32) -> bool {
        table == self.own_table || (table != LOCAL_TABLE && table != TableId::MAIN.get())
    }

    /// A route as the kernel tells of it, with what it does not tell: which of our next hops stands for its kind.
    fn completed(&self, route: HeldRoute) -> HeldRoute {
        let next_hop = match route.kind {
            RouteKind::NextHop | RouteKind::Other => route.next_hop,
            RouteKind::Unreachable | RouteKind::Prohibit => self.mirror.hop_of(route.kind).unwrap_or(0),
        };
        HeldRoute { next_hop, round: self.round, ..route }
    }

    /// We wrote a route, or deleted it; gives what was.
    pub(super) fn wrote_route(&mut self, key: RouteKey, route: Option<HeldRoute>) -> Option<HeldRoute> {
        self.note_written(Key::Route(key), route.is_none());
        let round = self.round;
        self.mirror.set_route(key, route.map(|route| HeldRoute { round, ..route }))
    }

    /// We wrote a next hop, or deleted it; gives what was.
    pub(super) fn wrote_hop(&mut self, id: u32, hop: Option<HeldHop>) -> Option<HeldHop> {
        self.note_written(Key::Hop(id), hop.is_none());
        let round = self.round;
        self.mirror.set_hop(id, hop.map(|hop| HeldHop { round, ..hop }))
    }

    fn note_written(&mut self, key: Key, deleted: bool) {
        if let Some(keys) = &mut self.deleted {
            if deleted {
                keys.insert(key);
            } else {
                keys.remove(&key);
            }
        }
    }

    /// A survey begins: whatever it does not see is missing.
    pub(super) fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.deleted = Some(HashSet::default());
    }

    /// The survey is over.
    pub(super) fn end_round(&mut self) {
        self.deleted = None;
    }

    /// How many keys were deleted since the survey began.
    pub(super) fn deleted(&self) -> usize {
        self.deleted.as_ref().map_or(0, HashSet::len)
    }

    /// Whether the survey under way has settled a key: seen it, or we wrote it meanwhile.
    fn settled(&self, key: &Key) -> bool {
        let round = match key {
            Key::Hop(id) => self.mirror.hop(*id).map(|hop| hop.round),
            Key::Route(key) => self.mirror.route(key).map(|route| route.round),
        };
        round == Some(self.round) || self.deleted.as_ref().is_some_and(|keys| keys.contains(key))
    }

    /// A survey sees a route. Says whether it is the one that is known under its key, or else is not counted.
    pub(super) fn surveyed_route(&mut self, key: RouteKey, seen: HeldRoute) -> bool {
        let round = self.round;
        if let Some(held) = self.mirror.route(&key).copied()
            && held.same_as(&seen)
        {
            self.mirror.set_route(key, Some(HeldRoute { round, ..held }));
            return true;
        }
        if self.settled(&Key::Route(key)) {
            return false;
        }
        let completed = self.completed(seen);
        self.mirror.set_route(key, Some(completed));
        self.tell(Key::Route(key), Cause::Others);
        true
    }

    /// A survey has seen all next hops that are ours, these; what else is known of is missing.
    pub(super) fn surveyed_hops(&mut self, seen: Vec<(u32, HeldHop)>) {
        let round = self.round;
        let there: HashSet<u32> = seen.iter().map(|(id, _)| *id).collect();
        for (id, hop) in seen {
            if let Some(held) = self.mirror.hop_mut(id)
                && (&held.part, held.link) == (&hop.part, hop.link)
            {
                held.round = round;
            } else if !self.settled(&Key::Hop(id)) {
                let former = self.mirror.set_hop(id, Some(HeldHop { round, ..hop }));
                // A group loses its members without a word.
                let shrunk = former.iter().flat_map(members).any(|member| !there.contains(&member));
                self.tell(Key::Hop(id), if shrunk { Cause::Kernel } else { Cause::Others });
            }
        }
        let missing = self.mirror.hops().filter(|(_, hop)| hop.round != round && !hop.is_virtual());
        let missing: Vec<(u32, Cause)> = missing.map(|(id, hop)| (id, self.cause_of_loss(hop))).collect();
        for cause in [Cause::Others, Cause::Kernel] {
            self.lost(missing.iter().filter(|(_, of)| *of == cause).map(|(id, _)| *id).collect(), cause);
        }
    }

    fn cause_of_loss(&self, hop: &HeldHop) -> Cause {
        let link_down = hop.link.is_some_and(|link| !self.links.usable(link));
        let members_gone = members(hop)
            .iter()
            .any(|member| self.mirror.hop(*member).is_none_or(|hop| hop.round != self.round));
        if link_down || members_gone { Cause::Kernel } else { Cause::Others }
    }

    /// A survey has seen all routes of a family; what else is known of is missing.
    pub(super) fn surveyed_family(&mut self, ipv4: bool) {
        let round = self.round;
        let missing = self
            .mirror
            .routes()
            .filter(|(key, route)| key.net.network().is_ipv4() == ipv4 && route.round != round);
        let missing: Vec<(RouteKey, Cause)> = missing
            .map(|(key, route)| {
                let on_nothing = self.mirror.hop(route.next_hop).is_none();
                (key, if on_nothing { Cause::Kernel } else { Cause::Others })
            })
            .collect();
        for (key, cause) in missing {
            self.mirror.set_route(key, None);
            self.tell(Key::Route(key), cause);
        }
    }

    /// A notification says what is under a route's key now. `crossed`: we wrote it ourselves at about the same time.
    pub(super) fn notified_route(
        &mut self,
        key: RouteKey,
        now: Option<HeldRoute>,
        cause: Cause,
        crossed: bool,
    ) {
        if crossed {
            return self.tell_uncertain(Key::Route(key));
        }
        let completed = now.map(|route| self.completed(route));
        self.mirror.set_route(key, completed);
        self.tell(Key::Route(key), cause);
    }

    /// Next hops are gone, and with them all that depends on them, as the kernel does it: their routes, their places in groups,
    /// groups without members, and their routes.
    pub(super) fn lost(&mut self, mut ids: HashSet<u32>, cause: Cause) {
        ids.retain(|id| self.mirror.hop(*id).is_some_and(|hop| !hop.is_virtual()));
        if ids.is_empty() {
            return;
        }
        let groups: Vec<(u32, HeldHop)> = self
            .mirror
            .hops()
            .filter(|(id, hop)| !ids.contains(id) && members(hop).iter().any(|member| ids.contains(member)))
            .map(|(id, hop)| (id, hop.clone()))
            .collect();
        for (id, hop) in groups {
            let Some(NextHop::Group(of)) = &hop.part else { continue };
            let left: Vec<Member> =
                of.iter().filter(|member| !ids.contains(&member.next_hop)).copied().collect();
            if left.is_empty() {
                ids.insert(id);
            } else {
                self.mirror.set_hop(id, Some(HeldHop { part: NextHop::group(left).ok(), ..hop }));
                self.tell(Key::Hop(id), cause);
            }
        }
        for id in &ids {
            self.mirror.set_hop(*id, None);
            self.tell(Key::Hop(*id), cause);
        }
        for key in self.mirror.routes_on(&ids) {
            self.mirror.set_route(key, None);
            self.tell(Key::Route(key), cause);
        }
    }

    /// Our next hops on a link.
    pub(super) fn hops_on(&self, link: u32) -> impl Iterator<Item = u32> {
        self.mirror.hops().filter(move |(_, hop)| hop.link == Some(link)).map(|(id, _)| id)
    }

    fn tell(&mut self, key: Key, cause: Cause) {
        let untold = self.untold.entry(key).or_insert(Untold { cause, uncertain: false });
        untold.cause = untold.cause.max(cause);
    }

    /// Our own write and somebody else's change crossed.
    pub(super) fn tell_uncertain(&mut self, key: Key) {
        self.untold.insert(key, Untold { cause: Cause::Kernel, uncertain: true });
    }

    /// Whether there is something to tell.
    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Nothing that is known now needs to be told: all of it is.
    pub(super) fn all_told(&mut self) {
        self.untold.clear();
    }

    /// The next things to tell, next hops first.
    pub(super) fn take_untold(&mut self, most: usize) -> Vec<Finding> {
        let mut findings = Vec::new();
        while findings.len() < most
            && let Some((key, untold)) = self.untold.pop_first()
        {
            let part = match &key {
                Key::Hop(_) | Key::Route(_) if untold.uncertain => None,
                Key::Hop(id) => self.mirror.hop(*id).map(HeldHop::part_bytes),
                Key::Route(key) => self.mirror.route(key).map(HeldRoute::part),
            };
            let mend = self.repair || untold.cause == Cause::Kernel;
            findings.push(Finding::Held { process: FIB, key: key.encode(self.own_table), part, mend });
        }
        findings
    }
}
