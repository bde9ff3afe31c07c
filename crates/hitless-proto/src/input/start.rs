//! The first line of a recording: all that a core was started with.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::LineError;
use super::code::{join, numbers, party};
use super::line::{Line, LineWriter};
use crate::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use crate::ids::{CardId, Life, Party, ProcessId, Time, UnitId};
use crate::io::Durable;
use crate::wire;

/// Raised when lines change.
const VERSION: u64 = 1;

/// What a core was started with, so that it can be started again the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyStart {
    /// The chassis.
    pub chassis: Chassis,
    /// Who was started.
    pub party: Party,
    /// Its processes.
    pub processes: Vec<ProcessId>,
    /// Its life.
    pub life: Life,
    /// What it remembered.
    pub durable: Durable,
    /// The seed of a unit (in the low half), or the secret of a card.
    pub entropy: u128,
    /// The `now` it was started with.
    pub now: Time,
}

impl PartyStart {
    /// As one line, without the line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let chassis = &self.chassis;
        let mut line = LineWriter::new();
        line.text("kind", "start").number("version", VERSION).number("at", self.now.0);
        line.text("party", &self.party.to_string()).number("life", self.life.0);
        line.text("processes", &join(self.processes.iter().map(|process| u64::from(process.0))));
        line.bytes("durable", &wire::encode_durable(&self.durable));
        line.bytes("entropy", &self.entropy.to_be_bytes());
        line.text("chassis", &chassis.name).bytes("digest_key", &chassis.digest_key.to_be_bytes());
        line.text("units", &join(chassis.units.iter().map(|unit| u64::from(unit.0))));
        line.text("cards", &join(chassis.cards.iter().map(|card| u64::from(card.0))));
        line.text("arbiter", &arbiter_text(&chassis.arbiter));
        line.text(
            "ack_path",
            match chassis.ack_path {
                AckPath::Direct => "direct",
                AckPath::Relayed => "relayed",
            },
        );
        line.text(
            "output_rule",
            match chassis.output_rule {
                OutputRule::Parallel => "parallel",
                OutputRule::Gated => "gated",
            },
        );
        let Timing { campaign, ack_overdue, retry, evict, audit, switchover } = chassis.timing;
        line.text("timing", &join([campaign, ack_overdue, retry, evict, audit, switchover].into_iter()));
        line.finish()
    }

    /// Reads a line that [`Self::to_line`] wrote.
    ///
    /// # Errors
    /// What is wrong with it, by field or column.
    pub fn from_line(text: &str) -> Result<Self, LineError> {
        let line = Line::parse(text)?;
        if line.text("kind")? != "start" {
            return Err(LineError::Invalid("kind", "\"start\": the first line of a recording"));
        }
        match line.number("version")? {
            VERSION => {}
            newer => return Err(LineError::Version(newer)),
        }
        let durable = wire::decode_durable(&line.bytes("durable")?);
        Ok(Self {
            chassis: take_chassis(&line)?,
            party: party(line.text("party")?).ok_or(LineError::Invalid("party", "unit-N or card-N"))?,
            processes: ids(&line, "processes")?.into_iter().map(ProcessId).collect(),
            life: Life(line.number("life")?),
            durable: durable.map_err(|_| LineError::Invalid("durable", "a durable state"))?,
            entropy: line.wide("entropy")?,
            now: Time(line.number("at")?),
        })
    }
}

fn take_chassis(line: &Line) -> Result<Chassis, LineError> {
    let ack_path = match line.text("ack_path")? {
        "direct" => AckPath::Direct,
        "relayed" => AckPath::Relayed,
        _unknown => return Err(LineError::Invalid("ack_path", "an ack path")),
    };
    let output_rule = match line.text("output_rule")? {
        "parallel" => OutputRule::Parallel,
        "gated" => OutputRule::Gated,
        _unknown => return Err(LineError::Invalid("output_rule", "an output rule")),
    };
    let periods: Option<[u64; 6]> = numbers(line.text("timing")?).and_then(|list| list.try_into().ok());
    let [campaign, ack_overdue, retry, evict, audit, switchover] =
        periods.ok_or(LineError::Invalid("timing", "six periods"))?;
    Ok(Chassis {
        name: line.text("chassis")?.to_string(),
        digest_key: line.wide("digest_key")?,
        units: ids(line, "units")?.into_iter().map(UnitId).collect(),
        cards: ids(line, "cards")?.into_iter().map(CardId).collect(),
        arbiter: take_arbiter(line.text("arbiter")?)?,
        ack_path,
        output_rule,
        timing: Timing { campaign, ack_overdue, retry, evict, audit, switchover },
    })
}

fn ids<T: core::str::FromStr>(line: &Line, name: &'static str) -> Result<Vec<T>, LineError> {
    numbers(line.text(name)?).ok_or(LineError::Invalid(name, "numbers"))
}

fn arbiter_text(arbiter: &ArbiterKind) -> String {
    match arbiter {
        ArbiterKind::External => "external".to_string(),
        ArbiterKind::Voters(voters) => {
            let names: Vec<String> = voters.iter().map(ToString::to_string).collect();
            names.join(",")
        }
    }
}

fn take_arbiter(text: &str) -> Result<ArbiterKind, LineError> {
    if text == "external" {
        return Ok(ArbiterKind::External);
    }
    let voters: Option<Vec<Party>> = text.split(',').map(party).collect();
    voters.map(ArbiterKind::Voters).ok_or(LineError::Invalid("arbiter", "\"external\" or voters"))
}
