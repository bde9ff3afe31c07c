//! Keys and card parts of `fib`: as bytes from a peer, as text from a person, and in the memory forwarding table.

use hitless_adapters::memory::MemoryTable;
use hitless_proto::entry::{Audience, Blob, Change, Content};
use hitless_proto::io::Write;
use hitless_proto::process::Process;
use hitless_proto::process::fib::{Fib, FibKey, ID, NextHop, Route};
use hitless_runtime::ForwardingTable;

use crate::budget::Budget;
use crate::choices::Choices;

/// A group's member is 6 bytes, and 8 in memory; nodes of a prefix tree and a map have some hundred bytes for keys of two.
const BUDGET: Budget = Budget { base: 32 * 1024, per_byte: 512 };

/// Writes: a flag and a length before each key and each part.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let mut choices = Choices::new(input);
        let mut table = MemoryTable::default();
        while !choices.is_empty() {
            let is_text = choices.byte() & 1 != 0;
            let (key, part) = (choices.some(48), choices.some(200));
            if is_text {
                text(key, part);
            } else {
                bytes(key, part);
                write(&mut table, key, part);
            }
        }
    });
}

fn bytes(key: &[u8], part: &[u8]) {
    let decoded = FibKey::decode(key);
    if let Ok(decoded) = &decoded {
        assert_eq!(&*decoded.encode(), key, "two encodings");
        assert_eq!(decoded.to_string().parse().as_ref(), Ok(decoded), "it is shown as {decoded}");
    }
    if let Ok(route) = Route::decode(part) {
        assert_eq!(&*route.encode(), part, "two encodings");
    }
    if let Ok(next_hop) = NextHop::decode(part) {
        assert_eq!(&*next_hop.encode(), part, "two encodings");
        assert_eq!(next_hop.to_string().parse(), Ok(next_hop));
    }
    assert!(Fib.rank(key) < Fib.ranks());
    let content = Content { audience: Audience::All, card_part: part.into(), standby_part: None };
    let valid = Fib.validate(&Change { key: key.into(), content: Some(content) });
    assert!(valid.is_err() || decoded.is_ok(), "a change of no key is valid");
}

fn text(key: &[u8], part: &[u8]) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    if let Ok(key) = text(key).parse::<FibKey>() {
        assert_eq!(FibKey::decode(&key.encode()), Ok(key));
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(next_hop) = text(part).parse::<NextHop>() {
        assert_eq!(NextHop::decode(&next_hop.encode()), Ok(next_hop));
    }
}

/// What was written is read back; what was refused changed nothing.
fn write(table: &mut MemoryTable, key: &[u8], part: &[u8]) {
    let key = Blob::new(key);
    let part = (!part.is_empty()).then(|| Blob::new(part));
    let before = held(table, &key);
    let outcomes = table.apply(ID, &[Write { key: key.clone(), part: part.clone() }]);
    let [outcome] = &outcomes[..] else { panic!("{} outcomes of one write", outcomes.len()) };
    let expected = if outcome.is_ok() { part } else { before };
    assert_eq!(held(table, &key), expected, "{outcome:?}");
}

fn held(table: &mut MemoryTable, key: &Blob) -> Option<Blob> {
    let entries = table.dump(ID).unwrap_or_default();
    assert_eq!(entries.len(), table.len());
    entries.into_iter().find(|(of, _)| of == key).map(|(_, part)| part)
}
