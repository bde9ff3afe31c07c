//! What is allowed in a configuration, and seldom meant.

use super::{ArbiterSettings, Settings, TableSettings, fpm, linux};

impl Settings {
    /// What an operator should know of a configuration that is valid.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = fpm::warnings(self);
        if let ArbiterSettings::Voters(voters) = &self.arbiter {
            warn_of_voters(voters.len(), &mut warnings);
            if self.units.len() == 1 {
                warnings.push("there is one control unit, and nobody to take over from it".to_owned());
            }
        }
        for card in &self.cards {
            if let TableSettings::Linux(linux) = &card.table
                && let Some(owner) = linux::owner(linux.protocol)
            {
                let (card, protocol) = (card.id, linux.protocol);
                warnings.push(format!(
                    "{card} uses routing protocol {protocol}, which is that of {owner}: where both run, each takes the other's \
                     routes for its own"
                ));
            }
        }
        warnings
    }
}

fn warn_of_voters(count: usize, warnings: &mut Vec<String>) {
    if count < 3 {
        warnings.push(format!(
                "with {count} voters, one dead voter stops every takeover: name at least 3 in `voters`, of units and cards"
            ));
    } else if count.is_multiple_of(2) {
        let (deaths, fewer) = ((count - 1) / 2, count - 1);
        warnings.push(format!(
            "{count} voters survive {deaths} dead ones, as {fewer} do: name an odd number in `voters`"
        ));
    }
}
