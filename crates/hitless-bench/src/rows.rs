//! The keys that everybody is given, ours and the baselines: routes of a generated table, in its order or sorted.

use std::net::IpAddr;

use hitless::feed::row::row_of;
use hitless_adapters::source::GeneratedTable;
use hitless_admin::{Bytes, ChangeRow};
use hitless_proto::entry::{Blob, Change};
use hitless_proto::io::Write;
use hitless_proto::process::fib::{FibKey, ID as FIB, Member, NextHop, Route};
use ipnet::IpNet;

/// Next hops that routes spread over.
pub(crate) const NEXT_HOPS: u32 = 16;
/// Of the generated tables.
const SEED: u64 = 1;
/// The generator gives about one IPv6 prefix to four of IPv4; of it so many times more are made as are needed of one family.
const SURPLUS: u64 = 6;

/// Which prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Both,
    V4,
    V6,
}

/// So many prefixes, no two alike, in no order.
pub(crate) fn prefixes(count: u64, family: Family) -> Vec<IpNet> {
    let size = if family == Family::Both { count } else { count * SURPLUS };
    let table = GeneratedTable::new(SEED, size);
    let wanted = |net: &IpNet| match family {
        Family::Both => true,
        Family::V4 => net.addr().is_ipv4(),
        Family::V6 => net.addr().is_ipv6(),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    (0..size).filter_map(|number| table.prefix(number)).filter(wanted).take(count).collect()
}

/// The next hops, to be put before the routes.
pub(crate) fn next_hops(device: Option<&str>) -> Vec<ChangeRow> {
    next_hops_of(Family::V4, device)
}

/// Likewise, with gateways of this family: a kernel takes no others.
pub(crate) fn next_hops_of(family: Family, device: Option<&str>) -> Vec<ChangeRow> {
    let put = |id| {
        let [_, _, high, low] = id_octets(id);
        let gateway = match family {
            Family::V4 | Family::Both => IpAddr::from([192, 0, 2 + high, low]),
            Family::V6 => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, u16::from(high), u16::from(low)]),
        };
        let device = device.and_then(|name| name.parse().ok());
        let key = FibKey::NextHop(id);
        row_of(FIB, &key.put(NextHop::Via { gateway, device }.encode(), note()))
    };
    (1..=NEXT_HOPS).map(put).collect()
}

/// A group of these next hops, all alike.
pub(crate) fn group(id: u32, next_hops: &[u32]) -> ChangeRow {
    let members = next_hops.iter().map(|id| Member { next_hop: *id, weight: 1 });
    row_of(FIB, &FibKey::NextHop(id).put(NextHop::Group(members.collect()).encode(), note()))
}

/// A route to each prefix by the same next hop or group.
pub(crate) fn all_by(prefixes: &[IpNet], next_hop: u32) -> Vec<ChangeRow> {
    let part = Route::to(next_hop).encode();
    prefixes.iter().map(|net| row_of(FIB, &FibKey::main(*net).put(part.clone(), note()))).collect()
}

fn id_octets(id: u32) -> [u8; 4] {
    id.to_be_bytes()
}

fn note() -> Blob {
    Blob::from("bench")
}

fn put(number: usize, net: IpNet, turn: usize) -> Change {
    // Fits: it is below the number of next hops.
    let next_hop = 1 + (number.wrapping_add(turn) % NEXT_HOPS as usize) as u32;
    FibKey::main(net).put(Route::to(next_hop).encode(), note())
}

/// A route to each prefix; another `turn`, other next hops.
pub(crate) fn routes(prefixes: &[IpNet], turn: usize) -> Vec<ChangeRow> {
    let rows = prefixes.iter().enumerate();
    rows.map(|(number, net)| row_of(FIB, &put(number, *net, turn))).collect()
}

/// The deletes of these routes.
pub(crate) fn deletes(prefixes: &[IpNet]) -> Vec<ChangeRow> {
    prefixes.iter().map(|net| row_of(FIB, &FibKey::main(*net).delete())).collect()
}

/// Key and value as bytes, for those who take nothing else.
pub(crate) fn pair(row: &ChangeRow) -> (&[u8], &[u8]) {
    (&row.1.0, row.2.as_ref().map_or(&[], |Bytes(part)| part))
}

/// A row as a forwarding table takes it.
pub(crate) fn write(row: &ChangeRow) -> Write {
    Write { key: Blob::new(&row.1.0), part: row.2.as_ref().map(|part| Blob::new(&part.0)) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_as_many_as_asked_for_of_each_family() {
        for (family, v4) in [(Family::V4, Some(true)), (Family::V6, Some(false)), (Family::Both, None)] {
            let prefixes = prefixes(5_000, family);
            let unique: HashSet<&IpNet> = prefixes.iter().collect();
            assert_eq!((prefixes.len(), unique.len()), (5_000, 5_000));
            assert!(v4.is_none_or(|v4| prefixes.iter().all(|net| net.addr().is_ipv4() == v4)));
        }
    }

    #[test]
    fn another_turn_changes_every_route() {
        let prefixes = prefixes(100, Family::Both);
        let (first, second) = (routes(&prefixes, 0), routes(&prefixes, 1));
        assert!(first.iter().zip(&second).all(|(a, b)| a.1 == b.1 && a.2 != b.2));
    }
}
