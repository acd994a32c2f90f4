//! Takes secrets and addresses out of what leaves this machine.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use crate::base::masking::without_addresses;

/// What stands in the place of a secret.
const REDACTED: &str = "***";

/// Words in a key's name that say that its value is a secret.
const SECRET_WORDS: [&str; 5] = ["key", "token", "secret", "password", "database_url"];

/// Shorter than any secret; a word of this length would be taken out of sentences.
const SECRET_MIN_CHARS: usize = 8;

/// The configuration without its secrets, and what they were.
#[derive(Debug, Default)]
pub struct Redaction {
    pub config: String,
    secrets: BTreeSet<String>,
}

impl Redaction {
    /// `text` is a configuration file; of one that cannot be read, nothing is told.
    pub fn of(text: &str) -> Self {
        let mut redaction = Self::default();
        let Ok(mut table) = toml::from_str::<Table>(text) else {
            redaction.config = "# it is no TOML".to_owned();
            return redaction;
        };
        redaction.table(&mut table);
        let config = toml::to_string_pretty(&table).unwrap_or_default();
        redaction.config = redaction.clean(&config);
        redaction
    }

    fn table(&mut self, table: &mut Table) {
        for (key, value) in table {
            let is_path = key.ends_with("_file");
            let is_secret = SECRET_WORDS.iter().any(|word| key.contains(word));
            match value {
                Value::Table(inner) => self.table(inner),
                Value::String(path) if is_path => self.learn_file(Path::new(path)),
                _ if is_secret && !is_path => self.hide(value),
                Value::Array(items) => {
                    for item in items {
                        if let Value::Table(inner) = item {
                            self.table(inner);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn hide(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                self.learn(text);
                REDACTED.clone_into(text);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide(item)),
            Value::Table(inner) => inner.iter_mut().for_each(|(_, item)| self.hide(item)),
            _ => {}
        }
    }

    /// Each line of it may be one; a key ring has them in quotes.
    fn learn_file(&mut self, path: &Path) {
        let Ok(text) = std::fs::read_to_string(path) else { return };
        for word in text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
            self.learn(word);
        }
    }

    fn learn(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.chars().count() >= SECRET_MIN_CHARS {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// `text` without any secret of the configuration, and with every address masked.
    pub fn clean(&self, text: &str) -> String {
        // The longer first: one may be a part of another.
        let mut secrets: Vec<_> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let mut text = text.to_owned();
        for secret in secrets {
            text = text.replace(secret.as_str(), REDACTED);
        }
        without_addresses(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_configuration_is_left_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let ring = folder.path().join("keys.toml");
        std::fs::write(&ring, "current = \"k1\"\n[keys]\nk1 = \"planted-in-the-ring\"\n").unwrap();
        let text = format!(
            "base_domain = 'arca.test'\ndatabase_url = 'postgres://u:planted-db@h/d'\n\
             keys_file = {ring:?}\nadmin_key = 'planted-admin'\n\
             [[edges]]\nname = 'edge-1'\ntoken = 'planted-edge-token'\n\
             [stripe]\nsecret_key = 'sk_test_planted'\nwebhook_secrets = ['whsec_planted']\n"
        );
        let redaction = Redaction::of(&text);
        assert!(!redaction.config.contains("planted"), "{}", redaction.config);
        for kept in ["arca.test", "edge-1", "keys_file"] {
            assert!(redaction.config.contains(kept), "{}", redaction.config);
        }
        let said = "sk_test_planted failed for ada@mail.test with planted-in-the-ring";
        assert_eq!(redaction.clean(said), "*** failed for a•••@mail.test with ***");
    }

    #[test]
    fn what_is_no_configuration_is_not_told() {
        assert_eq!(Redaction::of("admin_key = planted").config, "# it is no TOML");
    }
}
