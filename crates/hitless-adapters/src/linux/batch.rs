//! Sends many messages at once and brings their answers back to each of them.

use std::io;

use super::limits::{ANSWER_TIMEOUT, BATCH_MESSAGES};
use super::netlink::codes::NLMSG_ERROR;
use super::netlink::{Encoder, Received, Refusal, Socket, messages, refusal};

/// Why there are no answers.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing was sent, so nothing was done.
    NotSent(io::Error),
    /// Some of it may have been done.
    Lost(io::Error),
}

/// A batch being filled.
#[derive(Debug)]
pub(super) struct Batch {
    encoder: Encoder,
    /// The number of the first message.
    first: u32,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { encoder: Encoder::default(), first: 0 }
    }

    /// Begins anew.
    pub(super) fn begin(&mut self, socket: &mut Socket) {
        self.encoder.clear();
        self.first = socket.numbers(BATCH_MESSAGES);
    }

    /// Where the next message is to be encoded, and its number.
    pub(super) fn next(&mut self) -> (&mut Encoder, u32) {
        let number = self.first.wrapping_add(u32::try_from(self.encoder.count()).unwrap_or(u32::MAX));
        (&mut self.encoder, number)
    }

    pub(super) fn len(&self) -> usize {
        self.encoder.count()
    }

    pub(super) fn bytes(&self) -> usize {
        self.encoder.bytes().len()
    }

    /// Sends the messages, and waits until the last one is answered: the kernel does them in order, tells of errors one by one,
    /// and of successes not at all but for the last. One answer for each; `None`: done.
    ///
    /// # Errors
    /// No answer, or not all of them.
    pub(super) fn exchange(&mut self, socket: &mut Socket) -> Result<Vec<Option<Refusal>>, Failed> {
        let count = self.len();
        let mut answers = vec![None; count];
        if count == 0 {
            return Ok(answers);
        }
        self.encoder.acknowledge_last();
        socket.send(self.encoder.bytes()).map_err(Failed::NotSent)?;
        loop {
            let datagram = match socket.receive(ANSWER_TIMEOUT).map_err(Failed::Lost)? {
                Received::Datagram(datagram) => datagram,
                Received::Nothing => {
                    let text = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
                    return Err(Failed::Lost(io::Error::new(io::ErrorKind::TimedOut, text)));
                }
                Received::Overrun => {
                    return Err(Failed::Lost(io::Error::other("there was no room for its answers")));
                }
            };
            for message in messages(datagram) {
                let message = message.map_err(|malformed| Failed::Lost(malformed.into()))?;
                let index = message.number.wrapping_sub(self.first) as usize;
                // What belongs to an earlier batch came too late.
                if message.kind != NLMSG_ERROR || index >= count {
                    continue;
                }
                answers[index] = refusal(&message).map_err(|malformed| Failed::Lost(malformed.into()))?;
                if index + 1 == count {
                    return Ok(answers);
                }
            }
        }
    }
}
