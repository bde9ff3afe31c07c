//! `hitless recover`: an operator's order to go on without what is lost.

use clap::Args;
use hitless_admin::Request;
use hitless_proto::ids::{CardId, Party};
use serde_json::json;

use super::target::{Target, ask};
use crate::config::parse_party;
use crate::failure::{Exit, Failure};

/// Arguments of `hitless recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    #[command(flatten)]
    target: Target,
    /// The card or control unit that is given up: nobody waits for what it holds any more, and what only it holds is
    /// lost. `card-3` (or `3`), `unit-2`.
    #[arg(long, value_name = "PARTY", value_parser = party, required = true)]
    without: Vec<Party>,
}

/// Reads `3`, `card-3` or `unit-2`.
fn party(text: &str) -> Result<Party, String> {
    match (text.parse(), parse_party(text)) {
        (Ok(id), _) => Ok(Party::Card(CardId(id))),
        (Err(_), Some(party)) => Ok(party),
        (Err(_), None) => Err("write card-3 or unit-2".to_owned()),
    }
}

/// Reads `3` or `card-3`.
///
/// # Errors
/// It is neither.
pub fn card(text: &str) -> Result<u16, String> {
    match (text.parse(), parse_party(text)) {
        (Ok(id), _) => Ok(id),
        (_, Some(Party::Card(id))) => Ok(id.0),
        (Err(_), Some(Party::Unit(_)) | None) => Err("write 3 or card-3".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// No control unit took the order.
pub async fn run(args: &RecoverArgs, as_json: bool) -> Result<(), Failure> {
    let mut told = Vec::new();
    let mut problems = Vec::new();
    for address in args.target.unit_addresses()? {
        for party in &args.without {
            match ask(&address, Request::Forgo { party: party.to_string() }).await {
                Ok(_) => told.push(json!({"unit": address, "without": party.to_string()})),
                Err(error) => problems.push(Failure::from(error)),
            }
        }
    }
    if told.is_empty() {
        return Err(problems
            .into_iter()
            .next()
            .unwrap_or_else(|| Failure::new(Exit::Usage, "there is no control unit")));
    }
    if as_json {
        println!("{}", json!({"told": told}));
    } else {
        let parties: Vec<String> = args.without.iter().map(ToString::to_string).collect();
        println!(
            "{} control units go on without {}",
            told.len() / args.without.len().max(1),
            parties.join(", ")
        );
        for problem in problems {
            eprintln!("warning: {problem}");
        }
    }
    Ok(())
}
