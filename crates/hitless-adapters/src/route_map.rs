//! Routes by table and prefix in little memory. A million routes have few lengths and few values among them: what is kept for
//! each is its address and the number of its value.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::HashMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Values of type `V` by table and prefix. Prefixes are without host bits.
#[derive(Debug)]
pub(crate) struct RouteMap<T, V> {
    v4: Shelves<T, Ipv4Addr>,
    v6: Shelves<T, Ipv6Addr>,
    values: Values<V>,
}

/// Numbers of values: a shelf for each length of the prefixes of a table. None is empty.
#[derive(Debug)]
struct Shelves<T, A>(BTreeMap<(T, u8), HashMap<A, u32>>);

/// Each value once, with how many routes have it. Slots without a route are free.
#[derive(Debug)]
struct Values<V> {
    numbers: HashMap<V, u32>,
    slots: Vec<(V, u64)>,
    free: Vec<u32>,
}

impl<T: Copy + Ord, V: Copy + Eq + Hash> RouteMap<T, V> {
    pub(crate) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub(crate) fn get(&self, table: T, net: &IpNet) -> Option<&V> {
        let number = match net {
            IpNet::V4(net) => self.v4.get((table, net.prefix_len()), net.addr()),
            IpNet::V6(net) => self.v6.get((table, net.prefix_len()), net.addr()),
        };
        Some(self.values.get(number?))
    }

    /// Gives what was there before.
    pub(crate) fn insert(&mut self, table: T, net: IpNet, value: V) -> Option<V> {
        let number = self.values.hold(value);
        let former = match net {
            IpNet::V4(net) => self.v4.insert((table, net.prefix_len()), net.addr(), number),
            IpNet::V6(net) => self.v6.insert((table, net.prefix_len()), net.addr(), number),
        };
        former.map(|number| self.values.release(number))
    }

    /// Gives what was there.
    pub(crate) fn remove(&mut self, table: T, net: &IpNet) -> Option<V> {
        let former = match net {
            IpNet::V4(net) => self.v4.remove((table, net.prefix_len()), net.addr()),
            IpNet::V6(net) => self.v6.remove((table, net.prefix_len()), net.addr()),
        };
        former.map(|number| self.values.release(number))
    }

    /// The longest prefix of a table that covers an address.
    pub(crate) fn longest(&self, table: T, address: IpAddr) -> Option<(IpNet, &V)> {
        let (net, number) = match address {
            IpAddr::V4(address) => {
                self.v4.longest(table, |len| Some(Ipv4Net::new(address, len).ok()?.network()))?
            }
            IpAddr::V6(address) => {
                self.v6.longest(table, |len| Some(Ipv6Net::new(address, len).ok()?.network()))?
            }
        };
        Some((net, self.values.get(number)))
    }

    /// All routes, by table and length, and of one length in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (T, IpNet, &V)> {
        let all = self.v4.iter().chain(self.v6.iter());
        all.map(|(table, net, number)| (table, net, self.values.get(number)))
    }
}

impl<T: Copy + Ord, A: Copy + Eq + Hash + Into<IpAddr>> Shelves<T, A> {
    fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }

    fn get(&self, shelf: (T, u8), address: A) -> Option<u32> {
        self.0.get(&shelf)?.get(&address).copied()
    }

    fn insert(&mut self, shelf: (T, u8), address: A, number: u32) -> Option<u32> {
        self.0.entry(shelf).or_default().insert(address, number)
    }

    fn remove(&mut self, at: (T, u8), address: A) -> Option<u32> {
        let shelf = self.0.get_mut(&at)?;
        let former = shelf.remove(&address);
        if shelf.is_empty() {
            self.0.remove(&at);
        }
        former
    }

    /// `cut`: the first so many bits of the address that is looked for.
    fn longest(&self, table: T, cut: impl Fn(u8) -> Option<A>) -> Option<(IpNet, u32)> {
        let shelves = self.0.range((table, 0)..=(table, u8::MAX)).rev();
        let mut found = shelves.filter_map(|((_, len), shelf)| {
            let address = cut(*len)?;
            Some((IpNet::new(address.into(), *len).ok()?, *shelf.get(&address)?))
        });
        found.next()
    }

    fn iter(&self) -> impl Iterator<Item = (T, IpNet, u32)> {
        self.0.iter().flat_map(|((table, len), shelf)| {
            // The length is one that a prefix of this family had.
            shelf.iter().filter_map(|(address, number)| {
                Some((*table, IpNet::new((*address).into(), *len).ok()?, *number))
            })
        })
    }
}

impl<V: Copy + Eq + Hash> Values<V> {
    fn get(&self, number: u32) -> &V {
        &self.slots[number as usize].0
    }

    /// The number of a value that one more route has.
    fn hold(&mut self, value: V) -> u32 {
        if let Some(&number) = self.numbers.get(&value) {
            self.slots[number as usize].1 += 1;
            return number;
        }
        let number = if let Some(number) = self.free.pop() {
            self.slots[number as usize] = (value, 1);
            number
        } else {
            self.slots.push((value, 1));
            // As many as there are routes at most, whose addresses would take all memory before.
            (self.slots.len() - 1) as u32
        };
        self.numbers.insert(value, number);
        number
    }

    /// The value of a number that one route less has.
    fn release(&mut self, number: u32) -> V {
        let (value, routes) = &mut self.slots[number as usize];
        *routes -= 1;
        if *routes == 0 {
            self.numbers.remove(value);
            self.free.push(number);
        }
        *value
    }
}

impl<T, V> Default for RouteMap<T, V> {
    fn default() -> Self {
        let values = Values { numbers: HashMap::default(), slots: Vec::new(), free: Vec::new() };
        Self { v4: Shelves(BTreeMap::new()), v6: Shelves(BTreeMap::new()), values }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn net() -> impl Strategy<Value = IpNet> {
        // Few bits: prefixes are often the same, and often cover each other.
        let bits = prop_oneof![Just(0_u8), Just(0x80), Just(0xc0), Just(0xff)];
        (any::<bool>(), bits, 0..=8_u8).prop_map(|(v4, bits, len)| {
            let address = if v4 {
                IpAddr::from([bits, 0, 0, 0])
            } else {
                IpAddr::from(u128::from(bits).wrapping_shl(120).to_be_bytes())
            };
            IpNet::new(address, len).expect("a length of both families").trunc()
        })
    }

    proptest! {
        #[test]
        fn it_does_what_a_plain_map_does(
            steps in prop::collection::vec((0..2_u8, net(), prop::option::of(0..4_u64)), 0..200)
        ) {
            let (mut map, mut plain) = (RouteMap::default(), BTreeMap::new());
            for (table, net, value) in steps {
                let (former, expected) = match value {
                    Some(value) => (map.insert(table, net, value), plain.insert((table, net), value)),
                    None => (map.remove(table, &net), plain.remove(&(table, net))),
                };
                prop_assert_eq!(former, expected);
                prop_assert_eq!(map.get(table, &net).copied(), value);
            }
            let all: BTreeMap<(u8, IpNet), u64> =
                map.iter().map(|(table, net, value)| ((table, net), *value)).collect();
            prop_assert_eq!((map.len(), &all), (plain.len(), &plain));
            for address in ["0.0.0.1", "128.1.1.1", "192.0.0.0", "255.0.0.1", "::1", "c000::", "ff00::1"] {
                let address: IpAddr = address.parse().expect("an address");
                let covering = plain.iter().filter(|((table, net), _)| *table == 1 && net.contains(&address));
                let longest = covering.max_by_key(|((_, net), _)| net.prefix_len());
                let longest = longest.map(|((_, net), value)| (*net, value));
                prop_assert_eq!(map.longest(1, address), longest);
            }
            // Each value once, and none that no route has.
            let values: std::collections::BTreeSet<u64> = plain.values().copied().collect();
            prop_assert_eq!(map.values.numbers.len(), values.len());
            prop_assert_eq!(map.values.slots.len() - map.values.free.len(), values.len());
        }
    }
}
