//! The check from outside: what BGP announces, what the primary holds, and what each card's kernel holds are the same.

use std::collections::HashMap;
use std::time::Duration;

use hitless_admin::Client;
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::process::fib::{self, FibKey, NextHop, Route};
use serde::Serialize;

use super::announced::Announced;
use super::kernel;
use super::namespaces::Namespaces;
use super::plan::{self, OUTS};
use crate::failure::{Exit, Failure};

/// A chunk of a dump may wait for the table's thread.
const PATIENCE: Duration = Duration::from_secs(60);
/// Differences that are described; the rest is only counted.
const SHOWN: usize = 5;

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Comparison {
    /// Prefixes that BGP announces.
    pub(super) announced: u64,
    /// Of these, missing at the primary or going elsewhere; and routes of the primary that BGP does not announce.
    pub(super) wrong: u64,
    /// Entries of the primary: routes, next hops, groups.
    pub(super) entries: u64,
    /// Entries that the kernels hold as the primary does, over all cards.
    pub(super) equal: u64,
    /// Entries of kernels that are missing, differ, or should not be there.
    pub(super) different: u64,
    /// Some of what is wrong, in words.
    pub(super) examples: Vec<String>,
}

impl Comparison {
    /// All are the same.
    pub(super) fn holds(&self) -> bool {
        let cards = plan::CARDS.len() as u64;
        self.wrong == 0 && self.different == 0 && self.announced > 0 && self.equal == self.entries * cards
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < SHOWN {
            self.examples.push(text());
        }
    }
}

type Entries = HashMap<FibKey, Vec<u8>>;

/// Compares everything. Takes seconds where there are many routes.
pub(super) async fn compare(
    namespaces: &Namespaces,
    primary: UnitId,
    announced: &Announced,
) -> Result<Comparison, Failure> {
    let mut comparison = Comparison::default();
    let held = entries_of(primary).await?;
    comparison.entries = held.len() as u64;
    compare_with_bgp(announced, &held, &mut comparison);
    for card in plan::CARDS {
        let namespace = namespaces.name(&card.to_string());
        let kernel = tokio::task::spawn_blocking(move || kernel::read(&namespace)).await;
        let kernel = kernel.map_err(std::io::Error::other).and_then(|read| read).map_err(|error| {
            Failure::new(Exit::Failed, format!("what the kernel of {card} holds cannot be read: {error}"))
        })?;
        compare_with_kernel(card, &held, &kernel, &mut comparison);
    }
    Ok(comparison)
}

async fn entries_of(primary: UnitId) -> Result<Entries, Failure> {
    let address = plan::admin(Party::Unit(primary)).to_string();
    let mut client = Client::connect(&address, PATIENCE).await?;
    let (mut entries, mut bad) = (HashMap::new(), None);
    let take = |rows: Vec<hitless_admin::EntryRow>| {
        for row in rows {
            match FibKey::decode(&row.0.0) {
                Ok(key) => drop(entries.insert(key, row.1.0)),
                Err(error) => bad = Some(error),
            }
        }
    };
    client.dump(fib::ID.0, PATIENCE, take).await?;
    match bad {
        None => Ok(entries),
        Some(error) => Err(Failure::new(Exit::Failed, format!("{primary} holds what is no entry: {error}"))),
    }
}

/// Which next hop of BGP each group is: a router behind every link, the same one behind each.
fn groups(held: &Entries) -> HashMap<u32, (bool, u8)> {
    let decoded = held.iter().filter_map(|(key, part)| match key {
        FibKey::NextHop(id) => Some((*id, NextHop::decode(part).ok()?)),
        FibKey::Route { .. } => None,
    });
    let hops: HashMap<u32, NextHop> = decoded.collect();
    let wanted = |v4: bool, hop: u8| -> Vec<String> {
        OUTS.iter().map(|out| format!("via {} dev out{out}", plan::gateway(v4, *out, hop))).collect()
    };
    let mut named = HashMap::new();
    for v4 in [true, false] {
        named.extend(plan::HOPS.map(|hop| (wanted(v4, hop), (v4, hop))));
    }
    let groups = hops.iter().filter(|(_, hop)| hop.is_group());
    let groups = groups.filter_map(|(id, group)| {
        let members = group.members().iter().filter(|member| member.weight == 1);
        let mut ways: Vec<String> =
            members.filter_map(|member| Some(hops.get(&member.next_hop)?.to_string())).collect();
        ways.sort();
        Some((*id, *named.get(&ways)?))
    });
    groups.collect()
}

fn compare_with_bgp(announced: &Announced, held: &Entries, comparison: &mut Comparison) {
    let groups = groups(held);
    let hops = announced.hops();
    for (net, hop) in announced.prefixes().iter().zip(hops) {
        let part = held.get(&FibKey::main(*net));
        let leads = part.and_then(|part| Route::decode(part).ok()).map(|route| groups.get(&route.next_hop));
        let wanted = hop.map(|hop| (net.addr().is_ipv4(), hop));
        comparison.announced += u64::from(hop.is_some());
        let right = match (leads, wanted) {
            (None, None) => true,
            (Some(leads), Some(wanted)) => leads == Some(&wanted),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !right {
            comparison.wrong += 1;
            comparison.note(|| format!("{net}: BGP has next hop {wanted:?}, the primary {leads:?}"));
        }
    }
    let routes = held.keys().filter(|key| matches!(key, FibKey::Route { .. })).count() as u64;
    if routes > comparison.announced {
        // Some may have been counted above.
        comparison.wrong += routes - comparison.announced;
        comparison.note(|| format!("the primary has {routes} routes"));
    }
}

fn compare_with_kernel(card: CardId, held: &Entries, kernel: &kernel::Held, comparison: &mut Comparison) {
    for (key, part) in held {
        match kernel.entries.get(key) {
            Some(found) if found == part => comparison.equal += 1,
            found => {
                comparison.different += 1;
                let what = if found.is_some() { "differs in" } else { "is not in" };
                comparison.note(|| format!("{key} {what} the kernel of {card}"));
            }
        }
    }
    for key in kernel.entries.keys().filter(|key| !held.contains_key(key)) {
        comparison.different += 1;
        comparison.note(|| format!("{key} is in the kernel of {card} alone"));
    }
    for what in &kernel.strange {
        comparison.different += 1;
        comparison.note(|| format!("the kernel of {card} has a {what} that is no entry of the fib"));
    }
}
