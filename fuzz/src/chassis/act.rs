//! The actions that an input is made of.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use hitless_proto::arbiter::Record;
use hitless_proto::entry::{Audience, Blob, Change};
use hitless_proto::ids::{CardId, Epoch, Life, Party, ProcessId, UnitId};
use hitless_proto::input::Input;
use hitless_proto::io::Verdict;
use hitless_proto::process::fib::{self, FibKey, NextHop, Route};
use hitless_proto::process::table;
use hitless_proto::wire::{decode, encode};

use super::host::PROCESSES;
use super::world::{Place, World};
use crate::choices::Choices;

/// Set in an action's byte: the outputs stay where they are for now.
const HOLD: u8 = 0x80;
/// Bytes of a message that an input writes itself.
const MOST_BODY: usize = 96;

/// Takes one action. Two parties are chosen for each, whether it needs them or not: their bytes stay where they are when
/// the action is mutated.
pub(super) fn next(world: &mut World, choices: &mut Choices<'_>) {
    let (kind, parties) = (choices.byte(), choices.byte());
    let count = world.hosts.len();
    let (a, b) = (usize::from(parties & 0xf) % count, usize::from(parties >> 4) % count);
    let now = world.now;
    match kind & !HOLD {
        0..=15 => drop(world.deliver(a, b)),
        16..=19 => world.settle(1 + usize::from(kind & 3)),
        20 => world.settle(30),
        21..=23 => world.connect_all(),
        24..=27 => world.connect(a, b),
        28..=31 => world.disconnect(a, b),
        32..=47 => submit(world, a, choices),
        48..=50 => world.hosts[a].persisted(true, now),
        51 => world.hosts[a].persisted(false, now),
        52..=54 => world.hosts[a].applied(0, now),
        55 => world.hosts[a].applied(choices.byte(), now),
        56..=59 => world.timeout(a, true),
        60 => world.timeout(a, false),
        61 => world.now = now.after(1 << choices.below(30)),
        62 | 63 => world.judge(a),
        64 | 65 => {
            let to = Some(UnitId(choices.byte() % 4)).filter(|unit| unit.0 != 0);
            world.take(a, Input::BeginSwitchover { to });
        }
        66 => world.take(a, Input::Forgo { party: world.hosts[b].party }),
        67 => world.restart(a, true),
        68 => world.restart(a, false),
        69..=73 => disorder(world, (a, b), kind & 1 == 0),
        74..=97 => change(world, (a, b), choices),
        98 => found(world, a, choices),
        99 => world.take(a, Input::Curable { process: PROCESSES[usize::from(parties >> 7)] }),
        100..=119 => body(world, (a, b), choices),
        120..=123 => again(world, (a, b), choices),
        _ => misuse(world, a, choices),
    }
    if kind & HOLD == 0 {
        world.drain(a);
        world.drain(b);
    }
}

/// A source submits.
pub(super) fn submit(world: &mut World, place: Place, choices: &mut Choices<'_>) {
    let (process, change) = some_change(choices);
    world.take(place, Input::Submit { process, change });
}

/// A forwarding table is seen to hold something.
fn found(world: &mut World, place: Place, choices: &mut Choices<'_>) {
    let (process, change) = some_change(choices);
    let part = change.content.map(|content| content.card_part);
    world.take(place, Input::Found { process, key: change.key, part });
}

/// Of two processes, and few keys, so that they meet.
fn some_change(choices: &mut Choices<'_>) -> (ProcessId, Change) {
    let (process, key, value) = (choices.byte(), choices.byte() % 8, choices.byte());
    let (process, mut change) = if process & 1 == 0 {
        (fib::ID, fib_change(key, value))
    } else {
        (table::ID, table_change(key, value))
    };
    if value & 0x40 != 0
        && let Some(content) = &mut change.content
    {
        content.audience = Audience::cards([CardId(1 + u16::from(value & 1))]);
    }
    (process, change)
}

fn table_change(key: u8, value: u8) -> Change {
    let key = [b'a' + key];
    match value & 7 {
        0 => table::delete(&key),
        7 => table::put(&key, &vec![value; 40_000], b"large"),
        _ => table::put(&key, &[value], b"note"),
    }
}

fn fib_change(key: u8, value: u8) -> Change {
    let next_hop = 1 + u32::from(value & 1);
    let key = if key < 3 {
        FibKey::NextHop(next_hop)
    } else {
        let octet = IpAddr::V4(Ipv4Addr::new(10, key, 0, 0));
        format!("{octet}/16").parse().unwrap_or(FibKey::NextHop(1))
    };
    if value & 7 == 7 {
        return key.delete();
    }
    let part = match key {
        FibKey::NextHop(_) => NextHop::Blackhole.encode(),
        FibKey::Route { .. } => Route::to(next_hop).encode(),
    };
    key.put(part, Blob::from("note"))
}

/// A message is lost, or overtaken by all others. Not what a connection does: from here on parties may complain.
fn disorder(world: &mut World, link: (Place, Place), lost: bool) {
    world.forged = true;
    let Some(wire) = world.wires.get_mut(&link) else { return };
    let first = wire.pop_front();
    wire.extend(first.filter(|_| !lost));
}

/// A message of a link, with some bytes changed, arrives before or instead of itself.
fn change(world: &mut World, (from, to): (Place, Place), choices: &mut Choices<'_>) {
    let how = choices.byte();
    let Some(message) = world.wires.get(&(from, to)).and_then(VecDeque::front) else { return };
    let mut bytes = encode(message);
    for _ in 0..=how & 3 {
        // Fields that steer stand in front.
        let at = choices.below(24).min(bytes.len() - 1);
        let value = choices.byte();
        bytes[at] = if how & 4 != 0 { value } else { bytes[at].wrapping_add(value) };
    }
    if how & 8 != 0 {
        // Even if nothing comes in its place: a message is lost.
        world.forged = true;
        world.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front);
    }
    forge(world, (from, to), &bytes);
}

/// A message that the input writes itself. Where it asks for that, epoch and so on are those of a message under way.
fn body(world: &mut World, (from, to): (Place, Place), choices: &mut Choices<'_>) {
    let head = choices.below(8);
    let mut bytes = choices.some(MOST_BODY).to_vec();
    let under_way = world.wires.get(&(from, to)).and_then(VecDeque::front).or(world.past.back());
    if let Some(message) = under_way {
        // The kind is the input's own; what follows it, mostly epoch, process and session, is taken over.
        let honest = encode(message);
        for (at, byte) in honest.iter().enumerate().take(1 + head).skip(1) {
            if at < bytes.len() {
                bytes[at] = *byte;
            }
        }
    }
    forge(world, (from, to), &bytes);
}

/// What was said once is said again, to anybody.
fn again(world: &mut World, (from, to): (Place, Place), choices: &mut Choices<'_>) {
    let at = choices.below(8);
    if let Some(message) = world.past.get(at).cloned() {
        world.forged = true;
        world.hear(from, to, message);
    }
}

fn forge(world: &mut World, (from, to): (Place, Place), bytes: &[u8]) {
    // What does not decode never reaches a core.
    let Ok(message) = decode(bytes) else { return };
    world.forged = true;
    world.hear(from, to, message);
}

/// Calls that a correct driver does not make: nothing of it may panic either.
fn misuse(world: &mut World, place: Place, choices: &mut Choices<'_>) {
    world.forged = true;
    let (kind, small) = (choices.byte(), choices.byte());
    let number = u64::from(small);
    let input = match kind % 8 {
        0 => Input::Persisted { token: number },
        1 => Input::PersistFailed { token: number },
        2 => {
            let outcomes =
                (0..small & 7).map(|at| if at == 3 { Err("no".to_owned()) } else { Ok(()) }).collect();
            let (process, batch) = (ProcessId(1 + u16::from(small >> 7)), number >> 3 & 7);
            // Whoever believes it gives the next one.
            world.hosts[place]
                .batches
                .retain(|under_way| (under_way.process, under_way.number) != (process, batch));
            Input::Applied { process, batch, outcomes }
        }
        // Only other parties of the chassis get through a handshake, in whatever life.
        3 | 4 => {
            let other = (place + 1 + usize::from(small) % (world.hosts.len() - 1)) % world.hosts.len();
            let peer = world.hosts[other].party;
            Input::Connected { peer, life: Life(number) }
        }
        5 => Input::Disconnected { peer: world.hosts[usize::from(small) % world.hosts.len()].party },
        6 => Input::Forgo { party: Party::Card(CardId(small.into())) },
        _ => Input::Verdict(verdict(world, small, choices)),
    };
    world.take(place, input);
}

fn verdict(world: &World, kind: u8, choices: &mut Choices<'_>) -> Verdict {
    let record = Record {
        epoch: Epoch(choices.byte().into()),
        version: choices.byte().into(),
        owner: UnitId(choices.byte() % 4),
        opened: kind & 8 != 0,
        in_sync: world
            .hosts
            .iter()
            .filter_map(|host| match host.party {
                Party::Unit(unit) if kind >> 4 & unit.0 != 0 => Some((unit, host.life)),
                Party::Unit(_) | Party::Card(_) => None,
            })
            .collect(),
    };
    match kind & 7 {
        0 | 1 => Verdict::Granted(record),
        2 | 3 => Verdict::Denied(record),
        4 | 5 => Verdict::Written(record),
        6 => Verdict::Superseded(record),
        _ => Verdict::Unavailable("away".to_owned()),
    }
}
