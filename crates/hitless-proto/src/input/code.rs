//! Inputs as lines, and back.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::line::{Line, LineError, LineWriter, put_hex, take_hex};
use super::{Input, Recorded};
use crate::arbiter::Record;
use crate::entry::{Audience, Blob, Change, Content};
use crate::ids::{CardId, Epoch, Life, Party, ProcessId, Seq, Time, UnitId, Version};
use crate::io::{Outcome, Verdict};
use crate::kept::{KeptAt, KeptEntry};
use crate::wire;

/// Outcomes in one line: far more than a batch has, and still small.
const MAX_OUTCOMES: usize = crate::limits::BATCH_OPS * 64;

impl Input {
    /// As one line, without the line end; `at` is the `now` it is applied with.
    #[must_use]
    pub fn to_line(&self, at: Time) -> String {
        let mut line = LineWriter::new();
        line.number("at", at.0);
        put_input(self, &mut line);
        line.finish()
    }
}

impl Recorded {
    /// As one line, without the line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        self.input.to_line(self.at)
    }

    /// Reads a line that [`Self::to_line`] wrote.
    ///
    /// # Errors
    /// What is wrong with it, by field or column.
    pub fn from_line(text: &str) -> Result<Self, LineError> {
        let line = Line::parse(text)?;
        Ok(Self { at: Time(line.number("at")?), input: take_input(&line)? })
    }
}

fn put_input(input: &Input, line: &mut LineWriter) {
    match input {
        Input::Connected { peer, life } => {
            line.text("kind", "connected").text("peer", &peer.to_string()).number("life", life.0);
        }
        Input::Disconnected { peer } => {
            line.text("kind", "disconnected").text("peer", &peer.to_string());
        }
        Input::Message { from, message } => {
            line.text("kind", "message")
                .text("from", &from.to_string())
                .bytes("body", &wire::encode(message));
        }
        Input::Persisted { token } => {
            line.text("kind", "persisted").number("token", *token);
        }
        Input::PersistFailed { token } => {
            line.text("kind", "persist-failed").number("token", *token);
        }
        Input::Verdict(verdict) => put_verdict(verdict, line.text("kind", "verdict")),
        Input::Applied { process, batch, outcomes } => {
            line.text("kind", "applied").number("process", process.0.into()).number("batch", *batch);
            line.text("outcomes", &outcomes_text(outcomes));
        }
        Input::Found { process, key, part } => {
            line.text("kind", "found").number("process", process.0.into()).bytes("key", key);
            if let Some(part) = part {
                line.bytes("part", part);
            }
        }
        Input::Curable { process } => {
            line.text("kind", "curable").number("process", process.0.into());
        }
        Input::Adopt { process, entries } => {
            line.text("kind", "adopt").number("process", process.0.into()).text("entries", &pairs(entries));
        }
        Input::Restore { process, at, entries } => {
            line.text("kind", "restore").number("process", process.0.into());
            line.number("epoch", at.version.epoch.0.into()).number("seq", at.version.seq.0);
            line.text("in_step", &join(at.in_step.iter().map(|card| u64::from(card.0))));
            let entries = entries.iter().map(|(key, version, content)| {
                (key.clone(), Blob::new(&wire::encode_kept(*version, content)))
            });
            line.text("entries", &pairs(&entries.collect::<Vec<_>>()));
        }
        Input::Submit { process, change } => {
            line.text("kind", "submit").number("process", process.0.into());
            put_change(change, line);
        }
        Input::BeginSwitchover { to } => {
            line.text("kind", "begin-switchover").number("to", to.map_or(0, |unit| unit.0.into()));
        }
        Input::Forgo { party } => {
            line.text("kind", "forgo").text("party", &party.to_string());
        }
        Input::Timeout => {
            line.text("kind", "timeout");
        }
        Input::Drained => {
            line.text("kind", "drained");
        }
    }
}

fn take_input(line: &Line) -> Result<Input, LineError> {
    let process = || line.narrow("process").map(ProcessId);
    Ok(match line.text("kind")? {
        "connected" => Input::Connected { peer: take_party(line, "peer")?, life: Life(line.number("life")?) },
        "disconnected" => Input::Disconnected { peer: take_party(line, "peer")? },
        "message" => {
            let message = wire::decode(&line.bytes("body")?);
            let message =
                message.map_err(|_| LineError::Invalid("body", "a message of this wire version"))?;
            Input::Message { from: take_party(line, "from")?, message }
        }
        "persisted" => Input::Persisted { token: line.number("token")? },
        "persist-failed" => Input::PersistFailed { token: line.number("token")? },
        "verdict" => Input::Verdict(take_verdict(line)?),
        "applied" => {
            let outcomes = take_outcomes(line.text("outcomes")?)?;
            Input::Applied { process: process()?, batch: line.number("batch")?, outcomes }
        }
        "found" => {
            let part = if line.has("part") { Some(line.blob("part")?) } else { None };
            Input::Found { process: process()?, key: line.blob("key")?, part }
        }
        "curable" => Input::Curable { process: process()? },
        "adopt" => Input::Adopt { process: process()?, entries: take_pairs(line.text("entries")?)? },
        "restore" => {
            let version = Version { epoch: Epoch(line.narrow("epoch")?), seq: Seq(line.number("seq")?) };
            let in_step = numbers(line.text("in_step")?).ok_or(LineError::Invalid("in_step", "cards"))?;
            let at = KeptAt { version, in_step: in_step.into_iter().map(CardId).collect() };
            Input::Restore { process: process()?, at, entries: take_kept(line.text("entries")?)? }
        }
        "submit" => Input::Submit { process: process()?, change: take_change(line)? },
        "begin-switchover" => {
            let to = UnitId(line.narrow("to")?);
            Input::BeginSwitchover { to: (to != UnitId(0)).then_some(to) }
        }
        "forgo" => Input::Forgo { party: take_party(line, "party")? },
        "timeout" => Input::Timeout,
        "drained" => Input::Drained,
        _unknown => return Err(LineError::Invalid("kind", "a kind of input")),
    })
}

fn take_party(line: &Line, name: &'static str) -> Result<Party, LineError> {
    party(line.text(name)?).ok_or(LineError::Invalid(name, "unit-N or card-N"))
}

/// `unit-N` or `card-N`.
pub(super) fn party(text: &str) -> Option<Party> {
    let (kind, number) = text.split_once('-')?;
    match kind {
        "unit" => number.parse().ok().map(|id| Party::Unit(UnitId(id))),
        "card" => number.parse().ok().map(|id| Party::Card(CardId(id))),
        _unknown => None,
    }
}

/// `+` for a success, `-` and the reason in hexadecimal for a failure, separated by commas; successes in a row are counted.
fn outcomes_text(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let mut good = 0_usize;
    let flush = |good: &mut usize, text: &mut String| {
        if *good > 0 {
            text.push_str(&format!("+{good},"));
            *good = 0;
        }
    };
    for outcome in outcomes {
        match outcome {
            Ok(()) => good += 1,
            Err(reason) => {
                flush(&mut good, &mut text);
                text.push('-');
                put_hex(reason.as_bytes(), &mut text);
                text.push(',');
            }
        }
    }
    flush(&mut good, &mut text);
    text
}

fn take_outcomes(text: &str) -> Result<Vec<Outcome>, LineError> {
    let invalid = LineError::Invalid("outcomes", "outcomes");
    let mut outcomes = Vec::new();
    for part in text.split_terminator(',') {
        if let Some(count) = part.strip_prefix('+') {
            let count: usize = count.parse().map_err(|_| invalid.clone())?;
            // No batch has more: a damaged line must not cost memory.
            if count > MAX_OUTCOMES.saturating_sub(outcomes.len()) {
                return Err(invalid);
            }
            outcomes.extend(core::iter::repeat_n(Ok(()), count));
        } else {
            let reason =
                part.strip_prefix('-').and_then(take_hex).and_then(|bytes| String::from_utf8(bytes).ok());
            outcomes.push(Err(reason.ok_or_else(|| invalid.clone())?));
        }
    }
    Ok(outcomes)
}

fn pairs(entries: &[(Blob, Blob)]) -> String {
    let mut text = String::new();
    for (key, part) in entries {
        put_hex(key, &mut text);
        text.push('=');
        put_hex(part, &mut text);
        text.push(',');
    }
    text
}

fn take_pairs(text: &str) -> Result<Vec<(Blob, Blob)>, LineError> {
    let pair = |pair: &str| {
        let (key, part) = pair.split_once('=')?;
        Some((Blob::new(&take_hex(key)?), Blob::new(&take_hex(part)?)))
    };
    let entries: Option<Vec<(Blob, Blob)>> = text.split_terminator(',').map(pair).collect();
    entries.ok_or(LineError::Invalid("entries", "pairs of key and part"))
}

fn take_kept(text: &str) -> Result<Vec<KeptEntry>, LineError> {
    let entry = |(key, bytes): (Blob, Blob)| {
        let kept = wire::decode_kept(&bytes);
        let (version, content) = kept.map_err(|_| LineError::Invalid("entries", "kept entries"))?;
        Ok((key, version, content))
    };
    take_pairs(text)?.into_iter().map(entry).collect()
}

fn put_change(change: &Change, line: &mut LineWriter) {
    line.bytes("key", &change.key);
    if let Some(content) = &change.content {
        line.text("audience", &audience_text(&content.audience)).bytes("card_part", &content.card_part);
        if let Some(part) = &content.standby_part {
            line.bytes("standby_part", part);
        }
    }
}

fn take_change(line: &Line) -> Result<Change, LineError> {
    let key = line.blob("key")?;
    if !line.has("card_part") {
        return Ok(Change { key, content: None });
    }
    let standby_part = if line.has("standby_part") { Some(line.blob("standby_part")?) } else { None };
    let audience = take_audience(line.text("audience")?)?;
    Ok(Change { key, content: Some(Content { audience, card_part: line.blob("card_part")?, standby_part }) })
}

fn audience_text(audience: &Audience) -> String {
    match audience {
        Audience::All => "all".to_string(),
        Audience::Cards(cards) => join(cards.iter().map(|card| u64::from(card.0))),
    }
}

fn take_audience(text: &str) -> Result<Audience, LineError> {
    if text == "all" {
        return Ok(Audience::All);
    }
    let cards = numbers::<u16>(text).ok_or(LineError::Invalid("audience", "\"all\" or card numbers"))?;
    Ok(Audience::Cards(cards.into_iter().map(CardId).collect()))
}

/// Numbers, separated by commas.
pub(super) fn join(numbers: impl Iterator<Item = u64>) -> String {
    let mut text = String::new();
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text
}

/// Numbers from [`join`].
pub(super) fn numbers<T: core::str::FromStr>(text: &str) -> Option<Vec<T>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|number| number.parse().ok()).collect()
}

fn put_verdict(verdict: &Verdict, line: &mut LineWriter) {
    let (name, record) = match verdict {
        Verdict::Granted(record) => ("granted", record),
        Verdict::Denied(record) => ("denied", record),
        Verdict::Written(record) => ("written", record),
        Verdict::Superseded(record) => ("superseded", record),
        Verdict::Unavailable(reason) => {
            line.text("verdict", "unavailable").text("reason", reason);
            return;
        }
    };
    line.text("verdict", name)
        .number("epoch", record.epoch.0.into())
        .number("version", record.version.into());
    line.number("owner", record.owner.0.into()).number("opened", record.opened.into());
    let in_sync = record.in_sync.iter().flat_map(|(unit, life)| [u64::from(unit.0), life.0]);
    line.text("in_sync", &join(in_sync));
}

fn take_verdict(line: &Line) -> Result<Verdict, LineError> {
    let name = line.text("verdict")?;
    if name == "unavailable" {
        return Ok(Verdict::Unavailable(line.text("reason")?.to_string()));
    }
    let invalid = LineError::Invalid("in_sync", "pairs of unit and life");
    let flat: Vec<u64> = numbers(line.text("in_sync")?).ok_or_else(|| invalid.clone())?;
    let (members, rest) = flat.as_chunks::<2>();
    let member = |[unit, life]: &[u64; 2]| Some((UnitId(u8::try_from(*unit).ok()?), Life(*life)));
    let in_sync: Option<Vec<(UnitId, Life)>> = members.iter().map(member).collect();
    let record = Record {
        epoch: Epoch(line.narrow("epoch")?),
        version: line.narrow("version")?,
        owner: UnitId(line.narrow("owner")?),
        opened: line.number("opened")? != 0,
        in_sync: in_sync.filter(|_| rest.is_empty()).ok_or(invalid)?,
    };
    match name {
        "granted" => Ok(Verdict::Granted(record)),
        "denied" => Ok(Verdict::Denied(record)),
        "written" => Ok(Verdict::Written(record)),
        "superseded" => Ok(Verdict::Superseded(record)),
        _unknown => Err(LineError::Invalid("verdict", "a verdict")),
    }
}
