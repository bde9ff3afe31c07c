//! What zebra says by FPM, and all that happens around it: sessions begin and end, changes are submitted and refused, the role
//! comes and goes, cards refuse and are cured, interfaces come up, time passes.

use std::collections::BTreeMap;

use hitless_adapters::fpm::{
    DeviceNames, FpmSettings, FpmSource, FrameReader, Messages, decode, examine, frame_of,
};
use hitless_adapters::memory::MemoryTable;
use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::error::SubmitError;
use hitless_proto::ids::{CardId, Epoch, Seq, Time, Version};
use hitless_proto::io::Write;
use hitless_proto::process::Process;
use hitless_proto::process::fib::{Device, Fib, FibKey, ID, NextHop};
use hitless_runtime::ForwardingTable;

use crate::budget::Budget;
use crate::choices::Choices;

/// A route of 36 bytes is in a view, in two queues, in a batch, in the core and in a card, some 2 kB with all maps; a member of
/// a group has 8 bytes, and is in sets of both directions.
const BUDGET: Budget = Budget { base: 256 * 1024, per_byte: 1024 };
/// Bytes of one piece of a session.
const PIECE: usize = 240;
/// Batches that may follow one another when nothing happens: an input has no more changes than fill one, and deletes of next
/// hops come behind those of what uses them.
const BATCHES: usize = 16;
/// Interfaces that can be there, by number from 1.
const INTERFACES: [&str; 6] = ["v2", "v1", "v0", "w1", "w0", "x"];

/// The first byte chooses the settings; each of the others begins an action. The bytes are read as a stream too.
pub fn run(input: &[u8]) {
    BUDGET.watch(input, |input| {
        let found = examine(input);
        assert!(found.frames <= input.len() / 4);
        let mut choices = Choices::new(input);
        let mut bench = Bench::new(choices.byte());
        while !choices.is_empty() {
            bench.act(&mut choices);
        }
        bench.settle();
    });
}

/// The interfaces that are there, a bit for each.
struct Names(u8);

impl DeviceNames for Names {
    fn name(&mut self, index: u32) -> Option<Device> {
        let at = usize::try_from(index).ok()?.checked_sub(1)?;
        let name = INTERFACES.get(at).filter(|_| self.0 >> at & 1 != 0)?;
        Some(name.parse().expect("a name"))
    }
}

/// The source, a core that holds what it submits, and a card.
struct Bench {
    source: FpmSource,
    names: Names,
    reader: FrameReader,
    live: bool,
    primary: bool,
    held: BTreeMap<Blob, (Version, Content)>,
    /// Takes every write in the order given; `None`: the core refused a change, so that later ones may lean on nothing.
    card: Option<MemoryTable>,
    /// The batch that the core has.
    batch: Option<Vec<Change>>,
    seq: u64,
    now: Time,
}

impl Bench {
    fn new(flags: u8) -> Self {
        let flag = |bit: u8| flags >> bit & 1 != 0;
        let sentinel = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128".parse().ok().filter(|_| flag(0));
        let settings = FpmSettings {
            sentinel,
            quiet: if flag(1) { 0 } else { 1_000_000 },
            last_resort: if flag(2) { 5_000_000 } else { 0 },
            connected: flag(3),
            kernel: flag(4),
            devices: !flag(5),
            answers: !flag(6),
        };
        Self {
            source: FpmSource::new(settings),
            names: Names(0x1f),
            reader: FrameReader::default(),
            live: false,
            primary: false,
            held: BTreeMap::new(),
            card: Some(MemoryTable::default()),
            batch: None,
            seq: 0,
            now: Time(1),
        }
    }

    fn act(&mut self, choices: &mut Choices<'_>) {
        match choices.byte() {
            0..=99 => {
                let frame = frame_of(choices.some(PIECE)).expect("a piece fits a frame");
                self.feed(&frame);
            }
            100..=109 => self.feed(choices.some(PIECE)),
            110..=149 => self.submit(0),
            150..=154 => self.submit(choices.byte()),
            155..=164 => self.take_batch(),
            165..=174 => self.source.handle_completed(self.seq.saturating_sub(choices.byte().into())),
            175..=189 => self.refuse_or_cure(choices),
            190..=199 => self.wait(1 << choices.below(26)),
            200..=204 => drop(self.source.sweep(choices.byte() & 1 != 0)),
            205..=214 => self.begin_session(),
            215..=219 => self.end_session(),
            220..=229 => self.become_primary(),
            230..=234 => self.give_up_role(),
            235..=239 => self.names.0 = choices.byte(),
            240..=244 => self.write_as_another(choices.byte().into()),
            245..=255 => self.take_answers(choices.byte().into()),
        }
    }

    fn begin_session(&mut self) {
        self.reader = FrameReader::default();
        self.live = true;
        self.source.handle_session(self.now);
    }

    fn end_session(&mut self) {
        self.live = false;
        self.source.handle_session_end();
    }

    fn feed(&mut self, bytes: &[u8]) {
        if !self.live {
            return;
        }
        self.reader.push(bytes);
        loop {
            match self.reader.next_frame() {
                Ok(Some(frame)) => {
                    let most = frame.payload.len() as u64;
                    let refused = self.source.handle_frame(&frame, self.now, &mut self.names);
                    assert!(refused <= most, "{refused} messages refused in {most} bytes");
                    assert!(refused == 0 || self.source.last_refusal().is_some_and(|why| why.len() < 2000));
                }
                Ok(None) => return,
                // As the driver does.
                Err(error) => {
                    self.source.handle_refused(error.to_string());
                    return self.end_session();
                }
            }
        }
    }

    fn become_primary(&mut self) {
        (self.primary, self.batch) = (true, None);
        let entries =
            self.held.iter().map(|(key, (version, content))| (key.clone(), *version, content.clone()));
        self.source.handle_primary(entries, self.seq, self.now, &mut self.names);
    }

    fn give_up_role(&mut self) {
        (self.primary, self.batch) = (false, None);
        self.source.handle_not_primary();
        assert!(self.source.next_batch().is_none(), "a unit that is not primary submits");
    }

    /// Another source has an entry: nothing of this one may take its id.
    fn write_as_another(&mut self, low: u32) {
        if self.primary {
            return;
        }
        let (key, part) = (FibKey::NextHop(1 << 30 | low).encode(), NextHop::Blackhole.encode());
        if self.held.contains_key(&key) {
            return;
        }
        if let Some(card) = &mut self.card {
            let outcomes = card.apply(ID, &[Write { key: key.clone(), part: Some(part.clone()) }]);
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        let audience = hitless_proto::entry::Audience::All;
        let content = Content { audience, card_part: part, standby_part: None };
        let version = self.version();
        self.held.insert(key, (version, content));
    }

    fn version(&mut self) -> Version {
        self.seq += 1;
        Version { epoch: Epoch(1), seq: Seq(self.seq) }
    }

    fn take_batch(&mut self) {
        if self.batch.is_none() {
            self.batch = self.source.next_batch();
            assert!(self.batch.is_none() || self.primary, "a unit that is not primary submits");
        }
    }

    /// The core takes the batch, but for the changes whose bits are set.
    fn submit(&mut self, refused: u8) {
        self.take_batch();
        let Some(changes) = self.batch.take() else { return };
        let mut outcomes = Vec::with_capacity(changes.len());
        for (at, change) in changes.into_iter().enumerate() {
            assert_eq!(Fib.validate(&change), Ok(()), "{change:?}");
            if at < 8 && refused >> at & 1 != 0 {
                self.card = None;
                let busy = at & 1 == 0;
                outcomes.push(Err(if busy {
                    SubmitError::Busy
                } else {
                    SubmitError::Invalid("no".to_owned())
                }));
                continue;
            }
            outcomes.push(Ok(self.write(change)));
        }
        assert!(self.source.handle_submitted(&outcomes));
    }

    fn write(&mut self, change: Change) -> Version {
        let Change { key, content } = change;
        if let Some(card) = &mut self.card {
            let part = content.as_ref().map(|content| content.card_part.clone());
            let outcomes = card.apply(ID, &[Write { key: key.clone(), part }]);
            assert_eq!(outcomes, [Ok(())], "{:?}", FibKey::decode(&key));
        }
        let version = self.version();
        match content {
            Some(content) => self.held.insert(key, (version, content)),
            None => self.held.remove(&key),
        };
        version
    }

    fn refuse_or_cure(&mut self, choices: &mut Choices<'_>) {
        let (what, at) = (choices.byte(), usize::from(choices.byte()));
        let card = CardId(1 + u16::from(what & 1));
        let Some(key) = self.held.keys().nth(at % self.held.len().max(1)) else { return };
        if what & 2 == 0 {
            self.source.handle_failed(key, card);
        } else {
            self.source.handle_cured(key, card);
        }
    }

    /// What was due must not be due again.
    fn wait(&mut self, micros: u64) {
        self.now = self.now.after(micros);
        if self.source.next_timeout().is_some_and(|due| due <= self.now) {
            self.source.handle_timeout(self.now, &mut self.names);
            assert!(self.source.next_timeout().is_none_or(|due| due > self.now), "a timeout is due again");
        }
    }

    /// What zebra is told is what it could have said itself.
    fn take_answers(&mut self, limit: usize) {
        let answers = self.source.next_answers(limit);
        assert!(answers.is_empty() || self.live, "answers without a session");
        let mut reader = FrameReader::default();
        reader.push(&answers);
        while let Some(frame) = reader.next_frame().expect("a frame") {
            for message in Messages::of(frame.payload) {
                let message = message.expect("a message");
                assert_eq!(message.kind, 24, "it is no route");
                drop(decode(&message));
            }
        }
    }

    /// With all submitted nothing is left to compare, and the card has what the core has.
    fn settle(&mut self) {
        for batches in 0.. {
            self.take_batch();
            if self.batch.is_none() {
                break;
            }
            assert!(batches < BATCHES, "no end of batches");
            self.submit(0);
        }
        self.take_answers(usize::MAX);
        let status = self.source.status();
        assert!(status.held <= self.held.len() as u64, "{status:?}");
        if self.primary {
            assert_eq!(status.pending, 0, "{status:?}");
        }
        if let Some(card) = &self.card {
            assert_eq!(card.len(), self.held.len(), "{status:?}");
        }
    }
}
