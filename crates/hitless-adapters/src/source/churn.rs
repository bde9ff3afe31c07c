//! Endless seeded churn over a table: prefixes are withdrawn, announced again, and moved to other next hops.
//!
//! Its shape is that of one day at a full Internet table (May 2026): an eighth of the prefixes changes at all, few of
//! them change most, and one change in 37 is a withdrawal.

use std::collections::HashSet;
use std::sync::Arc;

use hitless_proto::process::fib::{FibKey, Route};
use hitless_runtime::source::{BadInput, Source, SourceItem};
use ipnet::IpNet;

use super::fib_change;
use super::generator::{GeneratedTable, permuted};
use super::next_hops::{SYNTHETIC_NOTE, SyntheticNextHops};
use super::random::Random;

/// One prefix in so many ever changes.
const QUIET_SHARE: u64 = 8;
/// One change in so many is a withdrawal.
const WITHDRAWAL: u64 = 37;
/// Prefixes withdrawn at one time; when so many are, prefixes are only announced.
const MAX_WITHDRAWN: usize = 65_536;

/// The table that churns. Its synthetic next hops must have been put before.
#[derive(Clone, Debug)]
pub enum ChurnTable {
    /// One that a [`Generator`](super::Generator) put.
    Generated(GeneratedTable),
    /// Any list of prefixes.
    Listed(Arc<[IpNet]>),
}

impl ChurnTable {
    fn len(&self) -> u64 {
        match self {
            Self::Generated(table) => table.len(),
            Self::Listed(nets) => nets.len() as u64,
        }
    }

    fn prefix(&self, number: u64) -> Option<IpNet> {
        match self {
            Self::Generated(table) => table.prefix(number),
            Self::Listed(nets) => nets.get(usize::try_from(number).ok()?).copied(),
        }
    }
}

/// Changes a table for ever, or a given number of times.
pub struct Churn {
    table: ChurnTable,
    random: Random,
    set: SyntheticNextHops,
    withdrawn: HashSet<u64>,
    made: u64,
    limit: Option<u64>,
    seed: u64,
}

impl Churn {
    /// Churn over `table`, the same for the same seed; `limit` ends it after so many changes.
    #[must_use]
    pub fn new(table: ChurnTable, seed: u64, limit: Option<u64>) -> Self {
        let set = SyntheticNextHops::default();
        Self { table, random: Random::new(seed), set, withdrawn: HashSet::new(), made: 0, limit, seed }
    }

    /// The number of the prefix that changes next. The fourth power makes few prefixes change most: the busiest
    /// hundredth of those that change at all makes a third of the changes.
    fn pick(&mut self) -> u64 {
        let len = self.table.len();
        let lively = len.div_ceil(QUIET_SHARE);
        let place = (self.random.fraction().powi(4) * lively as f64) as u64;
        // Spread over the table: a listed one is sorted, and neighbours would churn together.
        if len == 0 { 0 } else { permuted(place.min(lively - 1), len, self.seed) }
    }
}

impl Source for Churn {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        if self.limit.is_some_and(|limit| self.made >= limit) {
            return None;
        }
        let number = self.pick();
        let net = self.table.prefix(number)?;
        self.made += 1;
        let key = FibKey::main(net);
        let turn = self.random.bits();
        let withdraw = turn.is_multiple_of(WITHDRAWAL) && self.withdrawn.len() < MAX_WITHDRAWN;
        if withdraw && self.withdrawn.insert(number) {
            return Some(Ok(fib_change(key.delete())));
        }
        self.withdrawn.remove(&number);
        let part = Route::to(self.set.pick(&net, turn)).encode();
        Some(Ok(fib_change(key.put(part, SYNTHETIC_NOTE.into()))))
    }

    /// Changes.
    fn progress(&self) -> (u64, Option<u64>) {
        (self.made, self.limit)
    }

    fn describe(&self) -> String {
        format!("churn over {} prefixes, seed {} (next hops synthetic)", self.table.len(), self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::entry::{Blob, Change};
    use hitless_proto::process::Process;
    use hitless_proto::process::fib::Fib;
    use std::collections::HashMap;

    fn changes(mut source: Churn) -> Vec<Change> {
        std::iter::from_fn(|| source.next()).map(|item| item.unwrap().change).collect()
    }

    fn generated(entries: u64) -> ChurnTable {
        ChurnTable::Generated(GeneratedTable::new(7, entries))
    }

    #[test]
    fn few_prefixes_make_most_changes_and_some_are_withdrawals() {
        let all = changes(Churn::new(generated(80_000), 1, Some(100_000)));
        assert_eq!(all.len(), 100_000);
        let mut counts: HashMap<&Blob, usize> = HashMap::new();
        for change in &all {
            assert_eq!(Fib.validate(change), Ok(()));
            *counts.entry(&change.key).or_default() += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert!(counts.len() <= 10_000);
        let busiest: usize = counts[..100].iter().sum();
        assert!((28_000..36_000).contains(&busiest), "{busiest}");
        let withdrawals = all.iter().filter(|change| change.content.is_none()).count();
        assert!((2_300..2_900).contains(&withdrawals), "{withdrawals}");
    }

    #[test]
    fn a_prefix_is_not_withdrawn_twice_in_a_row() {
        let mut withdrawn = HashSet::new();
        for change in changes(Churn::new(generated(800), 2, Some(50_000))) {
            match change.content {
                None => assert!(withdrawn.insert(change.key)),
                Some(_) => drop(withdrawn.remove(&change.key)),
            }
        }
    }

    #[test]
    fn the_seed_decides_and_an_empty_table_has_no_churn() {
        let run = |seed| changes(Churn::new(generated(100), seed, Some(1_000)));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(changes(Churn::new(generated(0), 1, Some(9))), []);
        assert_eq!(changes(Churn::new(ChurnTable::Listed(Arc::from([])), 1, None)), []);
    }

    #[test]
    fn a_listed_table_churns_within_itself() {
        let nets: Arc<[IpNet]> = Arc::from(["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        let all = changes(Churn::new(ChurnTable::Listed(Arc::clone(&nets)), 1, Some(100)));
        let known: Vec<Blob> = nets.iter().map(|net| FibKey::main(*net).encode()).collect();
        assert!(all.iter().all(|change| known.contains(&change.key)));
    }
}
