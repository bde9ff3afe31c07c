//! The client: calls one after the other, or a pipeline of them.

use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::{Answer, AnswerLine, ClientError, EntryRow, LineReader, Request, RequestLine};

/// Bytes read from the socket at once: a submit or a chunk of a dump is larger than the usual 8 KiB.
const READ_BUFFER: usize = 256 * 1024;

/// A connection to one party.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    receiver: Receiver,
}

/// The half that asks.
#[derive(Debug)]
pub struct Sender {
    writer: OwnedWriteHalf,
    line: Vec<u8>,
    next: u64,
    address: String,
}

/// The half that is answered.
#[derive(Debug)]
pub struct Receiver {
    lines: LineReader<BufReader<OwnedReadHalf>>,
    address: String,
}

impl Client {
    /// Connects to a party's admin address.
    ///
    /// # Errors
    /// There is nobody, or no answer within `patience`.
    pub async fn connect(address: &str, patience: Duration) -> Result<Self, ClientError> {
        let stream = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => return Err(ClientError::Connect { address: address.to_owned(), source }),
            Err(_) => return Err(late(address, patience)),
        };
        // Without delay: a request is one write, and the answer is waited for.
        stream.set_nodelay(true).map_err(|source| ClientError::Io { address: address.to_owned(), source })?;
        let (read, writer) = stream.into_split();
        let lines = LineReader::new(BufReader::with_capacity(READ_BUFFER, read));
        Ok(Self {
            sender: Sender { writer, line: Vec::new(), next: 1, address: address.to_owned() },
            receiver: Receiver { lines, address: address.to_owned() },
        })
    }

    /// The two halves, to send many requests before the first is answered.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Asks and waits for the first answer; notices in between are dropped.
    ///
    /// # Errors
    /// The party refused, the connection failed, or there was no answer within `patience`.
    pub async fn call(&mut self, request: Request, patience: Duration) -> Result<Answer, ClientError> {
        let id = timeout(patience, self.sender.send(request))
            .await
            .map_err(|_| late(&self.sender.address, patience))??;
        self.answer_to(id, patience).await
    }

    /// Asks for all entries of a process and hands each chunk to `take`. Returns how many there were. `patience` is for
    /// each chunk.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn dump(
        &mut self,
        process: u16,
        patience: Duration,
        mut take: impl FnMut(Vec<EntryRow>),
    ) -> Result<u64, ClientError> {
        let id = self.sender.send(Request::Dump { process }).await?;
        loop {
            match self.answer_to(id, patience).await? {
                Answer::Entries(rows) => take(rows),
                Answer::End { entries } => return Ok(entries),
                other => return Err(self.receiver.garbage(&format!("{other:?} to a dump"))),
            }
        }
    }

    async fn answer_to(&mut self, id: u64, patience: Duration) -> Result<Answer, ClientError> {
        loop {
            let line = timeout(patience, self.receiver.receive())
                .await
                .map_err(|_| late(&self.sender.address, patience))??;
            if let Some(error) = line.error {
                return Err(ClientError::Refused(error));
            }
            if let Some(answer) = line.answer.filter(|_| line.id == id) {
                return Ok(answer);
            }
        }
    }
}

fn late(address: &str, patience: Duration) -> ClientError {
    ClientError::Timeout { address: address.to_owned(), millis: patience.as_millis() }
}

impl Sender {
    /// Sends a request; returns its id.
    ///
    /// # Errors
    /// The connection failed.
    pub async fn send(&mut self, request: Request) -> Result<u64, ClientError> {
        let id = self.next;
        self.next += 1;
        self.line.clear();
        serde_json::to_writer(&mut self.line, &RequestLine { id, request })
            .map_err(|error| ClientError::Io { address: self.address.clone(), source: error.into() })?;
        self.line.push(b'\n');
        self.writer
            .write_all(&self.line)
            .await
            .map_err(|source| ClientError::Io { address: self.address.clone(), source })?;
        Ok(id)
    }
}

impl Receiver {
    /// The next line. Cancel-safe.
    ///
    /// # Errors
    /// The connection ended or failed, or something else than an answer came.
    pub async fn receive(&mut self) -> Result<AnswerLine, ClientError> {
        let line = match self.lines.next().await {
            Ok(Some(line)) => line,
            Ok(None) => return Err(ClientError::Closed { address: self.address.clone() }),
            Err(crate::LineError::Io(source)) => {
                return Err(ClientError::Io { address: self.address.clone(), source });
            }
            Err(error @ crate::LineError::TooLong) => return Err(self.garbage(&error.to_string())),
        };
        serde_json::from_slice(line).map_err(|error| {
            let shown: String = String::from_utf8_lossy(line).chars().take(80).collect();
            ClientError::Garbage { address: self.address.clone(), detail: format!("{error} in {shown:?}") }
        })
    }

    fn garbage(&self, detail: &str) -> ClientError {
        ClientError::Garbage { address: self.address.clone(), detail: detail.to_owned() }
    }
}
