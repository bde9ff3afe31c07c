//! The key `fpm` of a control unit.

use hitless_adapters::fpm::FpmSettings;
use hitless_proto::process::fib::FibKey;

use super::check::Place;
use super::file::FpmTable;
use super::{ConfigError, FpmUnitSettings, Settings};

pub(super) fn check(place: &Place<'_>, table: &FpmTable) -> Result<FpmUnitSettings, ConfigError> {
    let sentinel = table.sentinel.as_ref().map(|text| match text.get_ref().parse() {
        Ok(key @ FibKey::Route { .. }) => Ok(key),
        Ok(FibKey::NextHop(_)) | Err(_) => Err(place.at(
            text,
            format!("sentinel `{}` is not a prefix", text.get_ref()),
            "write one that zebra announces last, as in \"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128\"",
        )),
    });
    let source = FpmSettings {
        sentinel: sentinel.transpose()?,
        quiet: table.sentinel_quiet_ms.saturating_mul(1_000),
        last_resort: table.sweep_after_s.saturating_mul(1_000_000),
        connected: table.connected,
        kernel: table.kernel,
        devices: table.devices,
        answers: table.answers,
    };
    Ok(FpmUnitSettings { listen: place.address(&table.listen)?, source })
}

/// What an operator should know of sources that are valid.
pub(super) fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    for unit in &settings.units {
        let (id, Some(fpm)) = (unit.id, &unit.fpm) else { continue };
        if !fpm.listen.ip().is_loopback() {
            let listen = fpm.listen;
            warnings.push(format!(
                "{id}: fpm listens on {listen}: whoever reaches it can rewrite the fib, since FPM has no password"
            ));
        }
        if let Some(key @ FibKey::Route { net, .. }) = fpm.source.sentinel
            && net.addr().is_ipv4()
        {
            warnings.push(format!(
                "{id}: zebra announces IPv6 routes after the sentinel {key}: one of IPv6 that sorts last is better"
            ));
        }
        if fpm.source.last_resort > 0 {
            let after = fpm.source.last_resort / 1_000_000;
            warnings.push(format!(
                "{id}: sweep_after_s sweeps {after} s after a session began, whether or not zebra has announced all by then"
            ));
        }
    }
    let with = settings.units.iter().filter(|unit| unit.fpm.is_some()).count();
    if with > 0 && with < settings.units.len() {
        warnings
            .push("not every unit has `fpm`: while one without it is primary, no route changes".to_owned());
    }
    warnings
}
