//! Which names a sprite may reach.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::sprites::call::ORDINARY;
use crate::sprites::{SpriteName, Sprites, SpritesError};

/// The most exact rule wins. No rules at all mean no restriction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkPolicy {
    pub rules: Vec<NetworkRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NetworkRule {
    /// A list of the provider's: `defaults`.
    Include { include: String },
    /// `example.org`, `*.example.org` or `*`.
    Domain { domain: String, action: Action },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Allow,
    Deny,
}

impl Sprites {
    pub async fn network_policy(&self, sprite: &SpriteName) -> Result<NetworkPolicy, SpritesError> {
        self.json(self.of(Method::GET, sprite, "/policy/network"), ORDINARY).await
    }

    /// Replaces all rules.
    pub async fn set_network_policy(
        &self,
        sprite: &SpriteName,
        policy: &NetworkPolicy,
    ) -> Result<(), SpritesError> {
        let request = self.of(Method::POST, sprite, "/policy/network").json(policy);
        self.done(request, ORDINARY).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_and_read_in_the_providers_words() {
        let policy = NetworkPolicy {
            rules: vec![
                NetworkRule::Include { include: "defaults".to_owned() },
                NetworkRule::Domain { domain: "*".to_owned(), action: Action::Deny },
            ],
        };
        let text = json!({ "rules": [
            { "include": "defaults" }, { "domain": "*", "action": "deny" },
        ]});
        assert_eq!(serde_json::to_value(&policy).unwrap(), text);
        assert_eq!(serde_json::from_value::<NetworkPolicy>(text).unwrap(), policy);
    }
}
