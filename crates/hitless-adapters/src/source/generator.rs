//! A seeded table of any size with the shape of the Internet's: the same mix of prefix lengths, no prefix twice.
//!
//! No prefix is stored: the n-th one is computed, by permutations of the numbers of all possible ones.

use std::net::{Ipv4Addr, Ipv6Addr};

use hitless_proto::entry::Change;
use hitless_proto::process::fib::{FibKey, Route};
use hitless_runtime::source::{BadInput, Source, SourceItem};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::fib_change;
use super::next_hops::{SYNTHETIC_NOTE, SyntheticNextHops};
use super::random::mix;

/// Prefix lengths of the IPv4 table and how many of 100,000 prefixes have them (a full table of May 2026).
const V4_LENGTHS: [(u8, u64); 17] = [
    (8, 2),
    (9, 1),
    (10, 4),
    (11, 9),
    (12, 28),
    (13, 56),
    (14, 115),
    (15, 204),
    (16, 1_308),
    (17, 801),
    (18, 1_284),
    (19, 2_448),
    (20, 4_377),
    (21, 5_033),
    (22, 10_912),
    (23, 10_349),
    (24, 63_069),
];
/// The same for IPv6.
const V6_LENGTHS: [(u8, u64); 25] = [
    (20, 6),
    (24, 17),
    (25, 5),
    (26, 7),
    (27, 7),
    (28, 65),
    (29, 2_208),
    (30, 336),
    (31, 139),
    (32, 10_862),
    (33, 2_196),
    (34, 2_111),
    (35, 746),
    (36, 3_828),
    (37, 491),
    (38, 1_087),
    (39, 743),
    (40, 9_382),
    (41, 689),
    (42, 1_188),
    (43, 590),
    (44, 10_098),
    (45, 1_832),
    (46, 2_291),
    (47, 3_625),
];
/// What is left over of IPv6 has this length; of it there are enough for any table.
const V6_MOST: u8 = 48;
/// IPv6 prefixes among 100,000 of both families.
const V6_SHARE: u64 = 19_106;
const SHARE: u64 = 100_000;
/// First octets of IPv4 unicast space: 1 to 223 without 10 and 127.
const V4_FIRST_OCTETS: u64 = 221;
/// Prefixes of one table: past this the permutation's numbers would no longer fit with room to spare.
const MAX_ENTRIES: u64 = 1 << 40;

/// A table of `len` prefixes, all different; the same for the same seed and length.
#[derive(Clone, Debug)]
pub struct GeneratedTable {
    seed: u64,
    /// Prefixes of one family and length; `end` is the first number behind them.
    slices: Vec<Slice>,
    len: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slice {
    v6: bool,
    length: u8,
    start: u64,
    end: u64,
}

impl GeneratedTable {
    /// A table of `entries` prefixes, at most 2^40.
    #[must_use]
    pub fn new(seed: u64, entries: u64) -> Self {
        let entries = entries.min(MAX_ENTRIES);
        let v6 = share_of(entries, V6_SHARE);
        let v4 = entries - v6;
        let mut slices = Vec::new();
        let mut start = 0;
        let mut add = |v6, length, count| {
            slices.push(Slice { v6, length, start, end: start + count });
            start += count;
            count
        };
        let (last, lengths) = split_last(&V4_LENGTHS);
        let mut left = v4;
        for &(length, share) in lengths {
            left -= add(false, length, share_of(v4, share).min(possible(false, length)));
        }
        let most = add(false, last, left.min(possible(false, last)));
        // What does not fit the IPv4 space makes the IPv6 part larger.
        let v6 = v6 + left - most;
        let mut left = v6;
        for (length, share) in V6_LENGTHS {
            left -= add(true, length, share_of(v6, share).min(possible(true, length)));
        }
        add(true, V6_MOST, left);
        Self { seed, slices, len: entries }
    }

    /// Number of prefixes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The prefix of this number, in no order; `None` from `len` up.
    #[must_use]
    pub fn prefix(&self, number: u64) -> Option<IpNet> {
        if number >= self.len {
            return None;
        }
        let place = permuted(number, self.len, self.seed);
        let slice = self.slices.get(self.slices.partition_point(|slice| slice.end <= place))?;
        let family = u64::from(slice.v6) << 8 | u64::from(slice.length);
        let number = permuted(place - slice.start, possible(slice.v6, slice.length), mix(self.seed ^ family));
        if slice.v6 { v6_prefix(number, slice.length) } else { v4_prefix(number, slice.length) }
    }
}

fn split_last<const N: usize>(lengths: &'static [(u8, u64); N]) -> (u8, &'static [(u8, u64)]) {
    lengths.split_last().map_or((0, &[]), |(last, lengths)| (last.0, lengths))
}

fn share_of(entries: u64, share: u64) -> u64 {
    // Entries are at most 2^40, the share at most 2^17.
    entries * share / SHARE
}

/// How many prefixes of this length there are: in 221 first octets of IPv4, in 2000::/3 of IPv6.
fn possible(v6: bool, length: u8) -> u64 {
    if v6 { 1 << (length - 3) } else { V4_FIRST_OCTETS << (length - 8) }
}

fn v4_prefix(number: u64, length: u8) -> Option<IpNet> {
    let rest = length - 8;
    let octet = number >> rest;
    let octet = octet + 1 + u64::from(octet >= 9);
    let octet = octet + u64::from(octet >= 127);
    let bits = octet << rest | number & ((1 << rest) - 1);
    let address = Ipv4Addr::from(u32::try_from(bits << (32 - length)).ok()?);
    Ipv4Net::new(address, length).ok().map(IpNet::V4)
}

fn v6_prefix(number: u64, length: u8) -> Option<IpNet> {
    let bits = 1 << (length - 3) | number;
    let address = Ipv6Addr::from(u128::from(bits) << (128 - length));
    Ipv6Net::new(address, length).ok().map(IpNet::V6)
}

/// A permutation of `0..size` by a seed: a four-round Feistel network over the next even number of bits, walked until
/// it comes back into the range (at most four times as many numbers, so four steps on average at most).
pub(super) fn permuted(number: u64, size: u64, seed: u64) -> u64 {
    let half = (64 - size.saturating_sub(1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1 << half) - 1;
    let mut number = number;
    loop {
        let (mut left, mut right) = (number >> half, number & mask);
        for round in 0..4 {
            (left, right) = (right, left ^ mix(right ^ mix(seed.wrapping_add(round))) & mask);
        }
        number = left << half | right;
        if number < size {
            return number;
        }
    }
}

/// Puts a generated table: the synthetic next hops first, then every prefix.
pub struct Generator {
    table: GeneratedTable,
    set: SyntheticNextHops,
    next_hops: std::vec::IntoIter<Change>,
    number: u64,
}

impl Generator {
    /// The source of this table.
    #[must_use]
    pub fn new(table: GeneratedTable) -> Self {
        let mut families: Vec<bool> =
            table.slices.iter().filter(|slice| slice.end > slice.start).map(|slice| slice.v6).collect();
        families.dedup();
        let next_hops: Vec<Change> = families
            .into_iter()
            .flat_map(|v6| {
                let default = if v6 { IpNet::V6(Ipv6Net::default()) } else { IpNet::V4(Ipv4Net::default()) };
                SyntheticNextHops::puts(&default)
            })
            .collect();
        Self { table, set: SyntheticNextHops::default(), next_hops: next_hops.into_iter(), number: 0 }
    }
}

impl Source for Generator {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        if let Some(change) = self.next_hops.next() {
            return Some(Ok(fib_change(change)));
        }
        let net = self.table.prefix(self.number)?;
        self.number += 1;
        let part = Route::to(self.set.pick(&net, 0)).encode();
        Some(Ok(fib_change(FibKey::main(net).put(part, SYNTHETIC_NOTE.into()))))
    }

    /// Prefixes.
    fn progress(&self) -> (u64, Option<u64>) {
        (self.number, Some(self.table.len))
    }

    fn describe(&self) -> String {
        format!("{} generated prefixes, seed {} (next hops synthetic)", self.table.len, self.table.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::process::Process;
    use hitless_proto::process::fib::Fib;
    use std::collections::HashSet;

    fn prefixes(seed: u64, entries: u64) -> Vec<IpNet> {
        let table = GeneratedTable::new(seed, entries);
        (0..entries).map(|number| table.prefix(number).unwrap()).collect()
    }

    #[test]
    fn no_prefix_comes_twice() {
        for entries in [0, 1, 2, 7, 1_000, 200_000] {
            let unique: HashSet<IpNet> = prefixes(7, entries).into_iter().collect();
            assert_eq!(unique.len() as u64, entries);
            assert_eq!(GeneratedTable::new(7, entries).prefix(entries), None);
        }
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        assert_eq!(prefixes(7, 1_000), prefixes(7, 1_000));
        assert_ne!(prefixes(7, 1_000), prefixes(8, 1_000));
    }

    #[test]
    fn the_lengths_are_those_of_the_internet() {
        let all = prefixes(1, 100_000);
        let share = |v6: bool, length: u8| {
            all.iter().filter(|net| net.addr().is_ipv6() == v6 && net.prefix_len() == length).count()
        };
        assert_eq!(all.iter().filter(|net| net.addr().is_ipv6()).count(), 19_106);
        assert!((50_900..51_200).contains(&share(false, 24)), "{}", share(false, 24));
        assert!((8_600..8_900).contains(&share(true, 48)), "{}", share(true, 48));
        assert!((2_060..2_080).contains(&share(true, 32)), "{}", share(true, 32));
        assert!(all.iter().all(|net| *net == net.trunc()));
    }

    #[test]
    fn every_first_octet_is_unicast() {
        let octets: HashSet<u8> = (0..V4_FIRST_OCTETS)
            .map(|number| match v4_prefix(number, 8) {
                Some(IpNet::V4(net)) => net.network().octets()[0],
                other => panic!("{other:?}"),
            })
            .collect();
        let expected: HashSet<u8> = (1..=223).filter(|octet| ![10, 127].contains(octet)).collect();
        assert_eq!(octets, expected);
    }

    #[test]
    fn a_table_larger_than_the_ipv4_space_overflows_into_ipv6() {
        let table = GeneratedTable::new(1, 1 << 33);
        assert_eq!(table.slices.last().map(|slice| slice.end), Some(1 << 33));
        assert!((0..100_000).all(|number| table.prefix(number * 80_000).is_some()));
        assert_eq!(GeneratedTable::new(1, u64::MAX).len(), MAX_ENTRIES);
        assert!(GeneratedTable::new(1, u64::MAX).prefix(MAX_ENTRIES - 1).is_some());
    }

    #[test]
    fn a_permutation_gives_each_number_once() {
        for size in [1, 2, 3, 5, 16, 17, 1_000, 65_537] {
            let seen: HashSet<u64> = (0..size).map(|number| permuted(number, size, 42)).collect();
            assert_eq!(seen.len() as u64, size);
            assert!(seen.into_iter().all(|number| number < size));
        }
    }

    #[test]
    fn every_change_is_valid_and_next_hops_go_first() {
        let mut source = Generator::new(GeneratedTable::new(3, 5_000));
        let mut keys = Vec::new();
        while let Some(item) = source.next() {
            let item = item.unwrap();
            assert_eq!(Fib.validate(&item.change), Ok(()));
            keys.push(FibKey::decode(&item.change.key).unwrap());
        }
        assert_eq!(keys.len(), 128 + 5_000);
        assert!(keys[..128].iter().all(|key| matches!(key, FibKey::NextHop(_))));
        assert!(keys[128..].iter().all(|key| matches!(key, FibKey::Route { .. })));
        assert_eq!(source.progress(), (5_000, Some(5_000)));
        assert_eq!(Generator::new(GeneratedTable::new(3, 3)).next_hops.len(), 64);
    }
}
