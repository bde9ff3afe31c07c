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
    /// Arrived behind a later one of their stream.
    pub(super) reordered: u64,
    pub(super) streams: u64,
    /// Streams that lost any.
    pub(super) streams_with_loss: u64,
    /// The longest time in which packets were on their way through a card and none arrived, in microseconds.
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

/// The longest time without an arrival, while packets were under way.
#[derive(Clone, Copy)]
struct Silence {
    last: u32,
    /// When the first packet since was sent.
    waiting: Option<u32>,
    longest: u32,
}

impl Silence {
    fn new(begun: u32) -> Self {
        Self { last: begun, waiting: None, longest: 0 }
    }

    fn packet(&mut self, sent: u32, arrived: u32) {
        let since = *self.waiting.get_or_insert(sent);
        if arrived != NEVER {
            self.longest = self.longest.max(arrived.saturating_sub(since.max(self.last)));
            (self.last, self.waiting) = (self.last.max(arrived), None);
        }
    }

    /// Packets that never arrived were waited for until now.
    fn end(&mut self, now: u32) {
        if let Some(since) = self.waiting {
            self.longest = self.longest.max(now.saturating_sub(since.max(self.last)));
        }
    }
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
    let mut cards = [Silence::new(begun); CARDS.len()];
    let mut silences = vec![Silence::new(begun); streams as usize];
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
        if came == NEVER {
            flow.lost += 1;
            flow.lost_by_card[card] += 1;
            flow.lost_at.push(at);
            flow.buckets[bucket].1 += 1;
            lossy[stream] = true;
        } else if came < silences[stream].last && silences[stream].last != begun {
            flow.reordered += 1;
        }
        cards[card].packet(at, came);
        silences[stream].packet(at, came);
    }
    let end = sent.iter().rev().copied().find(|at| *at != NEVER).unwrap_or(begun);
    let longest = |silences: &mut [Silence]| {
        silences.iter_mut().for_each(|silence| silence.end(end));
        let longest = silences.iter().map(|silence| silence.longest).max().unwrap_or(0);
        u64::from(longest) * TICK_US
    };
    flow.longest_gap_us = longest(&mut cards);
    flow.longest_stream_gap_us = longest(&mut silences);
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
