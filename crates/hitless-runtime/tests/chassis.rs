//! Drivers end to end: two units and two cards over loopback, one killed by dropping it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // How a test fails.

mod loopback;

use std::time::Duration;

use hitless_proto::entry::{Blob, Change};
use hitless_proto::error::SubmitError;
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::input::Input;
use hitless_proto::io::{Event, Role};
use hitless_proto::process::table::Table;
use hitless_proto::report::Method;
use hitless_proto::status::CardStatus;
use hitless_proto::{Card, CardConfig, CardStart, ControlUnit, UnitConfig, UnitStart};
use hitless_runtime::{HandleError, Recording, RecordingReader};
use loopback::{LIMIT, Loopback, TABLE, event, put, safe, submit_all, until};
use tokio::time::{sleep, timeout};

fn puts(from: u64, to: u64) -> Vec<Change> {
    (from..to).map(|number| put(format!("key-{number}"), number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_submitted_is_in_every_forwarding_table_and_safe() {
    let chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    let last = submit_all(&primary, puts(0, 5000)).await;
    safe(&primary, last).await;
    let held = chassis.cards_agree(&primary).await;
    assert_eq!(held.len(), 5000);
    let shown = primary.show(TABLE, "key-7".into()).await.unwrap().expect("it is there");
    assert_eq!(&*shown.1.card_part, &7_u64.to_be_bytes());
    let at_card = chassis.card(1).show(TABLE, "key-7".into()).await.unwrap().expect("it is there");
    assert_eq!((at_card.0, at_card.2), (shown.0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_and_nothing_safe_is_lost() {
    let mut chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    chassis.all_in_sync().await;
    let last = submit_all(&primary, puts(0, 3000)).await;
    safe(&primary, last).await;
    // Churn is under way when it dies.
    let churning = tokio::spawn(async move {
        let unit = primary.unit();
        for round in 0.. {
            let changes = (0..500).map(|number| put(format!("churn-{number}"), round)).collect();
            if primary.submit_batch(TABLE, changes).await.is_err() {
                break;
            }
        }
        unit
    });
    sleep(Duration::from_millis(200)).await;
    let dead = chassis.primary().await.unit();
    drop(chassis.units.remove(&dead));
    assert_eq!(timeout(LIMIT, churning).await.unwrap().unwrap(), dead);

    let heir = chassis.primary().await;
    assert_ne!(heir.unit(), dead);
    let report = until("the report", || async { heir.reports().await.unwrap().pop() }).await;
    assert_eq!(report.unit, heir.unit());
    assert_eq!(report.channels.len(), 2);
    for channel in &report.channels {
        assert!(channel.verified, "{report:?}");
        assert!(channel.method == Method::Reconcile || channel.replayed <= channel.in_doubt, "{report:?}");
    }
    let held = chassis.cards_agree(&heir).await;
    for number in 0..3000_u64 {
        let key = Blob::from(format!("key-{number}").as_str());
        assert_eq!(held.get(&key).map(|part| part.to_vec()), Some(number.to_be_bytes().to_vec()));
    }

    // The dead one comes back, catches up, and is handed the role by plan, without a replay.
    chassis.start_unit(dead.0).await;
    chassis.all_in_sync().await;
    let mut events = chassis.unit(dead.0).subscribe();
    assert_eq!(heir.begin_switchover(Some(dead)).await.unwrap(), Ok(dead));
    let planned = event(&mut events, |event| match event {
        Event::Takeover(report) => Some(report.clone()),
        _other => None,
    })
    .await;
    assert!(planned.planned && planned.channels.iter().all(|channel| channel.verified && channel.bytes == 0));
    let back = chassis.primary().await;
    assert_eq!(back.unit(), dead);
    let last = submit_all(&back, puts(3000, 3100)).await;
    safe(&back, last).await;
    chassis.cards_agree(&back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_card_comes_back_with_its_table_and_is_brought_in_step() {
    let mut chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    chassis.all_in_sync().await;
    let last = submit_all(&primary, puts(0, 1000)).await;
    safe(&primary, last).await;
    drop(chassis.cards.remove(&CardId(2)));
    let deletes =
        (0..10).map(|number| Change { key: format!("key-{number}").as_str().into(), content: None });
    submit_all(&primary, deletes.chain(puts(1000, 1010)).collect()).await;
    assert_eq!(chassis.tables[&CardId(2)].entries().len(), 1000, "it goes on forwarding on what it has");
    chassis.start_card(2).await;
    assert_eq!(chassis.cards_agree(&primary).await.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_refuses_and_names_the_primary() {
    let chassis = Loopback::started().await;
    let primary = chassis.primary().await.unit();
    chassis.all_in_sync().await;
    let standby = chassis.unit(3 - primary.0);
    let results = standby.submit_batch(TABLE, puts(0, 3)).await.unwrap();
    assert_eq!(results, vec![Err(SubmitError::NotPrimary(Some(primary))); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_process_and_a_bad_change_are_refused_and_the_rest_goes_on() {
    let chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    let results = primary.submit_batch(ProcessId(77), puts(0, 2)).await.unwrap();
    assert_eq!(results, vec![Err(SubmitError::UnknownProcess(ProcessId(77))); 2]);
    let mixed =
        vec![put("good".to_owned(), 1), Change { key: "".into(), content: None }, put("also".to_owned(), 2)];
    let results = primary.submit_batch(TABLE, mixed).await.unwrap();
    assert!(matches!(&results[..], [Ok(_), Err(SubmitError::Invalid(_)), Ok(_)]), "{results:?}");
    let too_long = primary.submit_batch(TABLE, puts(0, 5000)).await;
    assert_eq!(too_long, Err(HandleError::BatchTooLong(5000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_waits_while_a_forwarding_table_is_slow_and_nothing_is_refused() {
    let mut chassis = Loopback::new();
    for card in [1, 2] {
        let table = chassis.tables.entry(CardId(card)).or_default();
        table.pause = Duration::from_millis(10);
    }
    chassis.start_all().await;
    let primary = chassis.primary().await;
    // More than may be under way at once.
    let last = submit_all(&primary, puts(0, 100_000)).await;
    safe(&primary, last).await;
    assert_eq!(chassis.cards_agree(&primary).await.len(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_forwarding_table_is_told() {
    let chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    let mut events = primary.subscribe();
    let last = submit_all(&primary, vec![put("refused-1".to_owned(), 1)]).await;
    let (op, reason) = event(&mut events, |event| match event {
        Event::Failed { op, reason, .. } => Some((*op, reason.clone())),
        _other => None,
    })
    .await;
    assert_eq!((op.version, reason.as_str()), (last, "refused by the test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_unit_answers_that_it_has_stopped() {
    let mut chassis = Loopback::started().await;
    let handle = chassis.unit(1);
    let running = chassis.units.remove(&UnitId(1)).unwrap();
    timeout(LIMIT, running.shutdown()).await.expect("a shutdown is bounded");
    assert_eq!(handle.status().await, Err(HandleError::Stopped));
    assert_eq!(handle.submit_batch(TABLE, puts(0, 1)).await, Err(HandleError::Stopped));
    let card = chassis.card(1);
    let running = chassis.cards.remove(&CardId(1)).unwrap();
    timeout(LIMIT, running.shutdown()).await.expect("a shutdown is bounded, also with handles left");
    assert_eq!(card.dump(TABLE).await, Err(HandleError::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_replays_to_the_same_state() {
    let directory = tempfile::tempdir().unwrap();
    let mut chassis = Loopback::new();
    let parties = [Party::Unit(UnitId(1)), Party::Unit(UnitId(2)), Party::Card(CardId(1))];
    for party in parties {
        chassis.recordings.insert(party, Recording::to(directory.path().join(party.to_string())));
    }
    chassis.start_all().await;
    let primary = chassis.primary().await;
    chassis.all_in_sync().await;
    let last = submit_all(&primary, puts(0, 2000)).await;
    safe(&primary, last).await;
    let mut before = Vec::new();
    for unit in [1, 2] {
        let unit = chassis.unit(unit);
        let folded = until("all is folded", || async {
            let status = unit.status().await.unwrap();
            (status.processes[0].folded == last).then_some(status)
        });
        before.push(folded.await);
    }
    let card = chassis.card(1);
    let applied = until("all is applied", || async {
        let status = card.status().await.unwrap();
        (status.channels[0].applied == last).then_some(status)
    });
    let card_before = applied.await;
    // Cards first: then no unit finds a majority, and takes over from the one that stops first.
    for (_, card) in std::mem::take(&mut chassis.cards) {
        card.shutdown().await;
    }
    for (_, unit) in std::mem::take(&mut chassis.units) {
        unit.shutdown().await;
    }

    for status in before {
        let mut reader = RecordingReader::open(&directory.path().join(status.unit.to_string())).unwrap();
        let start = reader.start().clone();
        let config = UnitConfig { chassis: start.chassis, unit: status.unit };
        let seed = start.entropy as u64;
        let begin = UnitStart { life: start.life, durable: start.durable, seed };
        let mut core = ControlUnit::new(config, vec![Box::new(Table)], begin, start.now);
        let mut submitted = 0;
        for recorded in reader.by_ref() {
            let recorded = recorded.unwrap();
            submitted += usize::from(matches!(recorded.input, Input::Submit { .. }));
            recorded.input.apply_to_unit(&mut core, recorded.at);
        }
        assert_eq!(submitted, if status.role == Role::Primary { 2000 } else { 0 });
        let replayed = core.status();
        assert_eq!(replayed.processes[0].digest, status.processes[0].digest);
        assert_eq!(replayed.processes[0].received, last);
    }
    let mut reader = RecordingReader::open(&directory.path().join("card-1")).unwrap();
    let start = reader.start().clone();
    let config = CardConfig { chassis: start.chassis, card: CardId(1), processes: start.processes };
    let begin = CardStart { life: start.life, durable: start.durable, secret: start.entropy };
    let mut core = Card::new(config, begin);
    for recorded in reader.by_ref() {
        let recorded = recorded.unwrap();
        recorded.input.apply_to_card(&mut core, recorded.at);
    }
    // Whether the channel is in step depends on when its links were closed.
    let held = |status: CardStatus| {
        let channels = status.channels.into_iter();
        channels
            .map(|channel| (channel.applied, channel.entries, channel.writes, channel.digest))
            .collect::<Vec<_>>()
    };
    assert_eq!(held(core.status()), held(card_before));
}
