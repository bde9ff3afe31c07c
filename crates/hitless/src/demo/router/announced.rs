//! What BGP announces: the prefixes, the next hop of each, and a log of changes that every session follows.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hitless_adapters::source::{self, GeneratedTable, Random};
use hitless_proto::process::fib::FibKey;
use ipnet::IpNet;
use tokio::sync::watch;

use super::args::RouterArgs;
use super::plan::HOPS;
use crate::failure::{Exit, Failure};

/// Networks that the demo uses itself, and such as no router has routes to.
const NOT_USABLE: [&str; 7] =
    ["10.0.0.0/8", "fd00::/8", "0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "fe80::/10", "ff00::/8"];

/// The table.
pub(super) struct Announced {
    prefixes: Vec<IpNet>,
    state: Mutex<State>,
    /// Length of the log.
    length: watch::Sender<usize>,
}

struct State {
    /// The next hop of each prefix, one of [`HOPS`]; `None`: withdrawn.
    hops: Vec<Option<u8>>,
    /// Numbers of prefixes that changed, oldest first.
    log: Vec<u32>,
    announced: u64,
}

impl Announced {
    /// A table from the file, or a generated one.
    pub(super) fn load(args: &RouterArgs, seed: u64) -> Result<Self, Failure> {
        let others = NOT_USABLE.map(|text| text.parse::<IpNet>().ok());
        let usable = |net: &IpNet| {
            // A default route would hide that another one is missing.
            net.prefix_len() > 0
                && !others.iter().flatten().any(|other| other.contains(net) || net.contains(other))
        };
        let prefixes = match &args.mrt {
            None => {
                let table = GeneratedTable::new(seed, args.routes);
                (0..table.len()).filter_map(|number| table.prefix(number)).collect()
            }
            Some(path) => read(path, usable)?,
        };
        let mut random = Random::new(seed);
        let hops = prefixes.iter().map(|_| Some(any_hop(&mut random))).collect();
        let announced = prefixes.len() as u64;
        let state = State { hops, log: Vec::new(), announced };
        Ok(Self { prefixes, state: Mutex::new(state), length: watch::Sender::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many prefixes there are, announced or not.
    pub(super) fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// The prefixes, by number.
    pub(super) fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// How many are announced.
    pub(super) fn announced(&self) -> u64 {
        self.state().announced
    }

    /// Changes so far.
    pub(super) fn changes(&self) -> usize {
        self.state().log.len()
    }

    /// Hears of changes.
    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.length.subscribe()
    }

    /// The next hop of every prefix.
    pub(super) fn hops(&self) -> Vec<Option<u8>> {
        self.state().hops.clone()
    }

    /// Gives prefixes other next hops, or withdraws them.
    pub(super) fn change(&self, changes: impl IntoIterator<Item = (u32, Option<u8>)>) {
        let mut state = self.state();
        for (number, hop) in changes {
            let Some(held) = state.hops.get_mut(number as usize) else { continue };
            let before = std::mem::replace(held, hop);
            state.announced = state.announced + u64::from(hop.is_some()) - u64::from(before.is_some());
            state.log.push(number);
        }
        self.length.send_replace(state.log.len());
    }

    /// The next hop of prefixes from `from` on, at most `most`.
    pub(super) fn slice(&self, from: usize, most: usize) -> Vec<(IpNet, Option<u8>)> {
        let state = self.state();
        let rows = self.prefixes.iter().copied().zip(state.hops.iter().copied());
        rows.skip(from).take(most).collect()
    }

    /// What changed from place `from` of the log on, as it is now, and the place behind it.
    pub(super) fn since(&self, from: usize, most: usize) -> (Vec<(IpNet, Option<u8>)>, usize) {
        let state = self.state();
        let until = state.log.len().min(from.saturating_add(most));
        let mut seen = HashSet::new();
        let numbers = state.log.get(from..until).unwrap_or_default();
        let numbers = numbers.iter().map(|number| *number as usize).filter(|number| seen.insert(*number));
        (numbers.map(|number| (self.prefixes[number], state.hops[number])).collect(), until)
    }
}

/// Any of the next hops.
pub(super) fn any_hop(random: &mut Random) -> u8 {
    let count = u64::from(HOPS.end() - HOPS.start()) + 1;
    // Below 8, so it fits.
    HOPS.start() + random.below(count) as u8
}

fn read(path: &std::path::Path, usable: impl Fn(&IpNet) -> bool) -> Result<Vec<IpNet>, Failure> {
    let wrong = |text: String| Failure::new(Exit::Usage, text).hint("name an MRT dump of a table with --mrt");
    let mut source = source::open(path).map_err(|bad| wrong(bad.to_string()))?;
    let (mut prefixes, mut seen) = (Vec::new(), HashSet::new());
    while let Some(item) = source.next() {
        let change = match item {
            Ok(item) => item.change,
            Err(bad) if bad.fatal => return Err(wrong(bad.to_string())),
            Err(_) => continue,
        };
        if let (Some(_), Ok(FibKey::Route { net, .. })) = (&change.content, FibKey::decode(&change.key))
            && usable(&net)
            && seen.insert(net)
        {
            prefixes.push(net);
        }
    }
    if prefixes.len() < 2_000 {
        return Err(wrong(format!(
            "{}: {} usable prefixes are too few for the demo",
            path.display(),
            prefixes.len()
        )));
    }
    Ok(prefixes)
}

/// Prefixes by length, to find which ones cover an address.
pub(super) struct Covering {
    nets: HashSet<IpNet>,
    lengths: [Vec<u8>; 2],
}

impl Covering {
    pub(super) fn of(prefixes: &[IpNet]) -> Self {
        let nets: HashSet<IpNet> = prefixes.iter().copied().collect();
        let lengths = [true, false].map(|v4| {
            let of_family = nets.iter().filter(|net| net.addr().is_ipv4() == v4).map(IpNet::prefix_len);
            let mut lengths: Vec<u8> = of_family.collect::<HashSet<u8>>().into_iter().collect();
            lengths.sort_unstable();
            lengths
        });
        Self { nets, lengths }
    }

    /// How many of the prefixes cover the address.
    pub(super) fn count(&self, address: IpAddr) -> usize {
        let lengths = self.lengths[usize::from(address.is_ipv6())].iter();
        let covering = lengths.filter_map(|length| IpNet::new(address, *length).ok());
        covering.filter(|net| self.nets.contains(&net.trunc())).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Announced {
        let args = RouterArgs {
            router: true,
            install: false,
            routes: 2_000,
            mrt: None,
            events: Vec::new(),
            probes: 100,
            bgp_churn: 0,
        };
        Announced::load(&args, 1).unwrap()
    }

    #[test]
    fn a_session_that_follows_the_log_ends_with_what_is_announced() {
        let table = table();
        let mut held: Vec<Option<u8>> = table.hops();
        let mut random = Random::new(7);
        let mut at = 0;
        for _ in 0..50 {
            table.change((0..20).map(|_| {
                let number = random.below(2_000) as u32;
                (number, (random.below(3) > 0).then(|| any_hop(&mut random)))
            }));
            let (changed, next) = table.since(at, 15);
            at = next;
            for (net, hop) in changed {
                let number = table.prefixes().iter().position(|other| *other == net).unwrap();
                held[number] = hop;
            }
        }
        while at < table.changes() {
            let (changed, next) = table.since(at, 100);
            at = next;
            for (net, hop) in changed {
                held[table.prefixes().iter().position(|other| *other == net).unwrap()] = hop;
            }
        }
        assert_eq!(held, table.hops());
        assert_eq!(table.announced(), held.iter().flatten().count() as u64);
    }

    #[test]
    fn the_prefixes_that_cover_an_address_are_counted() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"].map(|text| text.parse().unwrap());
        let covering = Covering::of(&nets);
        for (address, count) in [("10.1.0.1", 2), ("10.2.0.1", 1), ("11.0.0.1", 0), ("2001:db8::1", 1)] {
            assert_eq!(covering.count(address.parse().unwrap()), count, "{address}");
        }
    }
}
