//! Which unit is primary.

use std::time::Duration;

use hitless_admin::{Answer, Client, Request, Role};
use tokio::task::JoinSet;

/// A frozen unit accepts connections and never answers.
const PATIENCE: Duration = Duration::from_millis(300);
/// While it is not answering, its successor may come into office: ask again soon.
const SHORT_PATIENCE: Duration = Duration::from_millis(120);

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

/// The unit that is primary in the highest epoch above `above`. One that was cut off may still believe it is; with
/// `above`, the epoch of that one, the first answer is the right one, and those that do not answer are not waited for.
pub async fn find_primary(addresses: &[String], above: u32) -> Option<Found> {
    let mut asked: JoinSet<Option<Found>> = JoinSet::new();
    for address in addresses {
        asked.spawn(ask(address.clone(), if above > 0 { SHORT_PATIENCE } else { PATIENCE }));
    }
    let mut best = None::<Found>;
    while let Some(found) = asked.join_next().await {
        if let Ok(Some(found)) = found
            && found.epoch > above
            && best.as_ref().is_none_or(|best| best.epoch < found.epoch)
        {
            best = Some(found);
            if above > 0 {
                break;
            }
        }
    }
    best
}

async fn ask(address: String, patience: Duration) -> Option<Found> {
    let mut client = Client::connect(&address, patience).await.ok()?;
    let Answer::Unit(status) = client.call(Request::Status, patience).await.ok()? else { return None };
    (status.role == Role::Primary).then_some(Found { unit: status.unit, epoch: status.epoch, address })
}
