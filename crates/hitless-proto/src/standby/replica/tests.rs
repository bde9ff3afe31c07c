//! Tests of the pending queue.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;

use super::Replica;
use crate::digest::DigestKey;
use crate::entry::{Audience, Cookie, Origin, Update};
use crate::ids::{CardId, Epoch, Life, ProcessId, Seq, Time, Version};
use crate::limits::MAX_WAITING_NACKS;
use crate::message::{Ack, Nack, Start, UnitOps};

const PROCESS: ProcessId = ProcessId(2);

/// A replica that follows a stream of `epoch` from its beginning.
fn started(replica: &mut Replica, epoch: u32) {
    let base = Version::new(epoch, 0);
    replica.start(&Start { epoch: Epoch(epoch), process: PROCESS, session: 1, base, keep: base });
}

/// Takes so many ops, of which the first `stable` are.
fn take(replica: &mut Replica, epoch: u32, count: u64, stable: u64) {
    let op = |seq| {
        let (version, key) = (Version::new(epoch, seq), "key".into());
        let (to, cookie, origin) = (Audience::All, Cookie::Key, Origin::Source);
        Arc::new(Update { version, key, content: None, to, cookie, origin })
    };
    let (epoch, stable) = (Epoch(epoch), Seq(stable));
    let ops = (1..=count).map(op).collect();
    let ops = UnitOps { epoch, process: PROCESS, session: 1, stable, prev: Seq(0), ops };
    assert_eq!(replica.take_ops(None, ops, Time(1)), Ok(()));
}

fn nacks(seqs: core::ops::RangeInclusive<u64>) -> Ack {
    let nack = |seq| {
        let (version, key) = (Version::new(1, seq), "key".into());
        Nack { version, cookie: Cookie::Key, key, reason: String::from("full") }
    };
    Ack {
        epoch: Epoch(1),
        process: PROCESS,
        session: 1,
        boot: Life(1),
        applied: Seq(0),
        cookie: Cookie::Key,
        nacks: seqs.map(nack).collect(),
        consumed: 0,
        macs: vec![],
    }
}

/// After a rebuild from cards that had lost everything, positions begin again below what was stable.
#[test]
fn what_was_stable_in_a_state_that_is_lost_is_not_folded_before_its_ack() {
    let mut replica = Replica::new(PROCESS, DigestKey::new(7));
    started(&mut replica, 1);
    take(&mut replica, 1, 5, 5);
    replica.fold(&[CardId(1)]);
    assert_eq!(replica.folded, Seq(5));
    started(&mut replica, 2);
    take(&mut replica, 2, 3, 0);
    replica.fold(&[CardId(1)]);
    assert_eq!((replica.folded, replica.stable), (Seq(0), Seq(0)));
}

#[test]
fn refusals_of_cards_that_nobody_waits_for_are_not_kept() {
    let mut replica = Replica::new(PROCESS, DigestKey::new(7));
    started(&mut replica, 1);
    replica.take_ack(CardId(2), &nacks(1..=4));
    take(&mut replica, 1, 3, 0);
    replica.fold(&[]);
    assert_eq!(replica.progress().nacks, 1, "only that of an update which has not come");
    replica.take_ack(CardId(2), &nacks(5..=MAX_WAITING_NACKS as u64 + 9));
    assert_eq!(replica.progress().nacks, MAX_WAITING_NACKS);
}
