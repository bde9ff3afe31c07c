//! `hitless-model`: searches bounds, and prints states, depth and time, or a shortest counterexample.

mod render;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Parser;
use hitless_model::bounds::{Bounds, Faults, Wanted};
use hitless_model::search::{Limits, Method, search};
use hitless_proto::config::{AckPath, OutputRule};
use render::Form;

/// Every interleaving of a small chassis, on the production state machines.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Control units.
    #[arg(long, default_value_t = 2)]
    units: u8,
    /// Cards.
    #[arg(long, default_value_t = 1)]
    cards: u16,
    /// What the source submits: `a=1,a=2,a-`. The first is everywhere when the search begins. Keys from `n` on are for card 1
    /// only.
    #[arg(long, default_value = "c=0,a=1,a=2")]
    ops: String,
    /// Epochs beyond which nothing is gone on from.
    #[arg(long, default_value_t = 2)]
    epochs: u32,
    /// Control units that may crash.
    #[arg(long, default_value_t = 1)]
    crashes: u8,
    /// Crashed control units that may come back.
    #[arg(long, default_value_t = 0)]
    unit_restarts: u8,
    /// Cards that may restart.
    #[arg(long, default_value_t = 0)]
    card_restarts: u8,
    /// Links that may be given up although both ends live.
    #[arg(long, default_value_t = 0)]
    cuts: u8,
    /// Disk writes take a step of their own.
    #[arg(long)]
    slow_disk: bool,
    /// Links come up at once, with the first report on each, and timeouts wait until nothing is on its way anywhere.
    #[arg(long)]
    prompt: bool,
    /// Acks go by way of the primary.
    #[arg(long)]
    relayed: bool,
    /// Cards are sent ops when the standbys have them.
    #[arg(long)]
    gated: bool,
    /// Instead of all that: every set of bounds that is searched for a commit.
    #[arg(long)]
    per_commit: bool,
    /// Instead of all that: the sets of bounds that take long.
    #[arg(long)]
    longer: bool,
    /// Take out the rules of the protocol one by one; each must be missed. `--seconds` is for one rule.
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
    /// Take every step of every state, also where another order comes to the same.
    #[arg(long)]
    unreduced: bool,
    /// Check steps only, and try no fair completion.
    #[arg(long)]
    steps_only: bool,
    /// Count and print where the states come from.
    #[arg(long)]
    tally: bool,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
    /// Stop after so many steps from the start.
    #[arg(long)]
    depth: Option<u32>,
    /// Stop after so many states.
    #[arg(long)]
    states: Option<usize>,
    /// Stop after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let (sets, rules) = (args.sets()?, args.rules());
    let mut good = sets.is_empty() || search_all(&args, &sets)?;
    if rules {
        good &= mutants(&args);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Searches every set, and says whether no violation was found and nothing left over that was to be exhausted.
fn search_all(args: &Args, sets: &[(String, Bounds)]) -> Result<bool> {
    let (form, limits, mut good) = (args.form(), args.limits(), true);
    render::head(form);
    for (name, bounds) in sets {
        let method = Method { reduced: !args.unreduced, completed: !args.steps_only, tallied: args.tally };
        let summary = search(bounds, (method, limits), |summary| render::progress(name, summary))?;
        render::summary(form, name, &summary);
        if args.tally {
            print!("{}", summary.tally);
        }
        good &= summary.found.is_none() && (summary.exhausted || args.depth.is_some() || !args.named());
    }
    Ok(good)
}

#[cfg(not(feature = "mutants"))]
fn mutants(_args: &Args) -> bool {
    true
}

/// Takes out every rule, and says whether each was missed.
#[cfg(feature = "mutants")]
fn mutants(args: &Args) -> bool {
    use hitless_model::mutants::{Outcome, mutants};
    let form = args.form();
    let json = |rule: &str, outcome: &str| {
        println!("{{\"rule\":{},\"outcome\":{outcome}}}", render::quoted(rule));
    };
    let missed = mutants(args.limits().time.unwrap_or(EACH_RULE), |rule, outcome| {
        let rule = format!("{rule:?}");
        match (form, outcome) {
            (Form::Json, Outcome::Found(found)) => json(&rule, &render::counterexample_json(&found.by)),
            (Form::Json, Outcome::Missed { .. }) => json(&rule, "\"missed\""),
            (Form::Json, Outcome::NotHere(why)) => json(&rule, &render::quoted(why)),
            (Form::Table, Outcome::Found(found)) => {
                println!(
                    "{rule}: found by {} steps{}, {} states, {:.1} s; {}",
                    found.by.steps.len(),
                    if found.shortest { "" } else { " (perhaps not the fewest)" },
                    found.states,
                    found.took.as_secs_f64(),
                    found.bounds
                );
                render::counterexample(&found.by);
            }
            (Form::Table, Outcome::Missed { bounds }) => println!("{rule}: MISSED; {bounds}"),
            (Form::Table, Outcome::NotHere(why)) => println!("{rule}: not to be seen here: {why}"),
        }
    });
    if form == Form::Table {
        println!("{missed} missed");
    }
    missed == 0
}

/// Time for the search of one rule, if none is given.
#[cfg(feature = "mutants")]
const EACH_RULE: Duration = Duration::from_secs(60);

impl Args {
    fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Table }
    }

    fn limits(&self) -> Limits {
        Limits { depth: self.depth, states: self.states, time: self.seconds.map(Duration::from_secs) }
    }

    /// Sets that are to be exhausted were asked for.
    fn named(&self) -> bool {
        self.per_commit || self.longer
    }

    fn rules(&self) -> bool {
        #[cfg(feature = "mutants")]
        return self.mutants;
        #[cfg(not(feature = "mutants"))]
        false
    }

    /// What is to be searched.
    fn sets(&self) -> Result<Vec<(String, Bounds)>> {
        let mut sets = Vec::new();
        if self.per_commit {
            sets.extend(Bounds::per_commit());
        }
        if self.longer {
            sets.extend(Bounds::longer());
        }
        let mut sets: Vec<_> = sets.into_iter().map(|(name, bounds)| (name.to_owned(), bounds)).collect();
        if sets.is_empty() && !self.rules() {
            sets.push(("as asked for".into(), self.bounds()?));
        }
        Ok(sets)
    }

    fn bounds(&self) -> Result<Bounds> {
        Ok(Bounds {
            units: self.units,
            cards: self.cards,
            ops: self.ops.split(',').map(wanted).collect::<Result<_>>()?,
            epochs: self.epochs,
            faults: Faults {
                crashes: self.crashes,
                unit_restarts: self.unit_restarts,
                card_restarts: self.card_restarts,
                cuts: self.cuts,
            },
            slow_disk: self.slow_disk,
            prompt: self.prompt,
            ack_path: if self.relayed { AckPath::Relayed } else { AckPath::Direct },
            output_rule: if self.gated { OutputRule::Gated } else { OutputRule::Parallel },
        })
    }
}

/// Reads `a=1` or `a-`.
fn wanted(text: &str) -> Result<Wanted> {
    match text.as_bytes() {
        [key @ b'a'..=b'z', b'-'] => Ok((key - b'a', None)),
        [key @ b'a'..=b'z', b'=', value @ b'0'..=b'9'] => Ok((key - b'a', Some(value - b'0'))),
        _ => Err(anyhow!("`{text}` is neither like `a=1` nor like `a-`")),
    }
}
