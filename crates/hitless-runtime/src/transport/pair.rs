//! A link while it lives: the two connections of one peer in one life, and the four tasks that serve them.

use hitless_proto::ids::{Life, Party};
use hitless_proto::wire::{Wire, encode_frame};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{Connection, FrameSink, FrameSource};
use super::inbox::{Inbox, LinkEvent};
use super::link::{Closer, Link, LinkEnd, closing};
use super::liveness::{Liveness, beat, listen};
use super::outbox::{OutboxEnd, outbox};
use crate::limits::{GOODBYE_TIMEOUT, WRITE_BYTES};

/// The two connections.
pub(super) struct Pair {
    pub(super) peer: Party,
    pub(super) life: Life,
    pub(super) protocol: Connection,
    pub(super) liveness: Connection,
}

/// What all links have in common.
#[derive(Clone)]
pub(super) struct LinkRules {
    pub(super) inbox: Inbox,
    pub(super) liveness: Liveness,
    pub(super) outbox_bytes: usize,
}

/// A link that was told to the driver.
pub(super) struct Running {
    peer: Party,
    tasks: JoinSet<LinkEnd>,
    /// Apart from the others, since it may say goodbye after they were stopped.
    writer: JoinSet<()>,
    asked: watch::Receiver<Option<LinkEnd>>,
    closer: Closer,
    ended: oneshot::Sender<()>,
}

/// To close a running link, and to wait until the driver was told that it is closed.
pub(super) struct Current {
    pub(super) closer: Closer,
    pub(super) ended: oneshot::Receiver<()>,
}

impl Pair {
    /// Tells the driver, and starts the tasks. `None`: the driver is gone.
    pub(super) async fn start(self, rules: &LinkRules) -> Option<(Running, Current)> {
        let (outbox, queue) = outbox(rules.outbox_bytes);
        let (closer, asked) = Closer::new();
        let (ended, until_ended) = oneshot::channel();
        let link = Link::new(outbox, closer.clone());
        let event = LinkEvent::Connected { peer: self.peer, life: self.life, link };
        rules.inbox.change(event).await.ok()?;

        let mut tasks = JoinSet::new();
        tasks.spawn(read(self.protocol.source, self.peer, rules.inbox.clone()));
        tasks.spawn(beat(self.liveness.sink, rules.liveness));
        tasks.spawn(listen(self.liveness.source, rules.liveness));
        let mut writer = JoinSet::new();
        writer.spawn(write(self.protocol.sink, queue, asked.clone(), closer.clone()));
        let running = Running { peer: self.peer, tasks, writer, asked, closer: closer.clone(), ended };
        Some((running, Current { closer, ended: until_ended }))
    }
}

impl Running {
    /// Serves the link until it ends; by then the driver was told.
    pub(super) async fn run(mut self, inbox: &Inbox) -> LinkEnd {
        let first = tokio::select! {
            biased;
            end = closing(&mut self.asked) => end,
            done = self.tasks.join_next() => match done {
                Some(Ok(end)) => end,
                Some(Err(error)) => LinkEnd::Failed(error.to_string()),
                None => LinkEnd::Stopping,
            },
        };
        self.closer.close(first.clone());
        // The reader must have stopped before the driver is told: nothing of this link comes after that.
        self.tasks.shutdown().await;
        let told = LinkEvent::Disconnected { peer: self.peer, end: first.clone() };
        let _driver_gone = inbox.change(told).await;
        let _nobody_waits = self.ended.send(());
        let _at_limit = timeout(2 * GOODBYE_TIMEOUT, self.writer.join_next()).await;
        first
    }
}

async fn read(mut source: FrameSource, peer: Party, inbox: Inbox) -> LinkEnd {
    loop {
        match source.next().await {
            Ok((Wire::Message(message), bytes)) => {
                if inbox.message(peer, message, bytes).await.is_err() {
                    return LinkEnd::Stopping;
                }
            }
            Ok((Wire::Goodbye { reason }, _)) => return LinkEnd::Goodbye(reason),
            Ok((Wire::Hello(_), _)) => return LinkEnd::Garbage("a second hello".to_owned()),
            Ok((Wire::Heartbeat { .. }, _)) => {
                return LinkEnd::Garbage("a heartbeat on the connection for the protocol".to_owned());
            }
            Err(end) => return end,
        }
    }
}

/// Writes what is queued, as much at once as there is, until the link is to be closed.
async fn write(
    mut sink: FrameSink,
    mut queue: OutboxEnd,
    mut asked: watch::Receiver<Option<LinkEnd>>,
    closer: Closer,
) {
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        buffer.shrink_to(2 * WRITE_BYTES);
        let first = tokio::select! {
            biased;
            end = closing(&mut asked) => return part(&mut sink, &end).await,
            message = queue.next() => message,
        };
        let mut message = first;
        while let Some(next) = message.take() {
            if let Err(error) = encode_frame(&next, &mut buffer) {
                closer.close(LinkEnd::Failed(error.to_string()));
                return;
            }
            if buffer.len() < WRITE_BYTES {
                message = queue.at_hand();
            }
        }
        if buffer.is_empty() {
            let end = closing(&mut asked).await;
            return part(&mut sink, &end).await;
        }
        // In the middle of a frame no goodbye can be said.
        tokio::select! {
            _end = closing(&mut asked) => return,
            written = sink.write(&buffer) => if let Err(end) = written {
                closer.close(end);
                return;
            },
        }
    }
}

/// Says why we close, where the peer can still hear it.
async fn part(sink: &mut FrameSink, end: &LinkEnd) {
    match end {
        LinkEnd::Closed | LinkEnd::Torn | LinkEnd::Goodbye(_) | LinkEnd::Failed(_) | LinkEnd::Missed(_) => {}
        LinkEnd::Garbage(_)
        | LinkEnd::Misbehaved(_)
        | LinkEnd::Replaced
        | LinkEnd::Overflow
        | LinkEnd::Stopping => sink.goodbye(&end.to_string()).await,
    }
}
