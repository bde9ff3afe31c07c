//! What a source believes of a primary's answers: whatever it is told, no change is lost and none is told twice.

use hitless::feed::ledger::Ledger;
use hitless::feed::{Observer, Wait};
use hitless_admin::{AnswerLine, Bytes, ChangeRow};

use crate::budget::Budget;

/// A line `+` makes eight changes of 120 bytes, held up to three times in queues that grow by doubling; a range of four
/// numbers takes 24 bytes for 10, a `rejected` some more.
const BUDGET: Budget = Budget { base: 64 * 1024, per_byte: 4096 };
/// The epoch of the connection.
const EPOCH: u32 = 7;
/// Changes that a line makes.
const PUSHED: u16 = 8;

/// Lines: `+` are new changes, `>` a submit, `!` another connection; all else is an answer.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let mut ledger = Ledger::new(if input.len() % 2 == 0 { Wait::Safe } else { Wait::Programmed });
        let (mut heard, mut pushed) = (Heard::default(), 0_usize);
        for line in input.split(|byte| *byte == b'\n') {
            match line {
                b"+" => {
                    ledger.push((0..PUSHED).map(|key| row(key % 2, key as u8)).collect());
                    pushed += usize::from(PUSHED);
                }
                b">" => drop(ledger.next_submit()),
                b"!" => assert!(ledger.begin_again() <= pushed),
                line => {
                    let Ok(answer) = serde_json::from_slice::<AnswerLine>(line) else { continue };
                    if !ledger.take(answer, EPOCH, &mut heard) {
                        ledger.begin_again();
                    }
                }
            }
            assert_eq!(ledger.under_way() + heard.ended, pushed, "a change is lost, or told twice");
            assert_eq!(ledger.idle(), ledger.under_way() == 0);
            assert_eq!(ledger.completed(), heard.told);
        }
    });
}

fn row(process: u16, key: u8) -> ChangeRow {
    ChangeRow(process, Bytes(vec![key]), None, None, None)
}

#[derive(Default)]
struct Heard {
    /// Changes that are safe or rejected.
    ended: usize,
    /// Tellings that a change is safe or programmed.
    told: u64,
}

impl Observer for Heard {
    fn submitted(&mut self, _: &ChangeRow) {}

    fn accepted(&mut self, _: usize) {}

    fn programmed(&mut self, count: usize) {
        self.told += count as u64;
    }

    fn safe(&mut self, _: &ChangeRow) {
        self.ended += 1;
        self.told += 1;
    }

    fn rejected(&mut self, _: &ChangeRow, _: &str) {
        self.ended += 1;
    }

    fn failed(&mut self, _: u16, _: u16, _: &Bytes, _: &str) {}

    fn connected(&mut self, _: u8, _: u32, _: usize) {}
}
