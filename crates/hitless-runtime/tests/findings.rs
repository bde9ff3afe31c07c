//! What a forwarding table finds by itself, on its way to the core and back into the table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // How a test fails.

mod loopback;

use std::sync::atomic::Ordering;

use hitless_proto::entry::Blob;
use hitless_proto::ids::CardId;
use hitless_runtime::Finding;
use loopback::{Loopback, TABLE, put, safe, submit_all, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_in_a_forwarding_table_is_mended_as_configured() {
    let chassis = Loopback::started().await;
    let primary = chassis.primary().await;
    chassis.all_in_sync().await;
    let puts = (0..5000_u64).map(|number| put(format!("key-{number}"), number)).collect();
    safe(&primary, submit_all(&primary, puts).await).await;
    let table = &chassis.tables[&CardId(1)];
    let whole = table.entries();
    // More than fits into one answer of the table.
    (0..3000).for_each(|number| table.tamper(&format!("key-{number}"), None, true));
    table.tamper("stranger", Some("there"), true);
    until("it is mended", || async { (table.entries() == whole).then_some(()) }).await;
    let status = chassis.card(1).status().await.unwrap();
    assert_eq!((status.channels[0].mended, status.channels[0].failed), (3001, 0));
    assert!(status.channels[0].in_step, "the primary need not know");

    table.tamper("key-7", None, false);
    table.tamper("key-8", None, true);
    let eight = Blob::from("key-8");
    until("the one that is to be mended", || async { table.entries().contains_key(&eight).then_some(()) })
        .await;
    assert!(!table.entries().contains_key(&Blob::from("key-7")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_had_when_the_table_says_that_it_may_be() {
    let mut chassis = Loopback::new();
    // Long before the primary tries again.
    chassis.chassis.timing.retry = 600_000_000;
    chassis.start_all().await;
    let primary = chassis.primary().await;
    chassis.all_in_sync().await;
    let puts = (0..100_u64).map(|number| put(format!("refused-{number}"), number)).collect();
    safe(&primary, submit_all(&primary, puts).await).await;
    let failed = |count: u64| {
        let primary = &primary;
        async move {
            let status = primary.status().await.unwrap();
            (status.channels.iter().map(|channel| channel.failed).sum::<u64>() == count).then_some(())
        }
    };
    until("all are refused, by both cards", || failed(200)).await;
    for table in chassis.tables.values() {
        table.lenient.store(true, Ordering::Relaxed);
        table.find(Finding::Curable { process: TABLE });
    }
    assert_eq!(chassis.cards_agree(&primary).await.len(), 100);
    until("the primary knows", || failed(0)).await;
    chassis.all_in_sync().await;
}
