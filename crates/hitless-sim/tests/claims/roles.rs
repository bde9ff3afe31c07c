//! What the parties are together, and what the standby becomes.

use std::net::IpAddr;

use hitless_proto::entry::Blob;
use hitless_proto::ids::{CardId, Party};
use hitless_proto::io::Role;
use hitless_proto::process::{fib, table};
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, forwarded, heal_and_compare, kill_primary, load, pair, put, successor, wait_safe, whole,
};

/// Observed: what the standby held before the takeover it holds after it, and goes on changing: puts, deletes, a second
/// failover back.
#[test]
fn claims_6_21_28_the_standby_goes_on_maintaining_the_state() {
    let mut world = whole(World::builder());
    let (first, second) = pair(&world);
    load(&mut world, 30);
    world.hold_one_way(Party::Unit(first), Party::Card(CARD_2));
    put(&mut world, "key-1", "in doubt");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    let (unit, _) = successor(&mut world, first);
    assert_eq!((unit, world.role(second)), (second, Some(Role::Primary)));
    assert_eq!(world.held(second, table::ID).len(), 30);
    put(&mut world, "key-2", "afterwards");
    world.submit(table::ID, table::delete(b"key-3")).unwrap();
    wait_safe(&mut world);
    heal_and_compare(&mut world);
    kill_primary(&mut world);
    assert_eq!(successor(&mut world, second).0, first);
    let held = world.held(first, table::ID);
    assert_eq!(held.len(), 29);
    assert_eq!(&held[&"key-1".into()].1.card_part[..], b"in doubt");
    assert_eq!(forwarded(&world, CARD_2, "key-2"), Some(&b"afterwards"[..]));
    heal_and_compare(&mut world);
}

/// Where a packet to `address` goes on a card: the next-hop entry of the longest prefix.
fn next_hop(world: &World, card: CardId, address: &str) -> Option<fib::NextHop> {
    let address: IpAddr = address.parse().unwrap();
    let entries = world.table(card, fib::ID)?.entries();
    let routes = entries.iter().filter_map(|(key, part)| match fib::FibKey::decode(key).unwrap() {
        fib::FibKey::Route { net, .. } if net.contains(&address) => {
            Some((net.prefix_len(), fib::Route::decode(part).unwrap()))
        }
        _ => None,
    });
    let (_, route) = routes.max_by_key(|(length, _)| *length)?;
    let part = entries.get(&fib::FibKey::NextHop(route.next_hop).encode())?;
    Some(fib::NextHop::decode(part).unwrap())
}

fn via(gateway: &str) -> fib::NextHop {
    fib::NextHop::via(gateway.parse().unwrap(), None).unwrap()
}

fn submit(world: &mut World, key: &str, part: Blob) {
    let change = key.parse::<fib::FibKey>().unwrap().put(part, "".into());
    world.submit(fib::ID, change).unwrap();
}

/// Observed: where packets go on every card, before the death of the primary, in every step of the failover, and after
/// a route was changed by the new primary; with two standbys, of which the second takes over from the first.
#[test]
fn claims_20_43_together_they_are_a_router() {
    let mut world = whole(World::builder().units(3).external_arbiter());
    for (id, gateway) in [(1, "192.0.2.1"), (2, "192.0.2.2")] {
        submit(&mut world, &format!("next-hop {id}"), via(gateway).encode());
    }
    for (prefix, next_hop) in [("0.0.0.0/0", 1), ("10.0.0.0/8", 2), ("10.1.0.0/16", 1), ("2001:db8::/32", 2)]
    {
        submit(&mut world, prefix, fib::Route::to(next_hop).encode());
    }
    wait_safe(&mut world);
    let packets = [
        ("10.9.9.9", "192.0.2.2"),
        ("10.1.2.3", "192.0.2.1"),
        ("8.8.8.8", "192.0.2.1"),
        ("2001:db8::1", "192.0.2.2"),
    ];
    let forwards = |world: &World, packets: &[(&str, &str)]| {
        for (address, gateway) in packets {
            for card in world.cards() {
                assert_eq!(next_hop(world, *card, address), Some(via(gateway)), "{card} {address}");
            }
        }
    };
    for death in 0..2 {
        forwards(&world, &packets);
        assert_eq!(next_hop(&world, CARD_1, "2001:db9::1"), None);
        let former = kill_primary(&mut world);
        while world.primary().is_none() {
            world.step().unwrap();
            forwards(&world, &packets);
        }
        assert_ne!(successor(&mut world, former).0, former);
        submit(&mut world, &format!("10.{death}.0.0/16"), fib::Route::to(1).encode());
        wait_safe(&mut world);
        forwards(&world, &[(&format!("10.{death}.1.1"), "192.0.2.1")]);
    }
    heal_and_compare(&mut world);
    forwards(&world, &packets[1..]);
}
