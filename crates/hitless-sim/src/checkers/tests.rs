//! Each checker sees what it is there to see: a world is at rest, and then something is said to happen that must not.

use hitless_proto::arbiter::Record;
use hitless_proto::config::OutputRule;
use hitless_proto::entry::{Audience, Blob, CardContent, CardOp, Cookie, Origin, Update};
use hitless_proto::error::PeerError;
use hitless_proto::ids::{CardId, Epoch, Party, ProcessId, Seq, Time, UnitId, Version};
use hitless_proto::io::{Event, Role, Write};
use hitless_proto::message::{
    Ack, Ask, CardOps, ChannelAnswer, Claim, Consent, Fill, FromCard, HandOver, Message, Promise, Question,
    Start, ToCard, ToStandby, UnitMessage, VoteRequest,
};
use hitless_proto::plan::ChannelPlan;
use hitless_proto::process::{fib, table};
use hitless_proto::report::{ChannelReport, Method, TakeoverReport};

use super::{Seen, convergence};
use crate::world::{Builder, World};

const CARD: CardId = CardId(1);
const PROCESS: ProcessId = table::ID;

/// A chassis that holds two entries, of an epoch before the present one.
fn at_rest(builder: Builder) -> World {
    let mut world = builder.build();
    world.run_until(World::is_whole).unwrap();
    world.submit(PROCESS, table::put(b"key", b"value", b"")).unwrap();
    world.submit(PROCESS, table::put(b"gone", b"value", b"")).unwrap();
    world.submit(PROCESS, table::delete(b"gone")).unwrap();
    world.run_until(World::all_safe).unwrap();
    let former = world.primary().unwrap();
    world.kill(Party::Unit(former));
    world.run_until(|world| world.primary().is_some_and(|unit| unit != former)).unwrap();
    world.restart(Party::Unit(former));
    world.run_until(|world| world.is_whole() && world.report().is_some()).unwrap();
    world.run_for(2_000_000).unwrap();
    world
}

/// Whether the checker of a property, and no other, sees what is said to happen.
fn sees_in(mut world: World, property: &str, happens: impl FnOnce(&mut World)) -> bool {
    world.checkers.all.retain(|checker| checker.property() == property);
    assert_eq!(world.checkers.all.len(), 1, "{property}");
    world.verdict().unwrap();
    happens(&mut world);
    world.verdict().is_err_and(|violation| violation.property == property)
}

fn sees(property: &str, happens: impl FnOnce(&mut World)) -> bool {
    sees_in(at_rest(World::builder()), property, happens)
}

fn primary(world: &World) -> (UnitId, Party, Epoch) {
    let unit = world.primary().unwrap();
    (unit, Party::Unit(unit), world.epochs[&unit])
}

fn applied(world: &World) -> Version {
    world.card(CARD).unwrap().progress(PROCESS).unwrap().applied
}

fn write(key: &str, part: Option<&str>) -> Write {
    Write { key: key.into(), part: part.map(Blob::from) }
}

fn op(version: Version, key: Blob, part: &str) -> CardOp {
    let content = Some(CardContent { part: part.into(), for_all: true });
    CardOp { version, key, content, cookie: Cookie::Key }
}

fn applies(world: &mut World, writes: &[Write]) {
    world.see(&Seen::Apply { party: Party::Card(CARD), process: PROCESS, writes });
}

fn ops_of(world: &World, session: u32, ops: Vec<CardOp>) -> Message {
    let (epoch, prev) = (primary(world).2, Seq(0));
    Message::ToCard(ToCard::Ops(CardOps { epoch, process: PROCESS, session, stable: Seq(0), prev, ops }))
}

fn to_card(world: &mut World, message: &Message) {
    let from = primary(world).1;
    world.see(&Seen::Sent { from, to: Party::Card(CARD), message });
}

fn reaches_card(world: &mut World, message: &Message) {
    world.see(&Seen::Delivered { to: Party::Card(CARD), message });
}

fn from_card(world: &mut World, message: FromCard) {
    let to = primary(world).1;
    world.see(&Seen::Sent { from: Party::Card(CARD), to, message: &Message::FromCard(message) });
}

fn says(world: &mut World, event: &Event) {
    let party = primary(world).1;
    world.see(&Seen::Event { party, event });
}

fn promises(world: &mut World, epoch: Epoch) {
    let known = ChannelAnswer::Known { applied: applied(world), nacks: Vec::new(), orphans: Vec::new() };
    let boot = world.life(Party::Card(CARD));
    from_card(world, FromCard::Promise(Promise { epoch, boot, channels: vec![(PROCESS, known)] }));
}

fn nothing_in_doubt() -> ChannelPlan {
    ChannelPlan { method: Method::Replay, ..ChannelPlan::reconcile(PROCESS, CARD, "") }
}

/// A takeover by acks is under way on the channel, with nothing in doubt.
fn plans(world: &mut World) {
    let epoch = primary(world).2;
    promises(world, epoch);
    says(world, &Event::Planned(nothing_in_doubt()));
}

fn reports(world: &mut World, channel: ChannelReport, planned: bool) {
    let (unit, _, epoch) = primary(world);
    let report =
        TakeoverReport { epoch, unit, planned, channels: vec![channel], ..TakeoverReport::default() };
    says(world, &Event::Takeover(report));
}

#[test]
fn who_leads() {
    assert!(sees("one opened owner per epoch", |world| {
        let record = Record { epoch: primary(world).2, owner: UnitId(9), ..Record::default() };
        to_card(world, &Message::ToCard(ToCard::Vote(VoteRequest::Write(record))));
    }));
    assert!(sees("promises never go down", |world| promises(world, Epoch(0))));
    let mut world = World::builder().build();
    let claimant = |world: &World| {
        world.units().iter().copied().find(|unit| world.role(*unit) == Some(Role::TakingOver))
    };
    world.run_until(|world| claimant(world).is_some()).unwrap();
    let party = Party::Unit(claimant(&world).unwrap());
    assert!(sees_in(world, "a stale primary completes nothing", |world| {
        let event = Event::Completed { process: PROCESS, programmed: Seq(1), safe: Seq(1) };
        world.see(&Seen::Event { party, event: &event });
    }));
}

#[test]
fn what_a_card_takes() {
    assert!(sees("no effect from an epoch below the promise", |world| applies(
        world,
        &[write("key", Some("x"))]
    )));
    assert!(sees("every entry on a card maps to an issued op", |world| applies(
        world,
        &[write("key", Some("x"))]
    )));
    assert!(sees("no forwarding gap", |world| applies(world, &[write("key", None)])));
    assert!(sees("deleted keys never come back", |world| applies(world, &[write("gone", Some("value"))])));
    assert!(sees("key versions only rise", |world| {
        let (was, is) = (Some(Version::new(1, 2)), Version::new(1, 1));
        let (party, key) = (Party::Card(CARD), &Blob::from("key"));
        world.see(&Seen::Held { party, process: PROCESS, key, was, is });
    }));
    assert!(sees("a route never lacks its next hop", |world| {
        let (route, hop) = (fib::FibKey::decode(&[1, 8, 10]).unwrap(), fib::FibKey::NextHop(1));
        let version = Version::new(1, 1);
        let entries = vec![op(version, route.encode(), "...."), op(version, hop.encode(), "....")];
        let (epoch, process, session) = (primary(world).2, fib::ID, 9);
        let start = Start { epoch, process, session, base: version, keep: version };
        to_card(world, &Message::ToCard(ToCard::Start(start)));
        to_card(world, &Message::ToCard(ToCard::Fill(Fill { epoch, process, session, entries })));
    }));
    assert!(sees("one id, one payload", |world| {
        let same = |part| op(Version::new(1, 1), "key".into(), part);
        let ops = ops_of(world, 1, vec![same("one"), same("other")]);
        to_card(world, &ops);
    }));
}

#[test]
fn what_a_card_says() {
    assert!(sees("not applied is final once promised", |world| {
        let epoch = Epoch(99);
        let claim = Claim { epoch, unit: UnitId(1), received: vec![(PROCESS, Version::ZERO)] };
        let put = table::put(b"new", b"value", b"");
        world.submit(PROCESS, put).unwrap();
        world.run_for(1_000_000).unwrap();
        reaches_card(world, &Message::ToCard(ToCard::Claim(claim)));
        promises(world, epoch);
    }));
    assert!(sees("ack implies effect", |world| {
        let (epoch, session) = (primary(world).2, 99);
        let version = Version { epoch, seq: Seq(1_000) };
        let ops = ops_of(world, session, vec![op(version, "key".into(), "never written")]);
        reaches_card(world, &ops);
        let ack = Ack {
            epoch,
            process: PROCESS,
            session,
            boot: world.life(Party::Card(CARD)),
            applied: version.seq,
            cookie: Cookie::Key,
            nacks: Vec::new(),
            consumed: 0,
            macs: Vec::new(),
        };
        from_card(world, FromCard::Ack(ack));
    }));
    assert!(sees("truncation stays below stable", |world| {
        let session = world.card(CARD).unwrap().progress(PROCESS).unwrap().session;
        let last = applied(world).seq.0;
        let ops = (1..=last).map(|seq| op(Version::new(1, seq), "key".into(), "value")).collect();
        let ops = ops_of(world, session, ops);
        reaches_card(world, &ops);
        world.see(&Seen::Stepped { party: Party::Card(CARD) });
    }));
}

#[test]
fn what_sources_are_told() {
    let completed = |programmed, safe| Event::Completed { process: PROCESS, programmed, safe };
    assert!(sees("what is told to be safe is held", |world| {
        says(world, &completed(Seq(1_000_000), Seq(1_000_000)));
    }));
    assert!(sees("stable <= folded <= received <= issued", |world| says(world, &completed(Seq(1), Seq(2)))));
    assert!(sees("safe survives", |world| {
        let (unit, _, epoch) = primary(world);
        let version = Version { epoch, seq: Seq(1_000_000) };
        world.oracle.submitted(PROCESS, unit, version, table::put(b"lost", b"value", b""));
        world.oracle.completed(PROCESS, epoch, (version.seq, version.seq), |_| Vec::new());
        reports(world, ChannelReport::default(), false);
    }));
}

#[test]
fn what_a_takeover_does() {
    assert!(sees("replay covers every differing key", |world| {
        world.table_mut(CARD, PROCESS).unwrap().wipe();
        plans(world);
    }));
    assert!(sees("what is replayed was in doubt", |world| {
        reports(world, ChannelReport { replayed: 1, ..ChannelReport::default() }, false);
    }));
    assert!(sees("what is replayed was in doubt", |world| {
        plans(world);
        applies(world, &[write("key", Some("value"))]);
    }));
    assert!(sees("processes without doubt are not touched", |world| {
        plans(world);
        applies(world, &[write("key", Some("value"))]);
    }));
    assert!(sees("replay narrowed by cookie = full replay in effect", |world| {
        plans(world);
        let entries = vec![op(Version::new(1, 1), "key".into(), "value")];
        let fill = Fill { epoch: primary(world).2, process: PROCESS, session: 1, entries };
        to_card(world, &Message::ToCard(ToCard::Fill(fill)));
    }));
    assert!(sees("a planned switchover replays zero bytes", |world| {
        let consent = Consent { epoch: primary(world).2 };
        let hand_over = ToStandby::HandOver(HandOver { consent, positions: Vec::new() });
        to_card(world, &Message::Unit(UnitMessage::Primary(hand_over)));
        let channel = ChannelReport { process: PROCESS, card: CARD, bytes: 1, ..ChannelReport::default() };
        reports(world, channel, true);
    }));
    assert!(sees("in step means equal", |world| {
        world.table_mut(CARD, PROCESS).unwrap().wipe();
        says(world, &Event::InStep { process: PROCESS, follower: Party::Card(CARD) });
    }));
    let gated = at_rest(World::builder().output_rule(OutputRule::Gated));
    assert!(sees_in(gated, "with the gated rule there is no orphan", |world| {
        let version = Version { epoch: primary(world).2, seq: Seq(1_000_000) };
        let ops = ops_of(world, 1, vec![op(version, "key".into(), "value")]);
        to_card(world, &ops);
    }));
}

#[test]
fn what_becomes_of_an_orphan() {
    let made = |world: &World, content| Update {
        version: Version { epoch: primary(world).2, seq: Seq(1_000_000) },
        key: "key".into(),
        content,
        to: Audience::All,
        cookie: Cookie::Key,
        origin: Origin::Adopt,
    };
    let adopt = |world: &mut World, value: &[u8]| {
        let (unit, _, _) = primary(world);
        for (card, seq, value) in [(CARD, 98, "older"), (CardId(2), 99, "newest"), (CARD, 97, "oldest")] {
            let orphan = op(Version::new(1, seq), "key".into(), value);
            says(world, &Event::Planned(ChannelPlan { card, adopt: vec![orphan], ..nothing_in_doubt() }));
        }
        let update = made(world, table::put(b"key", value, b"").content);
        world.see(&Seen::Issued { unit, process: PROCESS, update: &update });
    };
    let property = "an orphan is rolled forward, not back";
    assert!(sees(property, |world| adopt(world, b"older")));
    assert!(!sees(property, |world| adopt(world, b"newest")));
}

#[test]
fn a_follower_that_is_compared_again_and_again() {
    let asks = |world: &mut World, times: u32| {
        let start = Start {
            epoch: primary(world).2,
            process: PROCESS,
            session: 9,
            base: Version::ZERO,
            keep: Version::ZERO,
        };
        to_card(world, &Message::ToCard(ToCard::Start(start)));
        for _ in 0..times {
            let ask = Ask { epoch: start.epoch, process: PROCESS, session: 9, question: Question::Root };
            to_card(world, &Message::ToCard(ToCard::Ask(ask)));
        }
    };
    assert!(sees("catching up comes to an end", |world| asks(world, 61)));
    assert!(!sees("catching up comes to an end", |world| asks(world, 60)));
}

#[test]
fn what_a_party_says_of_another() {
    assert!(sees("nobody is accused wrongly", |world| {
        let error = PeerError::Invalid("nothing");
        says(world, &Event::Misbehaved { peer: Party::Card(CARD), error });
    }));
}

#[test]
fn a_chassis_that_does_not_come_to_rest() {
    assert!(sees("a healed chassis is whole within bounds", |world| {
        world.see(&Seen::Healed);
        world.units().to_vec().into_iter().for_each(|unit| world.kill(Party::Unit(unit)));
        world.clock.advance(Time(world.now().0 + 1_000_000_000));
        world.see(&Seen::Stepped { party: Party::Card(CARD) });
    }));
    let mut world = at_rest(World::builder());
    assert_eq!(convergence::check(&world), Ok(()));
    world.table_mut(CARD, PROCESS).unwrap().edit("key".into(), None);
    assert!(convergence::check(&world).is_err());
}
