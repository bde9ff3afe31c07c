//! The text and JSON form of `fib`.

use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::ids::ProcessId;
use hitless_proto::process::Process;
use hitless_proto::process::fib::{self, Fib, FibKey, GROUP_BASE, Member, NextHop, Route, TableId};
use serde_json::{Map, Value, json};

use super::Schema;
use super::fields::{Fields, number, render_bytes, render_hex, render_shared};

/// The kinds of next hop that drop, by the field that asks for them.
const DROPS: [(&str, NextHop); 3] = [
    ("blackhole", NextHop::Blackhole),
    ("unreachable", NextHop::Unreachable),
    ("prohibit", NextHop::Prohibit),
];

/// The form of [`fib`]: see the [module](super) for examples.
#[derive(Clone, Copy, Debug, Default)]
pub struct FibSchema;

impl Schema for FibSchema {
    fn process(&self) -> ProcessId {
        fib::ID
    }

    fn name(&self) -> &'static str {
        "fib"
    }

    fn parse(&self, json: &Value) -> Result<Change, String> {
        let fields = Fields::of(json)?;
        let change = match parse_delete(&fields)? {
            Some(key) => key.delete(),
            None => {
                let (key, card_part) = parse_put(&fields)?;
                Change { key: key.encode(), content: Some(fields.content(card_part)?) }
            }
        };
        Fib.validate(&change)?;
        Ok(change)
    }

    fn render_key(&self, key: &[u8]) -> String {
        FibKey::decode(key).map_or_else(|_| format!("0x{}", render_hex(key)), |key| key.to_string())
    }

    fn parse_key(&self, text: &str) -> Result<Blob, String> {
        text.trim().parse().map(|key: FibKey| key.encode()).map_err(display)
    }

    fn render(&self, key: &[u8], content: &Content) -> Value {
        let mut object = Map::new();
        object.insert("process".into(), "fib".into());
        match FibKey::decode(key) {
            Ok(FibKey::Route { table, net }) => {
                object.insert("prefix".into(), net.to_string().into());
                if table != TableId::MAIN {
                    object.insert("table".into(), table.get().into());
                }
                match Route::decode(&content.card_part) {
                    Ok(route) => render_route(&mut object, route),
                    Err(_) => render_bytes(&mut object, "damaged", &content.card_part),
                }
            }
            Ok(FibKey::NextHop(id)) => {
                render_id(&mut object, id);
                match NextHop::decode(&content.card_part) {
                    Ok(next_hop) => render_next_hop(&mut object, &next_hop),
                    Err(_) => render_bytes(&mut object, "damaged", &content.card_part),
                }
            }
            Err(_) => drop(object.insert("damaged_key".into(), render_hex(key).into())),
        }
        render_shared(&mut object, content);
        Value::Object(object)
    }
}

fn display(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The key of a delete, if the object is one.
fn parse_delete(fields: &Fields<'_>) -> Result<Option<FibKey>, String> {
    let key = if let Some(text) = fields.text("delete")? {
        fields.allow(&["delete", "table"])?;
        in_table(fields, text.parse().map_err(display)?)?
    } else if let Some(id) = fields.number("delete_next_hop")? {
        fields.allow(&["delete_next_hop"])?;
        next_hop_key(id)?
    } else if let Some(number) = fields.number("delete_group")? {
        fields.allow(&["delete_group"])?;
        FibKey::group(number).map_err(display)?
    } else {
        return Ok(None);
    };
    fields.check_delete()?;
    Ok(Some(key))
}

fn parse_put(fields: &Fields<'_>) -> Result<(FibKey, Blob), String> {
    let target = match (fields.number("next_hop")?, fields.number("group")?) {
        (Some(id), None) => next_hop_key(id)?,
        (None, Some(number)) => FibKey::group(number).map_err(display)?,
        (Some(_), Some(_)) => return Err("\"next_hop\" and \"group\": give one of them".into()),
        (None, None) => {
            return Err("expected \"next_hop\", \"group\", \"delete\" or \"delete_next_hop\"".into());
        }
    };
    if let Some(prefix) = fields.text("prefix")? {
        fields.allow(&["prefix", "table", "metric", "next_hop", "group"])?;
        let key = in_table(fields, prefix.parse().map_err(display)?)?;
        let (FibKey::Route { .. }, FibKey::NextHop(next_hop)) = (key, target) else {
            return Err(format!("\"prefix\" must be a prefix, not {key}"));
        };
        let metric = fields.number("metric")?.unwrap_or(0);
        return Ok((key, Route { next_hop, metric }.encode()));
    }
    let next_hop = if fields.has("group") { parse_group(fields)? } else { parse_single(fields)? };
    Ok((target, next_hop.encode()))
}

/// The key in the table that the object names, if it names one.
fn in_table(fields: &Fields<'_>, key: FibKey) -> Result<FibKey, String> {
    match (fields.number("table")?, key) {
        (None, key) => Ok(key),
        (Some(number), FibKey::Route { table: TableId::MAIN, net }) => {
            TableId::new(number).map(|table| FibKey::Route { table, net }).map_err(display)
        }
        (Some(_), FibKey::Route { .. } | FibKey::NextHop(_)) => {
            Err(format!("\"table\" does not belong to {key}"))
        }
    }
}

fn next_hop_key(id: u32) -> Result<FibKey, String> {
    format!("next-hop {id}").parse().map_err(display)
}

fn parse_single(fields: &Fields<'_>) -> Result<NextHop, String> {
    let kinds = DROPS.map(|(name, _)| name);
    fields.allow(&[&["next_hop", "via", "dev"], &kinds[..]].concat())?;
    let device = fields.text("dev")?.map(|name| name.parse().map_err(display)).transpose()?;
    let drop = parse_drop(fields)?;
    match (fields.text("via")?, device, drop) {
        (Some(via), device, None) => {
            let gateway = via.parse().map_err(|_| format!("\"via\": \"{via}\" is not an address"))?;
            NextHop::via(gateway, device).map_err(display)
        }
        (None, Some(device), None) => Ok(NextHop::Link(device)),
        (None, None, Some((_, next_hop))) => Ok(next_hop),
        (None, None, None) => Err(format!("a next hop needs \"via\", \"dev\" or one of {kinds:?}: true")),
        (Some(_) | None, Some(_) | None, Some((name, _))) => {
            Err(format!("\"{name}\" must stand without \"via\" and \"dev\""))
        }
    }
}

/// The kind of next hop that drops, if the object names one.
fn parse_drop(fields: &Fields<'_>) -> Result<Option<(&'static str, NextHop)>, String> {
    let named: Vec<_> = DROPS.into_iter().filter(|(name, _)| fields.has(name)).collect();
    match named.as_slice() {
        [] => Ok(None),
        [(name, next_hop)] if fields.value(name) == Some(&Value::Bool(true)) => {
            Ok(Some((name, next_hop.clone())))
        }
        [(name, _)] => Err(format!("\"{name}\" must be true, or be left out")),
        [(first, _), (second, _), ..] => Err(format!("\"{first}\" and \"{second}\": give one of them")),
    }
}

fn parse_group(fields: &Fields<'_>) -> Result<NextHop, String> {
    fields.allow(&["group", "members"])?;
    let members = fields.value("members").and_then(Value::as_array);
    let members = members.ok_or("a group needs \"members\": a list of {\"next_hop\": ID, \"weight\": N}")?;
    let members = members.iter().map(parse_member).collect::<Result<Vec<_>, _>>()?;
    NextHop::group(members).map_err(display)
}

fn parse_member(json: &Value) -> Result<Member, String> {
    if json.is_number() {
        return Ok(Member { next_hop: number("members", json)?, weight: 1 });
    }
    let fields = Fields::of(json).map_err(|_| "a member is an id or {\"next_hop\": ID, \"weight\": N}")?;
    fields.allow_only(&["next_hop", "weight"])?;
    let next_hop = fields.number("next_hop")?.ok_or("a member needs \"next_hop\"")?;
    let weight = u16::try_from(fields.number("weight")?.unwrap_or(1));
    Ok(Member { next_hop, weight: weight.map_err(|_| "\"weight\" must be 1 to 65535")? })
}

fn render_id(object: &mut Map<String, Value>, id: u32) {
    match id.checked_sub(GROUP_BASE) {
        Some(number) => object.insert("group".into(), number.into()),
        None => object.insert("next_hop".into(), id.into()),
    };
}

fn render_route(object: &mut Map<String, Value>, route: Route) {
    render_id(object, route.next_hop);
    if route.metric != 0 {
        object.insert("metric".into(), route.metric.into());
    }
}

fn render_next_hop(object: &mut Map<String, Value>, next_hop: &NextHop) {
    match next_hop {
        NextHop::Blackhole => drop(object.insert("blackhole".into(), true.into())),
        NextHop::Unreachable => drop(object.insert("unreachable".into(), true.into())),
        NextHop::Prohibit => drop(object.insert("prohibit".into(), true.into())),
        NextHop::Via { gateway, device } => {
            object.insert("via".into(), gateway.to_string().into());
            if let Some(device) = device {
                object.insert("dev".into(), device.as_str().into());
            }
        }
        NextHop::Link(device) => drop(object.insert("dev".into(), device.as_str().into())),
        NextHop::Group(members) => {
            let member = |member: &Member| json!({"next_hop": member.next_hop, "weight": member.weight});
            object.insert("members".into(), members.iter().map(member).collect());
        }
    }
}
