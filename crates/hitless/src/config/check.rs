//! What a configuration must fulfil beyond its form.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hitless_proto::config::{AckPath, OutputRule, Timing};
use hitless_proto::ids::{CardId, Party, UnitId};
use hitless_proto::limits::{MAX_CARDS, MAX_CHASSIS_NAME, MAX_UNITS, MAX_VOTERS};
use toml::Spanned;

use super::file::{
    AckPathName, ArbiterName, CardTable, ChassisFile, ChassisTable, OutputRuleName, TimingTable, UnitTable,
};
use super::{
    ArbiterSettings, CardSettings, ConfigError, ProcessKind, Settings, UnitSettings, diagnose, fpm, linux,
    parse_party,
};

/// Where complaints point to.
pub(super) struct Place<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Place<'_> {
    pub(super) fn at<T>(&self, value: &Spanned<T>, message: String, hint: &str) -> ConfigError {
        let span = value.span();
        // A default has no place in the file.
        let line = (span.end > 0).then(|| diagnose::line_of(self.text, span.start));
        ConfigError { file: self.path.to_owned(), line, message, hint: Some(hint.to_owned()) }
    }

    fn whole(&self, message: String, hint: &str) -> ConfigError {
        ConfigError { file: self.path.to_owned(), line: None, message, hint: Some(hint.to_owned()) }
    }

    pub(super) fn address(&self, value: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
        let text = value.get_ref();
        text.parse().map_err(|_| {
            self.at(
                value,
                format!("`{text}` is not an address"),
                "write an IP address and a port, as in \"127.0.0.1:4701\" or \"[::1]:4701\"",
            )
        })
    }

    fn resolve(&self, path: PathBuf) -> PathBuf {
        self.path.parent().map_or_else(|| path.clone(), |parent| parent.join(&path))
    }
}

pub(super) fn check(file: ChassisFile, text: &str, path: &Path) -> Result<Settings, ConfigError> {
    let place = Place { text, path };
    let units = units(&place, file.unit)?;
    let cards = cards(&place, file.card)?;
    let parties: BTreeSet<Party> = units
        .iter()
        .map(|unit| Party::Unit(unit.id))
        .chain(cards.iter().map(|card| Party::Card(card.id)))
        .collect();
    addresses_differ(&place, &units, &cards)?;
    let name = name(&place, &file.chassis)?;
    let processes = processes(&place, &file.chassis.processes)?;
    if !processes.contains(&ProcessKind::Fib) && units.iter().any(|unit| unit.fpm.is_some()) {
        let message = "fpm feeds `fib`, which is not among the processes".to_owned();
        return Err(place.whole(message, "write processes = [\"fib\"], or leave `fpm` out"));
    }
    if *file.liveness.interval_ms.get_ref() == 0 || *file.liveness.interval_ms.get_ref() > 60_000 {
        let value = &file.liveness.interval_ms;
        return Err(place.at(value, "interval_ms is 1 to 60000".to_owned(), "the default is 100"));
    }
    if *file.liveness.missed.get_ref() == 0 {
        return Err(place.at(&file.liveness.missed, "missed is at least 1".to_owned(), "the default is 5"));
    }
    Ok(Settings {
        digest_key: digest_key(&place, &file.chassis, &name)?,
        name,
        ack_path: match file.chassis.ack_path {
            AckPathName::Direct => AckPath::Direct,
            AckPathName::Relayed => AckPath::Relayed,
        },
        output_rule: match file.chassis.output_rule {
            OutputRuleName::Parallel => OutputRule::Parallel,
            OutputRuleName::Gated => OutputRule::Gated,
        },
        arbiter: arbiter(&place, &file.chassis, &parties)?,
        processes,
        units,
        cards,
        heartbeat: Duration::from_millis(*file.liveness.interval_ms.get_ref()),
        missed: *file.liveness.missed.get_ref(),
        timing: timing(&file.timing),
    })
}

fn timing(table: &TimingTable) -> Timing {
    let micros = |millis: u64| millis.saturating_mul(1_000);
    Timing {
        campaign: micros(table.campaign_ms.max(1)),
        ack_overdue: micros(table.ack_overdue_ms),
        retry: micros(table.retry_ms.max(1)),
        evict: micros(table.evict_ms),
        audit: micros(table.audit_ms),
        switchover: micros(table.switchover_ms),
    }
}

fn name(place: &Place<'_>, chassis: &ChassisTable) -> Result<String, ConfigError> {
    let Some(name) = &chassis.name else {
        return Ok("hitless".to_owned());
    };
    let length = name.get_ref().len();
    if length == 0 || length > MAX_CHASSIS_NAME {
        let message = format!("a chassis name has 1 to {MAX_CHASSIS_NAME} bytes, not {length}");
        return Err(place.at(name, message, "choose another name"));
    }
    if name.get_ref().chars().any(char::is_control) {
        let message = "a chassis name has no control characters".to_owned();
        return Err(place.at(name, message, "logs and terminals show it: use letters, digits and dashes"));
    }
    Ok(name.get_ref().clone())
}

fn digest_key(place: &Place<'_>, chassis: &ChassisTable, name: &str) -> Result<u128, ConfigError> {
    match &chassis.digest_key {
        // FNV-1a: only must differ between chassis; who needs secrecy writes a key.
        None => Ok(name.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        })),
        Some(text) if text.get_ref().len() == 32 => u128::from_str_radix(text.get_ref(), 16).map_err(|_| {
            place.at(text, "digest_key is not hexadecimal".to_owned(), "write 32 hexadecimal digits")
        }),
        Some(text) => {
            let message = format!("digest_key has {} characters", text.get_ref().len());
            Err(place.at(text, message, "write 32 hexadecimal digits"))
        }
    }
}

fn units(place: &Place<'_>, tables: Vec<UnitTable>) -> Result<Vec<UnitSettings>, ConfigError> {
    if tables.is_empty() || tables.len() > MAX_UNITS {
        let message =
            format!("a chassis has 1 to {MAX_UNITS} control units ([[unit]]), not {}", tables.len());
        return Err(place.whole(message, "`hitless config default` shows two of them"));
    }
    let mut units: Vec<UnitSettings> = Vec::with_capacity(tables.len());
    for table in tables {
        let id = match u8::try_from(*table.id.get_ref()) {
            Ok(id) if id > 0 && usize::from(id) <= MAX_UNITS => UnitId(id),
            Ok(_) | Err(_) => {
                return Err(place.at(
                    &table.id,
                    format!("the id of a unit is 1 to {MAX_UNITS}"),
                    "number them from 1",
                ));
            }
        };
        if units.iter().any(|unit| unit.id == id) {
            return Err(place.at(
                &table.id,
                format!("there is a {id} already"),
                "give every unit an id of its own",
            ));
        }
        let dial = table
            .dial
            .iter()
            .map(|dial| {
                let from = parse_party(dial.from.get_ref()).ok_or_else(|| {
                    let message = format!("`{}` is not a party", dial.from.get_ref());
                    place.at(&dial.from, message, "write \"unit-1\" or \"card-2\"")
                })?;
                Ok((from, place.address(&dial.address)?))
            })
            .collect::<Result<_, ConfigError>>()?;
        units.push(UnitSettings {
            id,
            address: place.address(&table.address)?,
            admin: place.address(&table.admin)?,
            state: place.resolve(table.state),
            keep_entries: table.keep_entries,
            dial,
            fpm: table.fpm.map(|table| fpm::check(place, &table)).transpose()?,
        });
    }
    units.sort_by_key(|unit| unit.id);
    Ok(units)
}

fn cards(place: &Place<'_>, tables: Vec<CardTable>) -> Result<Vec<CardSettings>, ConfigError> {
    if tables.is_empty() || tables.len() > MAX_CARDS {
        let message = format!("a chassis has 1 to {MAX_CARDS} cards ([[card]]), not {}", tables.len());
        return Err(place.whole(message, "`hitless config default` shows two of them"));
    }
    let mut cards: Vec<CardSettings> = Vec::with_capacity(tables.len());
    for table in tables {
        let id = match u16::try_from(*table.id.get_ref()) {
            Ok(id) if id > 0 && usize::from(id) <= MAX_CARDS => CardId(id),
            Ok(_) | Err(_) => {
                return Err(place.at(
                    &table.id,
                    format!("the id of a card is 1 to {MAX_CARDS}"),
                    "number them from 1",
                ));
            }
        };
        if cards.iter().any(|card| card.id == id) {
            return Err(place.at(
                &table.id,
                format!("there is a {id} already"),
                "give every card an id of its own",
            ));
        }
        cards.push(CardSettings {
            id,
            table: linux::table(place, table.table, table.linux.as_ref())?,
            admin: place.address(&table.admin)?,
            state: place.resolve(table.state),
        });
    }
    cards.sort_by_key(|card| card.id);
    Ok(cards)
}

fn addresses_differ(
    place: &Place<'_>,
    units: &[UnitSettings],
    cards: &[CardSettings],
) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    let listening = units.iter().flat_map(|unit| [unit.address, unit.admin]);
    for address in listening.chain(cards.iter().map(|card| card.admin)) {
        if address.port() != 0 && !seen.insert(address) {
            let message = format!("{address} is used twice");
            return Err(place.whole(message, "give every address and admin a port of its own"));
        }
    }
    let mut states = BTreeSet::new();
    for state in units.iter().map(|unit| &unit.state).chain(cards.iter().map(|card| &card.state)) {
        if !states.insert(state) {
            let message = format!("state directory {} is used twice", state.display());
            return Err(place.whole(message, "give every party a directory of its own"));
        }
    }
    Ok(())
}

fn arbiter(
    place: &Place<'_>,
    chassis: &ChassisTable,
    parties: &BTreeSet<Party>,
) -> Result<ArbiterSettings, ConfigError> {
    if chassis.arbiter == ArbiterName::Local {
        let file = chassis.arbiter_file.clone().ok_or_else(|| {
            place.whole(
                "arbiter = \"local\" needs arbiter_file".to_owned(),
                "name a file that all control units of this machine can reach",
            )
        })?;
        return Ok(ArbiterSettings::Local(place.resolve(file)));
    }
    let Some(names) = &chassis.voters else {
        return Ok(ArbiterSettings::Voters(default_voters(parties)));
    };
    let mut voters = BTreeSet::new();
    for name in names {
        let known = parse_party(name.get_ref()).filter(|party| parties.contains(party)).ok_or_else(|| {
            let message = format!("voter `{}` is not a party of this chassis", name.get_ref());
            place.at(name, message, "write \"unit-1\" or \"card-2\", as below [[unit]] and [[card]]")
        })?;
        if !voters.insert(known) {
            return Err(place.at(name, format!("voter {known} is named twice"), "name every voter once"));
        }
    }
    if voters.is_empty() || voters.len() > MAX_VOTERS {
        let message = format!("there are 1 to {MAX_VOTERS} voters, not {}", voters.len());
        return Err(place.whole(message, "an odd number is best: 3 survive one death, 5 two"));
    }
    Ok(ArbiterSettings::Voters(voters.into_iter().collect()))
}

/// All units, then cards until the number is odd and at least 3. Units sort before cards.
fn default_voters(parties: &BTreeSet<Party>) -> Vec<Party> {
    let units = parties.iter().filter(|party| matches!(party, Party::Unit(_))).count();
    let wanted = (units | 1).clamp(3, MAX_VOTERS);
    parties.iter().copied().take(wanted).collect()
}

fn processes(place: &Place<'_>, names: &[Spanned<String>]) -> Result<Vec<ProcessKind>, ConfigError> {
    let mut kinds = Vec::with_capacity(names.len());
    for name in names {
        let kind = ProcessKind::parse(name.get_ref()).ok_or_else(|| {
            let message = format!("there is no process `{}`", name.get_ref());
            place.at(name, message, "known are \"fib\" and \"table\"")
        })?;
        if kinds.contains(&kind) {
            let message = format!("process `{}` is named twice", kind.name());
            return Err(place.at(name, message, "name it once"));
        }
        kinds.push(kind);
    }
    if kinds.is_empty() {
        return Err(place.whole("no process is named".to_owned(), "write processes = [\"fib\", \"table\"]"));
    }
    Ok(kinds)
}
