//! What became of the packets of one event: lost, duplicated, reordered, delayed; when, and through which card.

use serde::Serialize;

use super::plan::CARDS;
use super::probes::{NEVER, TICK_US, Traffic};

/// Milliseconds of one bucket of the timeline.
pub(super) const BUCKET_MS: u64 = 50;
/// Ticks of a millisecond.
const TICKS_PER_MS: u32 = (1_000 / TICK_US) as u32;

/// A range of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Numbers of the first packet and of the one behind the last.
    pub(super) packets: (u64, u64),
    /// When it began, in ticks.
    pub(super) begun: u32,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Flow {
    pub(super) sent: u64,
    /// The source's own kernel would not send them.
    pub(super) not_sent: u64,
    pub(super) lost: u64,
    /// Of these, by card.
    pub(super) lost_by_card: [u64; CARDS.len()],
    pub(super) duplicated: u64,
    /// Packets that this machine dropped meanwhile, of whatever connection, since a processor did not get round to them.
    pub(super) dropped_by_machine: u64,
    /// Arrived behind a later one of their stream.
    pub(super) reordered: u64,
    pub(super) streams: u64,
    /// Streams that lost any.
    pub(super) streams_with_loss: u64,
    /// The longest time a packet took, in microseconds.
    pub(super) longest_delay_us: u64,
    /// The longest time in which packets were sent through a card and none arrived, in microseconds.
    pub(super) longest_gap_us: u64,
    /// The same for a single stream: a destination through a card.
    pub(super) longest_stream_gap_us: u64,
    /// When lost packets were sent, in ticks.
    #[serde(skip)]
    pub(super) lost_at: Vec<u32>,
    /// Per bucket: sent, lost.
    #[serde(skip)]
    pub(super) buckets: Vec<(u32, u32)>,
}

/// One path: when packets were sent on it, rising, and when some of them arrived.
#[derive(Clone, Default)]
struct Path {
    sent: Vec<u32>,
    arrived: Vec<u32>,
}

impl Path {
    /// The longest time without an arrival, from the first packet on that was sent in it: a source that pauses is no gap.
    fn longest_silence(&mut self) -> u32 {
        self.arrived.sort_unstable();
        let (Some(begun), Some(end)) = (self.sent.first().copied(), self.sent.last().copied()) else {
            return 0;
        };
        let arrivals =
            self.arrived.iter().copied().chain([end.max(self.arrived.last().copied().unwrap_or(end))]);
        let (mut last, mut longest, mut next) = (begun, 0, 0);
        for arrival in arrivals {
            while self.sent.get(next).is_some_and(|sent| *sent < last) {
                next += 1;
            }
            let since = self.sent.get(next).copied().unwrap_or(arrival);
            longest = longest.max(arrival.saturating_sub(since.max(last)));
            last = arrival;
        }
        longest
    }
}

/// Packets that this machine's processors have dropped from their queues so far: the second number of each line.
pub(super) fn dropped_by_machine() -> u64 {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").unwrap_or_default();
    let second = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
    text.lines().filter_map(second).sum()
}

/// Looks at the packets of a span.
pub(super) fn flow(traffic: &Traffic, span: Span) -> Flow {
    let (first, behind) = span.packets;
    let range = first as usize..behind as usize;
    let sent: Vec<u32> = traffic.sent().get(range.clone()).unwrap_or_default().to_vec();
    let arrived = traffic.arrived();
    let duplicated = arrived.again.iter().filter(|number| (first..behind).contains(number)).count() as u64;
    let at = |index: usize| arrived.at.get(range.start + index).copied().unwrap_or(NEVER);
    let arrivals: Vec<u32> = (0..sent.len()).map(at).collect();
    drop(arrived);
    let mut flow = judge(&sent, &arrivals, (first, traffic.streams()), span.begun);
    flow.duplicated = duplicated;
    flow
}

fn judge(sent: &[u32], arrived: &[u32], (first, streams): (u64, u64), begun: u32) -> Flow {
    let mut flow = Flow { streams, ..Flow::default() };
    let mut cards = vec![Path::default(); CARDS.len()];
    let mut paths = vec![Path::default(); streams as usize];
    let mut lossy = vec![false; streams as usize];
    for (index, (at, came)) in sent.iter().copied().zip(arrived.iter().copied()).enumerate() {
        if at == NEVER {
            flow.not_sent += 1;
            continue;
        }
        let stream = ((first + index as u64) % streams) as usize;
        let card = stream % CARDS.len();
        let bucket = (u64::from(at.saturating_sub(begun) / TICKS_PER_MS) / BUCKET_MS) as usize;
        if flow.buckets.len() <= bucket {
            flow.buckets.resize(bucket + 1, (0, 0));
        }
        flow.sent += 1;
        flow.buckets[bucket].0 += 1;
        cards[card].sent.push(at);
        paths[stream].sent.push(at);
        if came == NEVER {
            flow.lost += 1;
            flow.lost_by_card[card] += 1;
            flow.lost_at.push(at);
            flow.buckets[bucket].1 += 1;
            lossy[stream] = true;
            continue;
        }
        let delay = u64::from(came.saturating_sub(at)) * TICK_US;
        flow.longest_delay_us = flow.longest_delay_us.max(delay);
        flow.reordered += u64::from(paths[stream].arrived.last().is_some_and(|last| came < *last));
        cards[card].arrived.push(came);
        paths[stream].arrived.push(came);
    }
    let longest = |paths: &mut [Path]| {
        u64::from(paths.iter_mut().map(Path::longest_silence).max().unwrap_or(0)) * TICK_US
    };
    flow.longest_gap_us = longest(&mut cards);
    flow.longest_stream_gap_us = longest(&mut paths);
    flow.streams_with_loss = lossy.iter().filter(|lossy| **lossy).count() as u64;
    flow
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two destinations through two cards, a packet each 10 ticks that takes 2.
    fn judged(count: u32, change: impl Fn(u32, u32) -> u32) -> Flow {
        let sent: Vec<u32> = (0..count).map(|number| 100 + number * 10).collect();
        let arrived: Vec<u32> = (0..count).map(|number| change(number, 102 + number * 10)).collect();
        judge(&sent, &arrived, (0, 4), 100)
    }

    #[test]
    fn packets_that_all_arrive_have_no_gap_but_their_delay() {
        let flow = judged(400, |_, at| at);
        assert_eq!((flow.sent, flow.lost, flow.reordered, flow.longest_gap_us), (400, 0, 0, 20));
        assert_eq!(flow.buckets.iter().map(|bucket| bucket.0).sum::<u32>(), 400);
    }

    #[test]
    fn a_card_that_is_silent_has_a_gap_and_the_other_none() {
        let flow = judged(
            400,
            |number, at| {
                if number % 2 == 0 && (100..120).contains(&number) { NEVER } else { at }
            },
        );
        assert_eq!((flow.lost, flow.lost_by_card, flow.streams_with_loss), (10, [10, 0], 2));
        // Number 100 is lost and 120 arrives.
        assert_eq!(flow.longest_gap_us, u64::from(120_u32 * 10 + 2 - 100 * 10) * TICK_US);
        assert_eq!(flow.lost_at.first(), Some(&1_100));
    }

    #[test]
    fn a_silence_up_to_the_end_is_a_gap_too() {
        let flow = judged(400, |number, at| if number >= 300 { NEVER } else { at });
        assert_eq!(flow.lost, 100);
        assert!(flow.longest_gap_us >= 95 * 10 * TICK_US, "{}", flow.longest_gap_us);
    }

    #[test]
    fn a_source_that_pauses_is_no_gap_and_a_packet_that_waits_is_late() {
        let late = judged(400, |number, at| if number == 200 { at + 500 } else { at });
        assert_eq!(
            (late.longest_gap_us, late.longest_delay_us),
            (220, 5_020),
            "202 came 22 ticks after 200 was sent"
        );
        let sent: Vec<u32> =
            (0..400).map(|number| 100 + number * 10 + if number < 200 { 0 } else { 9_000 }).collect();
        let arrived: Vec<u32> = sent.iter().map(|at| at + 2).collect();
        assert_eq!(judge(&sent, &arrived, (0, 4), 100).longest_stream_gap_us, 20);
    }

    #[test]
    fn what_arrives_behind_a_later_one_of_its_stream_is_reordered() {
        let flow = judged(400, |number, at| if number == 200 { at + 45 } else { at });
        assert_eq!((flow.lost, flow.reordered), (0, 1));
    }

    #[test]
    fn what_was_not_sent_is_not_lost() {
        let flow = judge(&[100, NEVER, 120], &[102, NEVER, 122], (0, 4), 100);
        assert_eq!((flow.sent, flow.not_sent, flow.lost), (2, 1, 0));
    }
}
