//! Streams that are cut, cut off and damaged.
#![allow(clippy::unwrap_used)]

use hitless_proto::ids::{Epoch, UnitId};
use hitless_proto::message::{FromCard, Refused};

use super::*;

fn messages() -> Vec<Message> {
    let refused = |n| FromCard::Refused(Refused { promised: Epoch(n), owner: UnitId(1) });
    (1..=200).map(|n| Message::FromCard(refused(n * 1000))).collect()
}

fn sent(torn: bool, random: &mut Random) -> Pipe {
    let mut pipe = Pipe::default();
    for message in messages() {
        let mut frame = Vec::new();
        wire::encode_frame(&message, &mut frame).unwrap();
        if torn {
            pipe.send_torn(frame, Time(10), 100, random);
        } else {
            pipe.send(frame, Time(10), random);
        }
    }
    pipe
}

/// What the receiver makes of it: messages, whether in the middle of a frame, and the error.
fn received(pipe: &mut Pipe) -> (Vec<Message>, Option<WireError>) {
    let mut messages = Vec::new();
    while let Some((_, Parcel::Chunk(chunk))) = pipe.parcels.pop_front() {
        pipe.inflow.push(&chunk);
        loop {
            match pipe.inflow.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

#[test]
fn torn_and_merged_frames_are_the_same_messages_in_the_same_order() {
    let mut random = Random::new(3);
    let mut pipe = sent(true, &mut random);
    let times: Vec<Time> = pipe.parcels.iter().map(|(at, _)| *at).collect();
    assert!(times.is_sorted(), "no chunk overtakes another");
    let mut whole = 0;
    let boundaries: Vec<u64> = pipe
        .parcels
        .iter()
        .scan(0, |end, (_, parcel)| {
            if let Parcel::Chunk(chunk) = parcel {
                *end += chunk.len() as u64;
            }
            Some(*end)
        })
        .collect();
    let frame = |n: &Message| {
        let mut bytes = Vec::new();
        wire::encode_frame(n, &mut bytes).unwrap();
        bytes.len() as u64
    };
    let mut end = 0;
    for message in messages() {
        end += frame(&message);
        whole += usize::from(boundaries.contains(&end));
    }
    assert!(whole < 150, "{whole} of 200 frames end where a chunk does: hardly any was merged");
    assert!(boundaries.len() > 200, "{} chunks: hardly any frame was torn", boundaries.len());
    assert_eq!(received(&mut pipe), (messages(), None));
}

#[test]
fn a_stream_ends_after_any_byte() {
    let mut random = Random::new(9);
    let mut torn = 0;
    for round in 0..100 {
        let mut pipe = sent(round % 2 == 0, &mut random);
        pipe.cut_off(random.below(50) as usize, &mut random);
        let (came, error) = received(&mut pipe);
        assert_eq!(error, None);
        assert_eq!(came, messages()[..came.len()]);
        torn += usize::from(pipe.inflow.is_mid_frame());
    }
    assert!(torn > 50, "{torn} of 100 ended in the middle of a frame");
}

#[test]
fn a_flipped_bit_is_never_taken_for_a_message() {
    let mut random = Random::new(17);
    for round in 0..2_000 {
        let mut pipe = sent(round % 2 == 0, &mut random);
        pipe.flip(&mut random);
        let (came, error) = received(&mut pipe);
        assert!(!pipe.inflow.took_damage(), "round {round}");
        assert_eq!(came, messages()[..came.len()], "round {round}");
        // A length that grew waits for bytes that never come: then the frame's time runs out.
        assert!(error.is_some() || pipe.inflow.is_mid_frame(), "round {round}: nothing was noticed");
    }
}

#[test]
fn a_message_that_covers_a_flipped_bit_is_seen() {
    let mut random = Random::new(1);
    let mut pipe = sent(false, &mut random);
    pipe.inflow.flipped = Some(20);
    let Some((_, Parcel::Chunk(first))) = pipe.parcels.pop_front() else { panic!("nothing was sent") };
    pipe.inflow.push(&first);
    assert!(pipe.inflow.next().unwrap().is_some());
    assert_eq!(pipe.inflow.took_damage(), first.len() > 20);
    received(&mut pipe);
    assert!(pipe.inflow.took_damage());
}
