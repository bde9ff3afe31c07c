//! One admin connection: requests in, answers and notices out.

use hitless_admin::{
    Answer, AnswerLine, Code, DUMP_CHUNK, EntryRow, ErrorBody, LineError, LineReader, MAX_LINE, MAX_SUBMIT,
    PartyIs, Request, RequestLine,
};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Answered, Backend, notices, wrong_party};

/// Bytes read from the socket at once: a submit is larger than the usual 8 KiB.
const READ_BUFFER: usize = 256 * 1024;
/// Lines that wait for a client that reads slowly; beyond it the client is not served until it reads.
const LINES: usize = 64;

/// After this a connection that asks for nothing is closed.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

/// Where the answers of a connection go.
#[derive(Clone)]
pub(super) struct Out(mpsc::Sender<Vec<u8>>);

impl Out {
    /// `false`: the connection is gone.
    pub(super) async fn line(&self, line: &AnswerLine) -> bool {
        match serde_json::to_vec(line) {
            Ok(mut text) => {
                text.push(b'\n');
                self.0.send(text).await.is_ok()
            }
            Err(error) => {
                tracing::error!(%error, "an admin answer cannot be written as JSON");
                false
            }
        }
    }
}

/// Serves a connection until it closes.
pub(super) async fn run(stream: TcpStream, party: &PartyIs, backend: &Backend) {
    // Only fails on a socket that is dead already.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let (lines, queue) = mpsc::channel(LINES);
    let out = Out(lines);
    // Notices and the writer end with the connection.
    let mut tasks = JoinSet::new();
    tasks.spawn(write_all(write, queue));
    let mut reader = LineReader::new(BufReader::with_capacity(READ_BUFFER, read));
    let mut noticed = false;
    loop {
        // Who watches or submits may be silent for long; who does neither must not keep the operator's place.
        let patience = if noticed { std::time::Duration::MAX } else { IDLE };
        let Ok(next) = tokio::time::timeout(patience, reader.next()).await else { break };
        let line = match next {
            Ok(Some(line)) if line.trim_ascii().is_empty() => continue,
            Ok(Some(line)) => line,
            Ok(None) | Err(LineError::Io(_)) => break,
            Err(LineError::TooLong) => {
                let message = format!("the line has more than {MAX_LINE} bytes");
                let error = ErrorBody::new(Code::TooLong, message).hint("send smaller requests");
                if !out.line(&AnswerLine::error(0, error)).await {
                    break;
                }
                continue;
            }
        };
        let answered = match serde_json::from_slice::<RequestLine>(line) {
            Ok(RequestLine { id, request }) => {
                if matches!(request, Request::Watch | Request::Submit(_))
                    && !std::mem::replace(&mut noticed, true)
                {
                    // Before the first op of this connection is issued, so that no completion is missed.
                    notices::start(&mut tasks, backend, id, out.clone());
                }
                answer(id, request, party, backend, &out).await
            }
            Err(error) => out.line(&AnswerLine::error(0, not_a_request(&error))).await,
        };
        if !answered {
            break;
        }
    }
    drop(out);
    // What was answered is written before the connection closes; a client that does not read is not waited for long.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), async {
        while !noticed && tasks.join_next().await.is_some() {}
    })
    .await;
}

fn not_a_request(error: &serde_json::Error) -> ErrorBody {
    ErrorBody::new(Code::BadRequest, format!("not a request: {error}"))
        .hint("one JSON object per line, as in {\"id\":1,\"request\":\"status\"}")
}

async fn write_all(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = queue.recv().await {
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Answers a request; `false`: the connection is gone.
async fn answer(id: u64, request: Request, party: &PartyIs, backend: &Backend, out: &Out) -> bool {
    let answered = match request {
        Request::Hello => Ok(Answer::PartyIs(party.clone())),
        Request::Watch => Ok(Answer::Done),
        Request::Dump { process } => match dump(backend, process).await {
            Ok(rows) => return stream(id, rows, out).await,
            Err(error) => Err(error),
        },
        other => ask(backend, other).await,
    };
    let line = match answered {
        Ok(answer) => AnswerLine::answer(id, answer),
        Err(error) => AnswerLine::error(id, error),
    };
    out.line(&line).await
}

async fn ask(backend: &Backend, request: Request) -> Answered {
    if let Request::Submit(submit) = &request
        && submit.changes.len().max(submit.lines.len()) > MAX_SUBMIT
    {
        let message = format!("a submit has at most {MAX_SUBMIT} changes");
        return Err(ErrorBody::new(Code::BadRequest, message).hint("send several, one after the other"));
    }
    match (backend, request) {
        (Backend::Unit(unit), request) => unit.ask(request).await,
        (Backend::Card(card), request) => card.ask(request).await,
    }
}

async fn dump(backend: &Backend, process: u16) -> Result<Vec<EntryRow>, ErrorBody> {
    match backend {
        Backend::Unit(unit) => unit.dump(process).await,
        Backend::Card(card) => card.dump(process).await,
    }
}

async fn stream(id: u64, mut rows: Vec<EntryRow>, out: &Out) -> bool {
    let entries = rows.len() as u64;
    while !rows.is_empty() {
        // From the end, so that memory is given back as it is sent.
        let chunk = rows.split_off(rows.len().saturating_sub(DUMP_CHUNK));
        if !out.line(&AnswerLine::answer(id, Answer::Entries(chunk))).await {
            return false;
        }
    }
    out.line(&AnswerLine::answer(id, Answer::End { entries })).await
}

/// What a card cannot do.
pub(super) fn for_units(what: &str) -> ErrorBody {
    wrong_party(what, "control units")
}
