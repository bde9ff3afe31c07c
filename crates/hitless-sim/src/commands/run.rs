//! `hitless-sim run`: one seed, or a part of it.

use std::io::{self, Write};

use clap::Args;
use hitless_sim::Tracing;
use hitless_sim::run::run_case;
use hitless_sim::sweep::Failure;
use serde_json::json;

use super::Ended;
use super::arguments::Part;
use super::text;

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    part: Part,
    /// Prints everything that happens.
    #[arg(long, conflicts_with = "json")]
    trace: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(crate) fn execute(self, out: &mut impl Write) -> io::Result<Ended> {
        let case = self.part.case();
        let outcome = run_case(&case, if self.trace { Tracing::Print } else { Tracing::Off });
        let failure = outcome.violation.map(|violation| Failure { case: case.clone(), violation });
        if self.json {
            let failure = failure.as_ref().map(text::failure_json);
            let summary = text::summary_json(&outcome.summary);
            writeln!(out, "{}", json!({ "seed": case.seed, "failure": failure, "did": summary }))?;
            return Ok(Ended::well_if(failure.is_none()));
        }
        match &failure {
            None => writeln!(out, "seed {}: every property holds", case.seed)?,
            Some(failure) => text::failure(out, failure)?,
        }
        text::summary(out, &outcome.summary)?;
        Ok(Ended::well_if(failure.is_none()))
    }
}
