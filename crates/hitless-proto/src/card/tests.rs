//! Tests of the card: what it does when somebody else changes its forwarding table.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Card, CardConfig, CardStart};
use crate::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use crate::entry::{Blob, CardContent, CardOp, Cookie};
use crate::ids::{CardId, Epoch, Life, ProcessId, Seq, UnitId, Version};
use crate::io::{Durable, Output, Write};
use crate::limits::MAX_ASTRAY;
use crate::message::{CardOps, ChannelAnswer, Claim, Fill, FromCard, InStep, Message, Start, ToCard};

const TABLE: ProcessId = ProcessId(2);
const UNIT: UnitId = UnitId(1);

/// A card that was claimed in epoch 1.
fn card() -> Card {
    let chassis = Chassis {
        name: "one".into(),
        digest_key: 7,
        units: vec![UNIT],
        cards: vec![CardId(1)],
        arbiter: ArbiterKind::External,
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    };
    let config = CardConfig { chassis, card: CardId(1), processes: vec![TABLE] };
    let mut card = Card::new(config, CardStart { life: Life(1), durable: Durable::default(), secret: 3 });
    card.handle_connected(UNIT, Life(2));
    card.handle_message(
        UNIT,
        ToCard::Claim(Claim { epoch: Epoch(1), unit: UNIT, received: vec![(TABLE, Version::ZERO)] }),
    );
    for output in drain(&mut card) {
        if let Output::Persist { token, .. } = output {
            card.handle_persisted(token);
        }
    }
    drain(&mut card);
    card
}

fn drain(card: &mut Card) -> Vec<Output> {
    core::iter::from_fn(|| card.poll_output()).collect()
}

/// The card is sent `part` under `key` as the op `seq`; gives what it puts out.
fn send(card: &mut Card, seq: u64, key: &str, part: Option<&str>) -> Vec<Output> {
    if seq == 1 {
        let (epoch, process) = (Epoch(1), TABLE);
        let start = Start { epoch, process, session: 1, base: Version::new(1, 0), keep: Version::ZERO };
        card.handle_message(UNIT, ToCard::Start(start));
    }
    let content = part.map(|part| CardContent { part: part.into(), for_all: true });
    let op = CardOp { version: Version::new(1, seq), key: key.into(), content, cookie: Cookie::Key };
    card.handle_message(
        UNIT,
        ToCard::Ops(CardOps {
            epoch: Epoch(1),
            process: TABLE,
            session: 1,
            stable: Seq(0),
            prev: Seq(seq - 1),
            ops: vec![op],
        }),
    );
    drain(card)
}

fn batch(outputs: &[Output]) -> Option<(u64, Vec<Write>)> {
    let mut batches = outputs.iter().filter_map(|output| match output {
        Output::Apply { batch, writes, .. } => Some((*batch, writes.clone())),
        Output::Transmit { .. } | Output::Persist { .. } | Output::Arbitrate(_) | Output::Event(_) => None,
    });
    let first = batches.next();
    assert!(batches.next().is_none(), "one batch at a time");
    first
}

fn complains(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| {
        matches!(output, Output::Transmit { message: Message::FromCard(FromCard::Broken(_)), .. })
    })
}

/// A card whose forwarding table has `value` under `key`.
fn holding() -> Card {
    let mut card = card();
    let (first, writes) = batch(&send(&mut card, 1, "key", Some("value"))).unwrap();
    assert_eq!(writes, [Write { key: "key".into(), part: Some("value".into()) }]);
    card.handle_applied(TABLE, first, vec![Ok(())]);
    drain(&mut card);
    card
}

#[test]
fn what_somebody_else_took_away_is_written_again() {
    let mut card = holding();
    assert!(card.handle_found(TABLE, &"key".into(), None));
    let (mend, writes) = batch(&drain(&mut card)).unwrap();
    assert_eq!(writes, [Write { key: "key".into(), part: Some("value".into()) }]);
    card.handle_applied(TABLE, mend, vec![Ok(())]);
    assert_eq!(batch(&drain(&mut card)), None);
    let status = &card.status().channels[0];
    assert_eq!((status.mended, status.failed), (1, 0));
}

#[test]
fn what_somebody_else_added_is_taken_away() {
    let mut card = holding();
    assert!(card.handle_found(TABLE, &"stranger".into(), Some(&"there".into())));
    let (_, writes) = batch(&drain(&mut card)).unwrap();
    assert_eq!(writes, [Write { key: "stranger".into(), part: None }]);
}

#[test]
fn what_is_as_it_should_be_is_not_written() {
    let mut card = holding();
    assert!(card.handle_found(TABLE, &"key".into(), Some(&"value".into())));
    assert!(card.handle_found(TABLE, &"absent".into(), None));
    assert_eq!(batch(&drain(&mut card)), None);
}

#[test]
fn a_mend_waits_for_the_write_under_way_and_writes_what_that_made_of_it() {
    let mut card = holding();
    let (second, _) = batch(&send(&mut card, 2, "key", Some("newer"))).unwrap();
    assert!(card.handle_found(TABLE, &"key".into(), None));
    assert_eq!(batch(&drain(&mut card)), None);
    card.handle_applied(TABLE, second, vec![Ok(())]);
    let (_, writes) = batch(&drain(&mut card)).unwrap();
    assert_eq!(writes, [Write { key: "key".into(), part: Some("newer".into()) }]);
}

#[test]
fn a_mend_that_is_refused_is_complained_of_and_the_channel_is_out_of_step() {
    let mut card = holding();
    assert!(card.handle_found(TABLE, &"key".into(), None));
    let (mend, _) = batch(&drain(&mut card)).unwrap();
    card.handle_applied(TABLE, mend, vec![Err(String::from("no such next hop"))]);
    assert!(complains(&drain(&mut card)));
    let status = &card.status().channels[0];
    assert_eq!((status.mended, status.failed, status.in_step), (0, 1, false));
}

#[test]
fn keys_that_wait_are_bounded() {
    let mut card = holding();
    let key = |n: usize| Blob::new(&(n as u32).to_be_bytes());
    let stranger = Blob::from("there");
    assert!((0..MAX_ASTRAY).all(|n| card.handle_found(TABLE, &key(n), Some(&stranger))));
    assert!(!card.handle_found(TABLE, &key(MAX_ASTRAY), Some(&stranger)));
    assert!(card.handle_found(TABLE, &key(0), Some(&stranger)), "it waits already");
}

/// Who lacks what is stable was not in sync: the card has dropped the history that would name it.
#[test]
fn a_card_does_not_vouch_for_what_it_dropped_as_stable() {
    let known = |received: u64| {
        let mut card = holding();
        send(&mut card, 2, "key", Some("newer"));
        let (epoch, process, session) = (Epoch(1), TABLE, 1);
        card.handle_applied(TABLE, 2, vec![Ok(())]);
        drain(&mut card);
        card.handle_message(UNIT, ToCard::InStep(InStep { epoch, process, session }));
        let (stable, prev) = (Seq(1), Seq(2));
        let ops = CardOps { epoch, process, session, stable, prev, ops: Vec::new() };
        card.handle_message(UNIT, ToCard::Ops(ops));
        let claim = Claim { epoch: Epoch(2), unit: UNIT, received: vec![(TABLE, Version::new(1, received))] };
        card.handle_message(UNIT, ToCard::Claim(claim));
        let saved = drain(&mut card).into_iter().find_map(|output| match output {
            Output::Persist { token, .. } => Some(token),
            Output::Transmit { .. } | Output::Apply { .. } | Output::Arbitrate(_) | Output::Event(_) => None,
        });
        card.handle_persisted(saved.unwrap());
        let is_known =
            |(_, answer): &(ProcessId, ChannelAnswer)| matches!(answer, ChannelAnswer::Known { .. });
        drain(&mut card).into_iter().any(|output| match output {
            Output::Transmit { message: Message::FromCard(FromCard::Promise(promise)), .. } => {
                promise.channels.iter().all(is_known)
            }
            Output::Transmit { .. }
            | Output::Persist { .. }
            | Output::Apply { .. }
            | Output::Arbitrate(_)
            | Output::Event(_) => false,
        })
    };
    assert!(known(2) && known(1));
    assert!(!known(0), "op 1 is stable, and not named any more");
}

#[test]
fn what_was_refused_is_written_again_when_it_may_be_taken_and_the_primary_is_to_compare() {
    let mut card = card();
    let refused = || Err(String::from("the link is down"));
    for (seq, key) in [(1, "b"), (2, "a"), (3, "c")] {
        let (op, _) = batch(&send(&mut card, seq, key, Some("value"))).unwrap();
        card.handle_applied(TABLE, op, vec![if key == "c" { Ok(()) } else { refused() }]);
        assert!(!complains(&drain(&mut card)), "a nack is enough");
    }
    card.handle_curable(TABLE);
    let (retry, writes) = batch(&drain(&mut card)).unwrap();
    let keys: Vec<Blob> = writes.into_iter().map(|write| write.key).collect();
    assert_eq!(keys, ["a".into(), "b".into()], "in the order of keys, and nothing else");
    card.handle_applied(TABLE, retry, vec![Ok(()), refused()]);
    assert!(complains(&drain(&mut card)));
    assert_eq!(card.status().channels[0].failed, 1);
    // Nothing is better than before: nothing to tell.
    card.handle_curable(TABLE);
    let (retry, _) = batch(&drain(&mut card)).unwrap();
    card.handle_applied(TABLE, retry, vec![refused()]);
    assert!(!complains(&drain(&mut card)));
    assert_eq!((card.status().channels[0].failed, batch(&drain(&mut card))), (1, None));
}

/// A link that comes up is heard of more than once.
#[test]
fn what_was_cured_is_told_also_if_it_was_to_be_tried_once_more() {
    let mut card = card();
    let (op, _) = batch(&send(&mut card, 1, "key", Some("value"))).unwrap();
    card.handle_applied(TABLE, op, vec![Err(String::from("the link is down"))]);
    drain(&mut card);
    card.handle_curable(TABLE);
    let (retry, _) = batch(&drain(&mut card)).unwrap();
    card.handle_curable(TABLE);
    card.handle_applied(TABLE, retry, vec![Ok(())]);
    assert!(complains(&drain(&mut card)));
    assert_eq!(card.status().channels[0].failed, 0);
}

#[test]
fn refused_keys_beyond_those_that_may_wait_are_all_tried_again_in_order() {
    let mut card = card();
    let count = MAX_ASTRAY as u32 + 3;
    for n in 0..count {
        card.channels.get_mut(&TABLE).unwrap().hold_refused(Blob::new(&n.rotate_left(7).to_be_bytes()));
    }
    card.handle_curable(TABLE);
    let mut tried: Vec<Blob> = Vec::new();
    while let Some((retry, writes)) = batch(&drain(&mut card)) {
        card.handle_applied(TABLE, retry, vec![Ok(()); writes.len()]);
        tried.extend(writes.into_iter().map(|write| write.key));
    }
    assert_eq!(tried.len(), count as usize);
    assert!(tried.is_sorted());
    assert_eq!(card.status().channels[0].failed, 0);
}

/// No run can show this: links keep order, and a fill is read behind every newer op. It stands guard should one of these fail.
#[test]
fn what_is_older_than_what_a_card_holds_changes_nothing() {
    let mut card = holding();
    let part = Some(CardContent { part: "older".into(), for_all: true });
    let older = CardOp { version: Version::new(1, 0), key: "key".into(), content: part, cookie: Cookie::Key };
    let fill = Fill { epoch: Epoch(1), process: TABLE, session: 1, entries: vec![older] };
    card.handle_message(UNIT, ToCard::Fill(fill));
    assert_eq!(batch(&drain(&mut card)), None);
    assert_eq!(card.entry(TABLE, b"key").map(|(version, ..)| version), Some(Version::new(1, 1)));
}
