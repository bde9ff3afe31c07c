//! The admin API: lines of any length, requests as a party reads them, answers as a client reads them.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hitless::feed::row::{change_of, row_of};
use hitless_adapters::schema;
use hitless_admin::{AnswerLine, LineReader, Request, RequestLine};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::budget::Budget;

/// A row of a submit takes 120 bytes for the 8 that it has at least in the text (`[0,"",0]` is none), a value in an array of
/// readable changes 32 for 2, an entry of a dump 110, all in vectors that grow by doubling; all of it is made twice, and as
/// text again.
const BUDGET: Budget = Budget { base: 64 * 1024, per_byte: 1024 };

/// The input is what comes over a connection.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let mut lines = LineReader::new(input);
        let mut seen = 0;
        while let Some(line) = at_once(lines.next()).unwrap_or(None) {
            assert!(!line.contains(&b'\n'));
            seen += line.len() + 1;
            same::<RequestLine>(line);
            same::<AnswerLine>(line);
            if let Ok(request) = serde_json::from_slice::<RequestLine>(line) {
                served(&request.request);
            }
        }
        let ended = input.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        assert_eq!(seen, ended, "lines were lost");
    });
}

/// What is read is written, and reads the same.
fn same<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(line: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(line) else { return };
    let again = serde_json::to_vec(&value).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<T>(&again).expect("what was written can be read"), value);
}

/// What a control unit does with a submit before the core sees it.
fn served(request: &Request) {
    if let Request::Submit(submit) = request {
        for row in &submit.changes {
            let (process, change) = change_of(row);
            assert_eq!(change_of(&row_of(process, &change)), (process, change));
        }
        submit.lines.iter().for_each(|line| drop(schema::parse_object(line)));
    }
}

/// A future that has all it waits for.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a reader of bytes in memory waits"),
    }
}
