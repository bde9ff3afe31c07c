//! Which unit is primary.

use std::time::Duration;

use hitless_admin::{Answer, Client, Request, Role};
use tokio::task::JoinSet;

/// A frozen unit accepts connections and never answers.
const PATIENCE: Duration = Duration::from_millis(300);
/// While it is not answering, its successor may come into office: ask again soon.
const SHORT_PATIENCE: Duration = Duration::from_millis(120);

/// Pause between two questions to the same unit while its election to primary is waited for.
const AGAIN: Duration = Duration::from_millis(25);

/// A unit that says it is primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub unit: u8,
    /// The epoch it opened.
    pub epoch: u32,
    /// Its admin address.
    pub address: String,
}

/// The unit that is primary in the highest epoch: one that was cut off may still believe it is.
pub async fn find_primary(addresses: &[String]) -> Option<Found> {
    let mut asked: JoinSet<Option<Found>> = JoinSet::new();
    for address in addresses {
        asked.spawn(ask(address.clone(), PATIENCE));
    }
    let mut best = None::<Found>;
    while let Some(found) = asked.join_next().await {
        if let Ok(Some(found)) = found
            && best.as_ref().is_none_or(|best| best.epoch < found.epoch)
        {
            best = Some(found);
        }
    }
    best
}

/// Asks each of them again and again, none waiting for another, until one says it is primary in a later epoch than `above`.
pub(super) async fn await_successor(addresses: Vec<String>, above: u32) -> Option<Found> {
    let mut asked: JoinSet<Found> = JoinSet::new();
    for address in addresses {
        asked.spawn(async move {
            loop {
                if let Some(found) = ask(address.clone(), SHORT_PATIENCE).await
                    && found.epoch > above
                {
                    return found;
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
    asked.join_next().await?.ok()
}

async fn ask(address: String, patience: Duration) -> Option<Found> {
    let mut client = Client::connect(&address, patience).await.ok()?;
    let Answer::Unit(status) = client.call(Request::Status, patience).await.ok()? else { return None };
    (status.role == Role::Primary).then_some(Found { unit: status.unit, epoch: status.epoch, address })
}
