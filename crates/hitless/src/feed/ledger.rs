//! What a source has submitted and what it was told of it.

use std::collections::{BTreeMap, VecDeque};

use hitless_admin::{Accepted, Answer, AnswerLine, ChangeRow, Code, MAX_SUBMIT, Notice, Role, Submit};

use super::{Observer, Wait};

/// Ids of submits are given by the client: 1, 2, ... So the oldest unanswered one is the next to be answered.
#[derive(Debug)]
pub struct Ledger {
    wait: Wait,
    /// Not sent over this connection yet.
    unsent: VecDeque<ChangeRow>,
    /// Sent, not answered.
    sent: VecDeque<Vec<ChangeRow>>,
    /// Accepted, not safe: per process in order of their positions.
    accepted: BTreeMap<u16, Lane>,
    /// Changes that have completed, for ever.
    completed: u64,
}

#[derive(Debug, Default)]
struct Lane {
    /// Position and change; ascending.
    ops: VecDeque<(u64, ChangeRow)>,
    /// So many of `ops`, from the first, are programmed.
    programmed: usize,
    /// The newest watermarks of this connection: `(programmed, safe)`.
    marks: (u64, u64),
}

impl Ledger {
    /// Of nothing yet.
    #[must_use]
    pub fn new(wait: Wait) -> Self {
        Self { wait, unsent: VecDeque::new(), sent: VecDeque::new(), accepted: BTreeMap::new(), completed: 0 }
    }

    /// Takes changes that are to be submitted.
    pub fn push(&mut self, rows: Vec<ChangeRow>) {
        self.unsent.extend(rows);
    }

    /// Whether there is something for [`Self::next_submit`].
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Changes that are not safe.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.unsent.len()
            + self.sent.iter().map(Vec::len).sum::<usize>()
            + self.accepted.values().map(|lane| lane.ops.len()).sum::<usize>()
    }

    /// Rises whenever a change is programmed or safe. That it is accepted is no progress: a primary that is cut off from
    /// its cards accepts until it is full.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// Nothing is waited for.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.under_way() == 0
    }

    /// Everything is as far as was asked for.
    #[must_use]
    pub fn done(&self) -> bool {
        self.unsent.is_empty()
            && self.sent.is_empty()
            && self.accepted.values().all(|lane| match self.wait {
                Wait::Safe => lane.ops.is_empty(),
                Wait::Programmed => lane.programmed == lane.ops.len(),
            })
    }

    /// A new connection: all that is not safe is to be sent again, in the old order. Returns how many that are.
    pub fn begin_again(&mut self) -> usize {
        let mut again: VecDeque<ChangeRow> = VecDeque::new();
        for lane in std::mem::take(&mut self.accepted).into_values() {
            again.extend(lane.ops.into_iter().map(|(_, row)| row));
        }
        again.extend(std::mem::take(&mut self.sent).into_iter().flatten());
        let count = again.len();
        again.append(&mut self.unsent);
        self.unsent = again;
        count
    }

    /// The next batch, to be sent now.
    pub fn next_submit(&mut self) -> Submit {
        let count = self.unsent.len().min(MAX_SUBMIT);
        let changes: Vec<ChangeRow> = self.unsent.drain(..count).collect();
        self.sent.push_back(changes.clone());
        Submit { changes, lines: Vec::new() }
    }

    /// Takes a line of the primary; `false`: it is not the primary (of `epoch`) any more.
    pub fn take(&mut self, line: AnswerLine, epoch: u32, observer: &mut impl Observer) -> bool {
        if let Some(error) = line.error {
            if error.code != Code::NotPrimary {
                tracing::warn!(%error, "the primary refused a submit");
            }
            return false;
        }
        match (line.answer, line.notice) {
            (Some(Answer::Accepted(accepted)), _) => self.accept(&accepted, epoch, observer),
            (_, Some(notice)) => self.notice(notice, epoch, observer),
            (_, None) => true,
        }
    }

    fn accept(&mut self, accepted: &Accepted, epoch: u32, observer: &mut impl Observer) -> bool {
        let Some(rows) = self.sent.pop_front() else {
            return false;
        };
        // Another epoch: some of what was accepted before may be rolled back without a word.
        let same_epoch = accepted.ranges.iter().all(|range| range.1 == epoch);
        let mut positions: BTreeMap<u16, VecDeque<(u64, u64)>> = BTreeMap::new();
        for (process, _, first, count) in &accepted.ranges {
            positions.entry(*process).or_default().push_back((*first, *count));
        }
        let mut refused = accepted.rejected.iter().peekable();
        for (index, row) in rows.into_iter().enumerate() {
            if let Some(rejected) = refused.next_if(|rejected| rejected.index == index) {
                observer.rejected(&row, &rejected.reason);
                continue;
            }
            let lane = self.accepted.entry(row.0).or_default();
            let seq = positions.get_mut(&row.0).and_then(next_position);
            // Without a position nothing will be said of it: submit it again on a new connection.
            lane.ops.push_back((seq.unwrap_or(u64::MAX), row));
        }
        let issued = accepted.ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(range.3));
        observer.accepted(usize::try_from(issued).unwrap_or(usize::MAX));
        for process in positions.keys() {
            self.advance(*process, observer);
        }
        same_epoch
    }

    fn notice(&mut self, notice: Notice, epoch: u32, observer: &mut impl Observer) -> bool {
        match notice {
            Notice::Completed { process, programmed, safe } => {
                let lane = self.accepted.entry(process).or_default();
                lane.marks = (lane.marks.0.max(programmed), lane.marks.1.max(safe));
                self.advance(process, observer);
                true
            }
            Notice::Failed { process, card, key, reason, .. } => {
                observer.failed(process, card, &key, &reason);
                true
            }
            Notice::Role { role, epoch: now, .. } => {
                now == epoch && (role == Role::Primary || role == Role::HandingOver)
            }
            Notice::Lagged { .. } => false,
            Notice::Cured { .. } | Notice::Takeover(_) | Notice::Event { .. } => true,
        }
    }

    fn advance(&mut self, process: u16, observer: &mut impl Observer) {
        let Some(lane) = self.accepted.get_mut(&process) else {
            return;
        };
        let (programmed, safe) = lane.marks;
        let reached = lane.ops.partition_point(|(seq, _)| *seq <= programmed);
        if reached > lane.programmed {
            observer.programmed(reached - lane.programmed);
            self.completed += (reached - lane.programmed) as u64;
            lane.programmed = reached;
        }
        let safe = lane.ops.partition_point(|(seq, _)| *seq <= safe);
        lane.programmed = lane.programmed.saturating_sub(safe);
        self.completed += safe as u64;
        for (_, row) in lane.ops.drain(..safe) {
            observer.safe(&row);
        }
    }
}

fn next_position(ranges: &mut VecDeque<(u64, u64)>) -> Option<u64> {
    while let Some((first, count)) = ranges.front_mut() {
        if *count > 0 {
            let position = *first;
            *first = first.saturating_add(1);
            *count -= 1;
            return Some(position);
        }
        ranges.pop_front();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use hitless_admin::{Bytes, Rejected};

    #[derive(Default)]
    struct Heard {
        safe: Vec<u8>,
        programmed: usize,
        rejected: Vec<u8>,
    }

    impl Observer for Heard {
        fn submitted(&mut self, _: &ChangeRow) {}
        fn accepted(&mut self, _: usize) {}
        fn programmed(&mut self, count: usize) {
            self.programmed += count;
        }
        fn safe(&mut self, row: &ChangeRow) {
            self.safe.push(row.1.0[0]);
        }
        fn rejected(&mut self, row: &ChangeRow, _: &str) {
            self.rejected.push(row.1.0[0]);
        }
        fn failed(&mut self, _: u16, _: u16, _: &Bytes, _: &str) {}
        fn connected(&mut self, _: u8, _: u32, _: usize) {}
    }

    fn rows(keys: &[u8]) -> Vec<ChangeRow> {
        keys.iter().map(|key| ChangeRow(1, Bytes(vec![*key]), None, None, None)).collect()
    }

    fn accepted(epoch: u32, first: u64, count: u64) -> AnswerLine {
        let accepted = Accepted { ranges: vec![(1, epoch, first, count)], rejected: Vec::new() };
        AnswerLine::answer(1, Answer::Accepted(accepted))
    }

    fn completed(programmed: u64, safe: u64) -> AnswerLine {
        AnswerLine::notice(1, Notice::Completed { process: 1, programmed, safe })
    }

    #[test]
    fn what_was_not_safe_is_sent_again_in_order() {
        let mut ledger = Ledger::new(Wait::Safe);
        let mut heard = Heard::default();
        ledger.push(rows(&[1, 2, 3]));
        let _ = ledger.next_submit();
        assert!(ledger.take(accepted(7, 10, 3), 7, &mut heard));
        assert!(ledger.take(completed(12, 10), 7, &mut heard));
        ledger.push(rows(&[4]));
        let _ = ledger.next_submit();
        ledger.push(rows(&[5]));
        assert_eq!(ledger.begin_again(), 3);
        let keys: Vec<u8> = ledger.next_submit().changes.iter().map(|row| row.1.0[0]).collect();
        assert_eq!((keys, heard.safe, heard.programmed), (vec![2, 3, 4, 5], vec![1], 3));
    }

    #[test]
    fn a_watermark_that_comes_before_the_answer_counts() {
        let mut ledger = Ledger::new(Wait::Safe);
        let mut heard = Heard::default();
        ledger.push(rows(&[1]));
        let _ = ledger.next_submit();
        assert!(ledger.take(completed(10, 10), 7, &mut heard));
        assert!(!ledger.done());
        assert!(ledger.take(accepted(7, 10, 1), 7, &mut heard));
        assert!(ledger.done());
    }

    #[test]
    fn an_answer_of_another_epoch_ends_the_connection() {
        let mut ledger = Ledger::new(Wait::Safe);
        let mut heard = Heard::default();
        ledger.push(rows(&[1]));
        let _ = ledger.next_submit();
        assert!(!ledger.take(accepted(8, 10, 1), 7, &mut heard));
        assert_eq!(ledger.begin_again(), 1);
    }

    #[test]
    fn positions_beyond_the_last_number_cost_nothing_but_their_completion() {
        let mut ledger = Ledger::new(Wait::Safe);
        let mut heard = Heard::default();
        ledger.push(rows(&[1, 2]));
        let _ = ledger.next_submit();
        let ranges = vec![(1, 7, u64::MAX, u64::MAX), (1, 7, 0, u64::MAX)];
        let answer = Answer::Accepted(Accepted { ranges, rejected: Vec::new() });
        assert!(ledger.take(AnswerLine::answer(1, answer), 7, &mut heard));
        assert_eq!((heard.safe, ledger.under_way()), (vec![], 2));
    }

    #[test]
    fn a_rejected_change_takes_no_position() {
        let mut ledger = Ledger::new(Wait::Safe);
        let mut heard = Heard::default();
        ledger.push(rows(&[1, 2, 3]));
        let _ = ledger.next_submit();
        let answer = Accepted {
            ranges: vec![(1, 7, 10, 2)],
            rejected: vec![Rejected { index: 1, reason: "host bits".to_owned() }],
        };
        assert!(ledger.take(AnswerLine::answer(1, Answer::Accepted(answer)), 7, &mut heard));
        assert!(ledger.take(completed(10, 10), 7, &mut heard));
        assert_eq!((heard.safe, heard.rejected, ledger.under_way()), (vec![1], vec![2], 1));
    }
}
