//! What the targets of sources share: reading one to its end, and what holds of all that it gives.

use std::io::Cursor;

use hitless_adapters::source::Input;
use hitless_proto::limits::{MAX_KEY, MAX_PART};
use hitless_proto::process::{Process, fib, table};
use hitless_runtime::source::{BadInput, Source, SourceItem};

/// The input of a source; `None`: it is packed. What is unpacked has no bound by its length, and the target `packed`.
pub(super) fn input_of(bytes: &[u8]) -> Option<Input> {
    let mut input = Input::new(Cursor::new(bytes.to_vec())).ok()?;
    let plain = input.peek().is_ok_and(|first| bytes.starts_with(first));
    plain.then_some(input)
}

/// Reads up to `most` items. What is good must be a change that its process takes; what is bad has a place and a reason,
/// and nothing follows what is fatal.
pub(super) fn drain(source: &mut dyn Source, most: usize) {
    let mut ended = false;
    for _ in 0..most {
        match source.next() {
            None => {
                assert!(source.next().is_none(), "it goes on after its end");
                ended = true;
                break;
            }
            Some(Ok(item)) => good(&item),
            Some(Err(BadInput { place, reason, fatal })) => {
                assert!(!place.is_empty() && !reason.is_empty());
                assert!(reason.len() < 2000, "a reason of {} bytes", reason.len());
                if fatal {
                    assert!(source.next().is_none(), "it goes on after a fatal error");
                    ended = true;
                    break;
                }
            }
        }
    }
    assert!(ended, "no end after {most} items");
    assert!(!source.describe().is_empty());
}

fn good(item: &SourceItem) {
    let change = &item.change;
    let valid = match item.process {
        fib::ID => fib::Fib.validate(change),
        table::ID => table::Table.validate(change),
        other => Err(format!("{other} is in no box")),
    };
    assert_eq!(valid, Ok(()), "{change:?}");
    assert!(!change.key.is_empty() && change.key.len() <= MAX_KEY);
    if let Some(content) = &change.content {
        assert!(content.card_part.len() <= MAX_PART);
        assert!(content.standby_part.as_ref().is_none_or(|part| part.len() <= MAX_PART));
    }
}
