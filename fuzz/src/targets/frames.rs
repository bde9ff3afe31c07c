//! A stream of frames in any pieces: lengths, checksums, what is held, and that nothing is read past an error.

use hitless_proto::wire::{
    FRAME_HEADER, FrameReader, GREETING_LIMIT, WireError, crc32c, decode_wire, encode_wire_frame,
};

use crate::budget::Budget;
use crate::choices::Choices;

/// The stream, the reader's buffer, the bodies that are kept to be compared (twice), and what they decode to: of the
/// kinds that unfold, see [`super::messages`].
const BUDGET: Budget =
    Budget { base: super::messages::BUDGET.base, per_byte: super::messages::BUDGET.per_byte + 64 };

/// The first two bytes choose how the rest is cut, and whether its checksums are made right.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let mut choices = Choices::new(input);
        let (flags, piece) = (choices.byte(), 1 + choices.below(64));
        let mut stream = choices.rest().to_vec();
        if flags & 1 != 0 {
            mend_checksums(&mut stream);
        }
        let greeted = flags & 2 != 0;
        let whole = read(&stream, stream.len().max(1), greeted);
        assert_eq!(read(&stream, piece, greeted), whole, "how the stream is cut changes what is read");
        check(&stream, &whole, greeted);
    });
}

/// Bodies in order, then how it ended: an error, or whether a frame was under way.
type Read = (Vec<Vec<u8>>, Result<bool, WireError>);

fn read(stream: &[u8], piece: usize, greeted: bool) -> Read {
    let mut reader = FrameReader::new();
    if greeted {
        reader.greeted();
    }
    let mut bodies = Vec::new();
    for piece in stream.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next_body() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    reader.push(piece);
                    assert_eq!(reader.next_body(), Err(error.clone()), "it goes on after an error");
                    return (bodies, Err(error));
                }
            }
        }
    }
    (bodies, Ok(reader.is_mid_frame()))
}

fn check(stream: &[u8], (bodies, end): &Read, greeted: bool) {
    let mut at = 0;
    for body in bodies {
        assert!(!body.is_empty() && (greeted || body.len() <= GREETING_LIMIT));
        let header = &stream[at..at + FRAME_HEADER];
        assert_eq!(header[..4], (body.len() as u32).to_le_bytes());
        assert_eq!(header[4..], crc32c(body).to_le_bytes());
        at += FRAME_HEADER + body.len();
        assert_eq!(&stream[at - body.len()..at], body);
        if let Ok(wire) = decode_wire(body) {
            let mut again = Vec::new();
            assert_eq!(encode_wire_frame(&wire, &mut again), Ok(()));
        }
    }
    if let Ok(under_way) = end {
        assert_eq!(*under_way, at < stream.len());
    }
}

/// Makes the checksum of each frame right, as far as lengths lead: a fuzzer does not find them.
pub(crate) fn mend_checksums(stream: &mut [u8]) {
    let mut rest = stream;
    while let Some((header, body)) = rest.split_first_chunk_mut::<FRAME_HEADER>() {
        let [l0, l1, l2, l3, ..] = *header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let Some((body, next)) = body.split_at_mut_checked(len) else { return };
        header[4..].copy_from_slice(&crc32c(body).to_le_bytes());
        rest = next;
    }
}
