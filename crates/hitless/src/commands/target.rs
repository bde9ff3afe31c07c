//! Which chassis a command speaks to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hitless_admin::{Answer, Client, ClientError, Request, Role};
use hitless_proto::ids::Party;

use crate::config::Settings;
use crate::failure::{Exit, Failure};

/// How long a party may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

/// Where the parties are.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The chassis file; its admin addresses are used.
    #[arg(long, env = "HITLESS_CONFIG", default_value = "chassis.toml", value_name = "FILE")]
    pub config: PathBuf,
    /// Admin addresses instead of a chassis file; repeat for every party.
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Vec<SocketAddr>,
}

/// A party as the target knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who, where the configuration says so.
    pub party: Option<Party>,
    /// Its admin address.
    pub address: String,
}

impl Known {
    /// Name for people.
    #[must_use]
    pub fn name(&self) -> String {
        self.party.map_or_else(|| self.address.clone(), |party| party.to_string())
    }
}

impl Target {
    /// The parties, control units first.
    ///
    /// # Errors
    /// The configuration is wrong.
    pub fn parties(&self) -> Result<Vec<Known>, Failure> {
        if !self.admin.is_empty() {
            let known = |address: &SocketAddr| Known { party: None, address: address.to_string() };
            return Ok(self.admin.iter().map(known).collect());
        }
        let settings = Settings::load(&self.config).map_err(|error| {
            let failure = Failure::from(error);
            if self.config.exists() {
                failure
            } else {
                failure.hint(
                    "name the chassis file with --config, or admin addresses with --admin; \
                     `hitless config default > chassis.toml` writes one to start from",
                )
            }
        })?;
        let known = |(party, address): (Party, SocketAddr)| Known {
            party: Some(party),
            address: address.to_string(),
        };
        Ok(settings.admin_addresses().map(known).collect())
    }

    /// Admin addresses of what may be control units.
    ///
    /// # Errors
    /// The configuration is wrong.
    pub fn unit_addresses(&self) -> Result<Vec<String>, Failure> {
        let parties = self.parties()?.into_iter();
        Ok(parties
            .filter(|known| !matches!(known.party, Some(Party::Card(_))))
            .map(|known| known.address)
            .collect())
    }

    /// A connection to the primary.
    ///
    /// # Errors
    /// No unit says it is primary.
    pub async fn primary(&self) -> Result<Client, Failure> {
        let addresses = self.unit_addresses()?;
        if let Some(found) = crate::feed::find_primary(&addresses).await {
            return Ok(Client::connect(&found.address, PATIENCE).await?);
        }
        let mut seen = Vec::new();
        for address in &addresses {
            match ask(address, Request::Status).await {
                Ok(Answer::Unit(status)) => {
                    let waiting = status.waiting.map(|reason| format!(": {reason}")).unwrap_or_default();
                    seen.push(format!("unit-{} is {}{waiting}", status.unit, role_name(status.role)));
                }
                Ok(_) => seen.push(format!("{address} is no control unit")),
                Err(error) => seen.push(error.to_string()),
            }
        }
        let exit = if seen.is_empty() { Exit::Usage } else { Exit::NotFound };
        Err(Failure::new(exit, format!("no control unit is primary: {}", seen.join("; ")))
            .hint("a takeover ends within a second or two: try again, or see `hitless status`"))
    }
}

/// Asks one party.
///
/// # Errors
/// It is not there, or refused.
pub async fn ask(address: &str, request: Request) -> Result<Answer, ClientError> {
    // A party that is frozen accepts and never answers: its status is not waited for long.
    let patience = if request == Request::Status { STATUS_PATIENCE } else { PATIENCE };
    Client::connect(address, Duration::from_secs(1)).await?.call(request, patience).await
}

/// Name of a role for people.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Joining => "joining",
        Role::Standby => "standby",
        Role::TakingOver => "taking over",
        Role::Primary => "primary",
        Role::HandingOver => "handing over",
    }
}
