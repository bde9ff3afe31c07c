//! Next hops for inputs that name none, and ids for inputs that name addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hitless_proto::entry::{Blob, Change};
use hitless_proto::process::Process;
use hitless_proto::process::fib::{Fib, FibKey, NextHop, Route};
use ipnet::IpNet;

use super::random::mix;

/// Synthetic next hops of each family.
pub const SYNTHETIC: u32 = 64;
/// Marks, as the standby-only part, what nobody announced.
pub const SYNTHETIC_NOTE: &str = "next hops synthetic";
/// The standby-only part of a next hop that routes of an MRT file named.
const ASSIGNED_NOTE: &str = "mrt";
/// Addresses that one input may use as next hops: a route server sees some thousands.
const MAX_ASSIGNED: usize = 65_536;
/// Ids of assigned next hops start here, apart from those that people choose and from the synthetic ones.
const ASSIGNED_BASE: u64 = 65_536;

/// A set of made-up next hops, of which few serve most prefixes (Zipf), as at a real router. Ids `1..=64` have IPv4
/// gateways (198.18.0.0/15, RFC 2544) and serve IPv4, `65..=128` have IPv6 gateways (2001:2::/48, RFC 5180).
#[derive(Clone, Debug)]
pub struct SyntheticNextHops {
    /// Upper ends of the shares, rising, the last is `u32::MAX`.
    shares: Vec<u32>,
}

impl Default for SyntheticNextHops {
    fn default() -> Self {
        let weight = |rank: u32| f64::from(rank).recip();
        let whole: f64 = (1..=SYNTHETIC).map(weight).sum();
        let mut sum = 0.0;
        let mut shares: Vec<u32> = (1..=SYNTHETIC)
            .map(|rank| {
                sum += weight(rank);
                (sum / whole * f64::from(u32::MAX)) as u32
            })
            .collect();
        if let Some(last) = shares.last_mut() {
            *last = u32::MAX;
        }
        Self { shares }
    }
}

impl SyntheticNextHops {
    /// The next hop of a prefix: the same for neighbours (one /16 or /32 mostly has one origin), another for each `turn`.
    #[must_use]
    pub fn pick(&self, net: &IpNet, turn: u64) -> u32 {
        let (block, base) = match net {
            IpNet::V4(net) => (u64::from(u32::from(net.network()) >> 16), 1),
            IpNet::V6(net) => ((u128::from(net.network()) >> 96) as u64 | 1 << 63, SYNTHETIC + 1),
        };
        base + self.rank(mix(mix(block) ^ turn))
    }

    fn rank(&self, bits: u64) -> u32 {
        let point = (bits >> 32) as u32;
        let rank = self.shares.partition_point(|&end| end < point);
        u32::try_from(rank).unwrap_or(0).min(SYNTHETIC - 1)
    }

    /// The changes that put the next hops of the family of `net`, to go before the first of its routes.
    pub fn puts(net: &IpNet) -> impl Iterator<Item = Change> + use<> {
        let v4 = matches!(net, IpNet::V4(_));
        let base = if v4 { 1 } else { SYNTHETIC + 1 };
        (0..SYNTHETIC).map(move |rank| {
            let gateway = if v4 {
                IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 1)) + rank))
            } else {
                IpAddr::V6(Ipv6Addr::from(
                    u128::from(Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1)) + u128::from(rank),
                ))
            };
            let part = NextHop::Via { gateway, device: None }.encode();
            FibKey::NextHop(base + rank).put(part, Blob::from(SYNTHETIC_NOTE))
        })
    }
}

/// Gives each gateway address an id, which depends on the address: a second input that names the same gateway
/// gives it the same id, and one with others does not redefine it.
#[derive(Clone, Debug, Default)]
pub struct AssignedNextHops {
    ids: HashMap<IpAddr, u32>,
    taken: HashMap<u32, IpAddr>,
}

impl AssignedNextHops {
    /// The id of `gateway`, and the change that puts it where it is new.
    ///
    /// # Errors
    /// An address that cannot be a gateway, or too many of them.
    pub fn assign(&mut self, gateway: IpAddr) -> Result<(u32, Option<Change>), String> {
        if let Some(&id) = self.ids.get(&gateway) {
            return Ok((id, None));
        }
        if self.ids.len() >= MAX_ASSIGNED {
            return Err(format!("more than {MAX_ASSIGNED} next hops: {gateway} is one too many"));
        }
        let next_hop = NextHop::via(gateway, None).map_err(|error| error.to_string())?;
        let mut hash = mix(match gateway {
            IpAddr::V4(address) => u64::from(u32::from(address)),
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                mix((bits >> 64) as u64) ^ bits as u64
            }
        });
        let id = loop {
            let id = id_of(hash);
            if self.taken.contains_key(&id) { hash = mix(hash ^ 1) } else { break id }
        };
        self.ids.insert(gateway, id);
        self.taken.insert(id, gateway);
        Ok((id, Some(FibKey::NextHop(id).put(next_hop.encode(), Blob::from(ASSIGNED_NOTE)))))
    }

    /// How many next hops were assigned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The changes that put a route: its next hop first, where that is new.
///
/// # Errors
/// The destination or the gateway is impossible, or there are too many next hops.
pub(super) fn announce(
    next_hops: &mut AssignedNextHops,
    net: IpNet,
    gateway: IpAddr,
    note: Blob,
) -> Result<impl Iterator<Item = Change> + use<>, String> {
    let key = FibKey::main(net);
    Fib.validate(&key.delete())?;
    let (next_hop, put) = next_hops.assign(gateway)?;
    Ok(put.into_iter().chain([key.put(Route::to(next_hop).encode(), note)]))
}

/// An id from [`ASSIGNED_BASE`] to the last that is not a group's.
fn id_of(hash: u64) -> u32 {
    let span = (1 << 31) - ASSIGNED_BASE;
    u32::try_from(ASSIGNED_BASE + hash % span).unwrap_or(u32::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_proto::process::fib::GROUP_BASE;

    #[test]
    fn few_synthetic_next_hops_serve_most_prefixes_and_all_are_used() {
        let set = SyntheticNextHops::default();
        let mut uses = [0_u32; SYNTHETIC as usize + 1];
        for block in 0..65_536_u32 {
            let net = format!("{}/24", Ipv4Addr::from(block << 16)).parse().unwrap();
            uses[set.pick(&net, 0) as usize] += 1;
        }
        assert_eq!(uses[0], 0);
        assert!(uses[1..].iter().all(|&count| count > 0));
        assert!(uses[1] > 65_536 / 6 && uses[1] > 20 * uses[64], "{uses:?}");
    }

    #[test]
    fn neighbours_share_a_next_hop_and_a_turn_moves_them() {
        let set = SyntheticNextHops::default();
        let (a, b) = ("10.1.2.0/24".parse().unwrap(), "10.1.128.0/17".parse().unwrap());
        assert_eq!(set.pick(&a, 0), set.pick(&b, 0));
        assert!((1..100).any(|turn| set.pick(&a, turn) != set.pick(&a, 0)));
        let v6 = "2001:db8::/48".parse().unwrap();
        assert!((65..=128).contains(&set.pick(&v6, 0)));
    }

    #[test]
    fn synthetic_next_hops_are_valid() {
        for net in ["10.0.0.0/8", "2001:db8::/32"] {
            let puts: Vec<Change> = SyntheticNextHops::puts(&net.parse().unwrap()).collect();
            assert_eq!(puts.len(), 64);
            assert!(puts.iter().all(|put| Fib.validate(put) == Ok(())));
        }
    }

    #[test]
    fn an_address_has_one_id_in_every_input() {
        let (mut a, mut b) = (AssignedNextHops::default(), AssignedNextHops::default());
        let gateways: Vec<IpAddr> = (1..=1000)
            .map(|host| IpAddr::from([192, 0, (host / 250) as u8, 1 + (host % 250) as u8]))
            .collect();
        for &gateway in &gateways {
            let (id, put) = a.assign(gateway).unwrap();
            assert!((65_536..GROUP_BASE).contains(&id));
            assert_eq!(Fib.validate(&put.unwrap()), Ok(()));
        }
        for &gateway in gateways.iter().rev() {
            assert_eq!(b.assign(gateway).unwrap().0, a.assign(gateway).unwrap().0);
            assert_eq!(a.assign(gateway).unwrap().1, None);
        }
        assert_eq!(a.len(), 1000);
        assert!(a.assign("0.0.0.0".parse().unwrap()).is_err());
    }
}
