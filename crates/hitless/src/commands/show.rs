//! `hitless show`: one key as every party holds it.

use clap::Args;
use hitless_adapters::schema;
use hitless_admin::{Answer, Bytes, Request, Shown};
use serde::Serialize;

use super::target::{Target, ask};
use crate::failure::{Exit, Failure};
use crate::render::{self, Grid};

/// Arguments of `hitless show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    target: Target,
    /// The key: `10.0.0.0/8`, `next-hop 7`, or a key of the process `table`.
    #[arg(required = true)]
    key: Vec<String>,
    /// The process.
    #[arg(long, default_value = "fib")]
    process: String,
}

#[derive(Debug, Serialize)]
struct Held {
    party: String,
    #[serde(flatten)]
    entry: Option<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The key is no key of the process, nobody answers, or nobody holds it.
pub async fn run(args: &ShowArgs, as_json: bool) -> Result<(), Failure> {
    let schema = schema::named(&args.process).ok_or_else(|| {
        let known: Vec<&str> = schema::schemas().iter().map(|schema| schema.name()).collect();
        let message = format!("there is no process `{}`", args.process);
        Failure::new(Exit::Usage, message).hint(format!("known are {}", known.join(", ")))
    })?;
    let text = args.key.join(" ");
    let key = schema.parse_key(&text).map_err(|error| {
        let message = format!("`{text}` is not a key of {}: {error}", schema.name());
        Failure::new(Exit::Usage, message).hint("name another process with --process")
    })?;
    let process = schema.process().0;
    let mut held = Vec::new();
    for known in args.target.parties()? {
        let request = Request::Show { process, key: Bytes(key.to_vec()) };
        let (entry, error) = match ask(&known.address, request).await {
            Ok(Answer::Shown(entry)) => (entry, None),
            Ok(other) => (None, Some(format!("answered {other:?}"))),
            Err(error) => (None, Some(error.to_string())),
        };
        let reads = entry.as_ref().and_then(|shown| render::key::entry(process, &key, shown));
        held.push(Held { party: known.name(), entry, reads, error });
    }
    if as_json {
        render::json(&held);
    } else {
        print(&held);
    }
    if held.iter().all(|held| held.error.is_some()) {
        return Err(Failure::new(Exit::NotFound, "no party answers").hint("`hitless status` says why"));
    }
    if held.iter().all(|held| held.entry.is_none()) {
        return Err(Failure::new(Exit::NotFound, format!("no party holds `{text}` in {}", schema.name())));
    }
    Ok(())
}

fn print(held: &[Held]) {
    let mut grid = Grid::new(&["PARTY", "VERSION", "ENTRY", "CARDS", "STATE"]);
    for held in held {
        let Some(entry) = &held.entry else {
            let state = held.error.clone().unwrap_or_else(|| "not there".to_owned());
            grid.row([held.party.clone(), String::new(), String::new(), String::new(), state]);
            continue;
        };
        let cards = entry.cards.as_ref().map_or_else(
            || "all".to_owned(),
            |cards| cards.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        );
        grid.row([
            held.party.clone(),
            format!("{}.{}", entry.epoch, entry.seq),
            held.reads.as_ref().map_or_else(|| entry.card_part.to_hex(), ToString::to_string),
            cards,
            if entry.failed { "FAILED".to_owned() } else { "there".to_owned() },
        ]);
    }
    print!("{grid}");
}
