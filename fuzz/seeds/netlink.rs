//! Netlink: what a real zebra sent by FPM, and what a kernel would answer to a survey.

use hitless_adapters::{fpm, linux};

use super::Seeds;

const CAPTURES: [&str; 2] = [
    include_str!("../../crates/hitless-adapters/src/fpm/tests/frr-8.4.4-objects.hex"),
    include_str!("../../crates/hitless-adapters/src/fpm/tests/frr-8.4.4-inline.hex"),
];
/// Bytes of a frame's head.
const FRAME_HEAD: usize = 4;
// Actions of the target `fpm`: a session begins, the role comes, a frame, a batch, all is answered, zebra is told.
const SESSION: u8 = 205;
const PRIMARY: u8 = 220;
const FRAME: u8 = 0;
const SUBMIT: u8 = 110;
const COMPLETED: u8 = 165;
const ANSWERS: u8 = 245;

pub(super) fn seeds() -> Vec<Seeds> {
    let captures: Vec<Vec<Vec<u8>>> = CAPTURES.iter().map(|capture| frames(capture)).collect();
    for capture in &captures {
        let found = fpm::examine(&capture.concat());
        assert!(found.frames >= 10 && found.refused == 0, "{found:?}");
    }
    let messages = captures.iter().flatten().map(|frame| frame[FRAME_HEAD..].to_vec());
    let survey = survey();
    let found = linux::examine(&survey);
    assert!(found.surveyed && found.found >= 3, "{found:?}");
    vec![
        ("fpm", captures.iter().flat_map(|capture| sessions(capture)).collect()),
        ("netlink", messages.chain([survey, refusal()]).collect()),
    ]
}

fn frames(capture: &str) -> Vec<Vec<u8>> {
    let lines = capture.lines().filter(|line| !line.starts_with('#'));
    let frame = |line: &str| {
        let hex = line.split_once(" # ").map_or(line, |(hex, _)| hex);
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(byte).collect()
    };
    lines.map(frame).collect()
}

/// Short sessions of some frames each: of a primary, and of a unit that becomes one.
fn sessions(capture: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let said = |frames: &[Vec<u8>]| -> Vec<u8> {
        let one = |frame: &Vec<u8>| {
            let payload = &frame[FRAME_HEAD..];
            [&[FRAME, u8::try_from(payload.len()).expect("a short frame")], payload].concat()
        };
        frames.iter().flat_map(one).collect()
    };
    let after = [SUBMIT, SUBMIT, COMPLETED, 0, ANSWERS, 200];
    let piece = |frames: &[Vec<u8>]| {
        let said = said(frames);
        let live = [&[1, SESSION, PRIMARY][..], &said, &after].concat();
        let shadow = [&[1, SESSION][..], &said, &[PRIMARY], &after, &[SESSION], &said, &[SUBMIT]].concat();
        // The frames as they are: the target reads its bytes as a stream too.
        [live, shadow, frames.concat()]
    };
    capture.chunks(8).flat_map(piece).collect()
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).expect("a short message").to_ne_bytes();
    // No flags, an answer to question 1, from the kernel.
    [&length[..], &kind.to_ne_bytes(), &[0; 2], &1_u32.to_ne_bytes(), &[0; 4], body].concat()
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).expect("a short value").to_ne_bytes();
    let mut bytes = [&length[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A link, a next hop, a group, and a route of each family that are ours; each dump with its end.
fn survey() -> Vec<u8> {
    let (four, done) = (u32::to_ne_bytes, message(3, &[0; 4]));
    let ours = linux::PROTOCOL;
    let table = u8::try_from(linux::MAIN_TABLE).expect("a small number");
    let link = [&[0; 4][..], &four(3), &four(0x1_0041), &[0; 4], &attribute(3, b"v0\0")].concat();
    let hop = [&[10, 0, ours, 0, 0, 0, 0, 0][..], &attribute(1, &four(77)), &attribute(5, &four(3))].concat();
    let members = [&four(77)[..], &[4, 0, 0, 0]].concat();
    let group =
        [&[0, 0, ours, 0, 0, 0, 0, 0][..], &attribute(1, &four(78)), &attribute(2, &members)].concat();
    let route = |family: u8, address: &[u8], object: u32| {
        let fixed = [family, 16, 0, 0, table, ours, 0, 1, 0, 0, 0, 0];
        let parts = [attribute(1, address), attribute(6, &four(20)), attribute(30, &four(object))].concat();
        message(24, &[&fixed[..], &parts].concat())
    };
    let mut v6 = [0; 16];
    (v6[0], v6[1]) = (0x20, 1);
    [
        message(16, &link),
        done.clone(),
        message(104, &hop),
        message(104, &group),
        done.clone(),
        route(2, &[10, 1, 0, 0], 77),
        done.clone(),
        route(10, &v6, 78),
        done,
    ]
    .concat()
}

/// An error with the kernel's words.
fn refusal() -> Vec<u8> {
    let words = attribute(1, b"Nexthop id does not exist\0");
    let mut message = message(2, &[&(-22_i32).to_ne_bytes()[..], &[0; 16], &words].concat());
    // The request is not repeated; words follow.
    message[6..8].copy_from_slice(&0x300_u16.to_ne_bytes());
    message
}
