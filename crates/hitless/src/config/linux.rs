//! What a card's `linux` section must fulfil.

use std::time::Duration;

use hitless_adapters::linux::{LinuxSettings, MAX_RESERVED_PROTOCOL};
use toml::Spanned;

use super::check::Place;
use super::file::{LinuxSection, TableName};
use super::{ConfigError, TableSettings};

/// The kernel's own table of its own addresses.
const LOCAL_TABLE: u32 = 255;
/// Longest pause between audits: one that comes less than once a day finds nothing in time.
const MAX_AUDIT_S: u64 = 86_400;

pub(super) fn table(
    place: &Place<'_>,
    name: TableName,
    section: Option<&Spanned<LinuxSection>>,
) -> Result<TableSettings, ConfigError> {
    match (name, section) {
        (TableName::Memory, None) => Ok(TableSettings::Memory),
        (TableName::Memory, Some(section)) => {
            let message =
                "`linux` is for the table \"linux\", and this card has the table \"memory\"".to_owned();
            Err(place.at(section, message, "write table = \"linux\", or leave it out"))
        }
        (TableName::Linux, None) => Ok(TableSettings::Linux(LinuxSettings::default())),
        (TableName::Linux, Some(section)) => settings(place, section.get_ref()).map(TableSettings::Linux),
    }
}

fn settings(place: &Place<'_>, section: &LinuxSection) -> Result<LinuxSettings, ConfigError> {
    let defaults = LinuxSettings::default();
    let mut settings = LinuxSettings {
        take_over: section.take_over.unwrap_or(defaults.take_over),
        repair: section.repair.unwrap_or(defaults.repair),
        ..defaults
    };
    if let Some(table) = &section.table {
        let usable =
            u32::try_from(*table.get_ref()).ok().filter(|number| *number != 0 && *number != LOCAL_TABLE);
        settings.table = usable.ok_or_else(|| {
            let message = "a routing table is 1 to 4294967295, and not 255, the kernel's own".to_owned();
            place.at(table, message, "254 is the main table, which `ip route` shows")
        })?;
    }
    if let Some(protocol) = &section.protocol {
        let usable = u8::try_from(*protocol.get_ref()).ok().filter(|number| *number > MAX_RESERVED_PROTOCOL);
        settings.protocol = usable.ok_or_else(|| {
            let message = format!("a routing protocol of our own is {} to 255", MAX_RESERVED_PROTOCOL + 1);
            place.at(protocol, message, "leave it out for 201, which nobody else is known to use")
        })?;
    }
    if let Some(audit) = &section.audit_s {
        let usable = u64::try_from(*audit.get_ref()).ok().filter(|seconds| *seconds <= MAX_AUDIT_S);
        let seconds = usable.ok_or_else(|| {
            place.at(audit, format!("audit_s is 0 to {MAX_AUDIT_S}"), "the default is 300; 0 means no audits")
        })?;
        settings.audit = (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    Ok(settings)
}

/// Whose routing protocol number it is, where that is known.
pub(super) fn owner(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        8..=15 | 17 => "a routing daemon of the kernel's list",
        16 => "DHCP clients",
        18 => "keepalived",
        42 => "Babel",
        99 => "Open/R",
        186..=198 => "FRR",
        _other => return None,
    })
}
