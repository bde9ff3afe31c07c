//! A connection to the primary with a writer of its own, so that answers are read while a submit is held back.

use std::time::Duration;

use hitless_admin::{AnswerLine, Client, ClientError, Receiver, Request, Submit};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Submits on their way beyond what TCP buffers.
const SUBMITS: usize = 2;
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Connection {
    receiver: Receiver,
    submits: mpsc::Sender<Submit>,
    writer: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open(address: &str) -> Result<Self, ClientError> {
        let (mut sender, receiver) = Client::connect(address, PATIENCE).await?.split();
        let (submits, mut queue) = mpsc::channel::<Submit>(SUBMITS);
        let writer = tokio::spawn(async move {
            while let Some(submit) = queue.recv().await {
                // The reader hears of a broken connection and says so.
                if sender.send(Request::Submit(submit)).await.is_err() {
                    return;
                }
            }
            // Holds the connection open while answers are outstanding.
            std::future::pending::<()>().await;
        });
        Ok(Self { receiver, submits, writer })
    }

    /// The next line; `None`: the connection is of no use any more. Cancel-safe.
    pub(super) async fn receive(&mut self) -> Option<AnswerLine> {
        match self.receiver.receive().await {
            Ok(line) => Some(line),
            Err(error) => {
                tracing::debug!(%error, "source connection lost");
                None
            }
        }
    }

    /// Waits until a submit can be sent; `None`: the connection is of no use any more. Cancel-safe.
    pub(super) fn reserve(&self) -> impl Future<Output = Option<mpsc::OwnedPermit<Submit>>> + use<> {
        let submits = self.submits.clone();
        async move { submits.reserve_owned().await.ok() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.writer.abort();
    }
}
