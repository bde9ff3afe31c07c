//! Cookies: what an op touched, in the words of its process.

use std::cell::RefCell;

use hitless_proto::entry::{Blob, Change, Cookie};
use hitless_proto::ids::{CardId, Party, ProcessId};
use hitless_proto::process::{Process, Processes, Scope, fib, table};
use hitless_sim::World;

use crate::scene::{
    CARD_1, CARD_2, channel, heal_and_compare, kill_primary, load, pair, plan, put, successor, whole,
};
use crate::wires::{acks, ops_to, since, updates_to};

thread_local! {
    static TOLD: RefCell<Vec<(ProcessId, CardId, Scope)>> = const { RefCell::new(Vec::new()) };
}

/// What standby processes of this test were told by `Process::out_of_sync`.
pub(crate) fn told() -> Vec<(ProcessId, CardId, Scope)> {
    TOLD.with_borrow(Clone::clone)
}

/// Who says what an op touches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sets {
    /// The op's key is enough.
    Key,
    /// The primary's process, in bytes: both halves of a pair.
    Primary,
    /// The standby's process, the same bytes.
    Standby,
    /// Nobody.
    Nobody,
}

/// Entries come in pairs: `left-N` and `right-N` depend on one another, so an op on one puts both in doubt.
#[derive(Clone)]
struct Pairs {
    id: ProcessId,
    sets: Sets,
}

/// `number` of a pair, or the whole key where it has none.
fn number(change: &Change) -> Blob {
    let digits = change.key.rsplit(|byte| *byte == b'-').next().unwrap_or_default();
    Blob::new(digits)
}

impl Process for Pairs {
    fn id(&self) -> ProcessId {
        self.id
    }

    fn name(&self) -> &'static str {
        "pairs"
    }

    fn validate(&self, _change: &Change) -> Result<(), String> {
        Ok(())
    }

    fn cookie(&self, change: &Change) -> Cookie {
        match self.sets {
            Sets::Key => Cookie::Key,
            Sets::Primary => Cookie::Bytes(number(change)),
            Sets::Standby | Sets::Nobody => Cookie::None,
        }
    }

    fn standby_cookie(&self, change: &Change) -> Cookie {
        if self.sets == Sets::Standby { Cookie::Bytes(number(change)) } else { Cookie::None }
    }

    fn scope(&self, cookie: &[u8]) -> Scope {
        let key = |side: &[u8]| Blob::new(&[side, b"-", cookie].concat());
        Scope::Keys(vec![key(b"left"), key(b"right")])
    }

    fn out_of_sync(&mut self, card: CardId, scope: &Scope) {
        TOLD.with_borrow_mut(|told| told.push((self.id, card, scope.clone())));
    }
}

fn processes(sets: Sets) -> Processes {
    vec![Box::new(Pairs { id: fib::ID, sets: Sets::Key }), Box::new(Pairs { id: table::ID, sets })]
}

/// Two processes that say what they are told; the op's key is the cookie.
pub(crate) fn by_key() -> Processes {
    processes(Sets::Key)
}

fn by_primary() -> Processes {
    processes(Sets::Primary)
}

fn by_standby() -> Processes {
    processes(Sets::Standby)
}

fn by_nobody() -> Processes {
    processes(Sets::Nobody)
}

/// Six pairs; then an op on `left-3` that card 2 is not sent, and a failover.
fn takeover(make: fn() -> Processes) -> (World, usize) {
    let mut world = whole(World::builder().processes(make));
    let (primary, _) = pair(&world);
    for n in 0..6 {
        put(&mut world, &format!("left-{n}"), "l");
        put(&mut world, &format!("right-{n}"), "r");
    }
    load(&mut world, 0);
    let mark = world.messages().len();
    world.hold_one_way(Party::Unit(primary), Party::Card(CARD_2));
    put(&mut world, "left-3", "after");
    world.run_for(20_000).unwrap();
    kill_primary(&mut world);
    successor(&mut world, primary);
    (world, mark)
}

/// The keys that the new primary sent to card 2 again.
fn replayed(world: &World, mark: usize) -> Vec<String> {
    let ops = ops_to(since(world, mark), world.primary().unwrap(), table::ID, CARD_2);
    let mut keys: Vec<String> = ops.iter().map(|op| String::from_utf8_lossy(&op.key).into_owned()).collect();
    keys.sort_unstable();
    keys
}

/// Observed: the bytes on update and ack; the two keys they name, and no other, are replayed, to card 2 alone.
#[test]
fn claims_5_18_32_36_42_cookies_narrow_the_replay() {
    let (mut world, mark) = takeover(by_primary);
    let (primary, cookie) = (world.primary().unwrap(), Cookie::Bytes("3".into()));
    let update = updates_to(since(&world, mark), primary, table::ID)[0];
    assert_eq!((&update.key[..], &update.cookie), (&b"left-3"[..], &cookie));
    let echoed = acks(since(&world, mark)).find(|(card, _, ack)| *card == CARD_1 && ack.process == table::ID);
    assert_eq!(echoed.unwrap().2.cookie, cookie);
    assert_eq!(replayed(&world, mark), ["left-3", "right-3"]);
    assert!(ops_to(since(&world, mark), primary, table::ID, CARD_1).is_empty());
    let scope = Scope::Keys(vec!["left-3".into(), "right-3".into()]);
    assert_eq!(told(), [(table::ID, CARD_2, scope)]);
    heal_and_compare(&mut world);
}

/// Observed: without a cookie all twelve entries are replayed and the plan says so; the other process is left alone.
#[test]
fn claims_5_18_without_a_cookie_the_process_is_replayed_whole() {
    let (mut world, mark) = takeover(by_nobody);
    let primary = world.primary().unwrap();
    assert_eq!(updates_to(since(&world, mark), primary, table::ID)[0].cookie, Cookie::None);
    assert_eq!(replayed(&world, mark).len(), 12);
    assert!(plan(&world, primary, table::ID, CARD_2).whole);
    let whole = channel(world.report().unwrap(), table::ID, CARD_2);
    assert_eq!((whole.in_doubt, whole.entries), (12, 12));
    assert_eq!(told(), [(table::ID, CARD_2, Scope::Whole)]);
    assert!(ops_to(since(&world, mark), primary, fib::ID, CARD_2).is_empty());
    heal_and_compare(&mut world);
}

/// Observed: the update comes without a cookie and the replay is narrow all the same, by the one that the standby
/// process put on the copy it stored.
#[test]
fn claims_5_18_32_36_a_standby_process_sets_the_cookie() {
    let (mut world, mark) = takeover(by_standby);
    let primary = world.primary().unwrap();
    assert_eq!(updates_to(since(&world, mark), primary, table::ID)[0].cookie, Cookie::None);
    assert_eq!(replayed(&world, mark), ["left-3", "right-3"]);
    assert!(!plan(&world, primary, table::ID, CARD_2).whole);
    heal_and_compare(&mut world);
}

/// Observed: narrowed or whole, the forwarding tables are the same in the end.
#[test]
fn claims_5_42_a_narrowed_replay_has_the_effect_of_a_full_one() {
    let tables = [by_key, by_primary, by_standby, by_nobody].map(|make| {
        let (mut world, _) = takeover(make);
        heal_and_compare(&mut world);
        world.table(CARD_2, table::ID).unwrap().entries().clone()
    });
    assert_eq!(tables[0].len(), 12);
    assert!(tables.iter().all(|table| *table == tables[0]));
}
