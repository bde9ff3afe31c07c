//! What is allowed in a configuration, and seldom meant.

use super::{ArbiterSettings, Settings, fpm};

impl Settings {
    /// What an operator should know of a configuration that is valid.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = fpm::warnings(self);
        let ArbiterSettings::Voters(voters) = &self.arbiter else { return warnings };
        let count = voters.len();
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
        if self.units.len() == 1 {
            warnings.push("there is one control unit, and nobody to take over from it".to_owned());
        }
        warnings
    }
}
