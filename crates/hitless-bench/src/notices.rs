//! What a unit tells whoever watches it, with the moment at which it was heard.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hitless_admin::{AnswerLine, Client, Notice, Request, TakeoverReport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A unit answers at once.
const CONNECT: Duration = Duration::from_secs(5);
/// Notices that were heard and not looked at yet.
const HEARD: usize = 4096;

/// A takeover of any table.
pub(crate) const TAKEOVER: Duration = Duration::from_secs(30);

/// A watching connection.
pub(crate) struct Watching {
    heard: mpsc::Receiver<(Instant, Notice)>,
    task: JoinHandle<()>,
}

impl Watching {
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let mut client = Client::connect(address, CONNECT).await?;
        client.call(Request::Watch, CONNECT).await?;
        let (keep, mut receiver) = client.split();
        let (tell, heard) = mpsc::channel(HEARD);
        let task = tokio::spawn(async move {
            while let Ok(AnswerLine { notice, .. }) = receiver.receive().await {
                let Some(notice) = notice else { continue };
                if tell.send((Instant::now(), notice)).await.is_err() {
                    break;
                }
            }
            // The half that asks holds the connection open.
            drop(keep);
        });
        Ok(Self { heard, task })
    }

    /// The next takeover: when it was heard of, and what it did.
    pub(crate) async fn takeover(&mut self) -> Result<(Instant, TakeoverReport)> {
        let over = |notice| match notice {
            Notice::Takeover(report) => Some(report),
            _other => None,
        };
        self.until(TAKEOVER, over).await
    }

    /// The next notice of which `wanted` makes something.
    pub(crate) async fn until<T>(
        &mut self,
        patience: Duration,
        mut wanted: impl FnMut(Notice) -> Option<T>,
    ) -> Result<(Instant, T)> {
        let search = async {
            while let Some((at, notice)) = self.heard.recv().await {
                if let Notice::Lagged { lost } = notice {
                    bail!("{lost} notices were lost");
                }
                if let Some(found) = wanted(notice) {
                    return Ok((at, found));
                }
            }
            bail!("the unit has closed the connection")
        };
        tokio::time::timeout(patience, search).await.context("the notice that is waited for does not come")?
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}
