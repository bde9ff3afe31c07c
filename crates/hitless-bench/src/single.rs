//! One change at a time: how long until its source hears of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hitless_admin::{Answer, ChangeRow, Client, Notice, Receiver, Request, Sender, Submit};

/// One op is answered within this, or something is wrong.
const ANSWER: Duration = Duration::from_secs(30);

/// A source that waits for each change.
pub(crate) struct Single {
    sender: Sender,
    receiver: Receiver,
}

/// Microseconds until the source heard that a change is programmed, and that it is safe.
pub(crate) struct Took {
    pub(crate) programmed: f64,
    pub(crate) safe: f64,
}

impl Single {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let (sender, receiver) = Client::connect(address, ANSWER).await?.split();
        Ok(Self { sender, receiver })
    }

    pub(crate) async fn change(&mut self, row: ChangeRow) -> Result<Took> {
        let begun = Instant::now();
        let of = row.0;
        self.sender.send(Request::Submit(Submit { changes: vec![row], lines: Vec::new() })).await?;
        let (mut seq, mut first, mut marks) = (None, None, (0, 0));
        loop {
            let line = tokio::time::timeout(ANSWER, self.receiver.receive())
                .await
                .with_context(|| format!("op {seq:?} is not safe: the watermarks are {marks:?}"))??;
            if let Some(error) = line.error {
                bail!("the primary refuses: {error}");
            }
            match (line.answer, line.notice) {
                (Some(Answer::Accepted(accepted)), _) => {
                    seq = accepted.ranges.first().map(|range| range.2);
                }
                (_, Some(Notice::Completed { process, programmed, safe })) if process == of => {
                    marks = (programmed, safe);
                }
                (Some(other), _) => bail!("answered {other:?}"),
                (None, _) => {}
            }
            let micros = begun.elapsed().as_secs_f64() * 1e6;
            if seq.is_some_and(|seq| marks.0 >= seq) {
                first = first.or(Some(micros));
            }
            if let Some(programmed) = first.filter(|_| seq.is_some_and(|seq| marks.1 >= seq)) {
                return Ok(Took { programmed, safe: micros });
            }
        }
    }
}
