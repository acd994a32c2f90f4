//! Takes secrets and addresses out of what leaves this machine.

use std::collections::BTreeSet;
use std::path::Path;

use shared::process::named_file;
use toml::{Table, Value};
use url::form_urlencoded::byte_serialize;

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
        let Ok(text) = named_file::read_text(path) else { return };
        for word in text.split(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
            self.learn(word);
        }
    }

    fn learn(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.chars().count() >= SECRET_MIN_CHARS {
            self.secrets.extend(spellings(secret));
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

/// As it is, in JSON, in JSON within JSON, in a form and in an address.
fn spellings(secret: &str) -> [String; 8] {
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let in_json = json(secret);
    let in_form: String = byte_serialize(secret.as_bytes()).collect();
    let in_address = in_form.replace('+', "%20");
    [
        json(&in_json),
        in_json.replace('/', "\\/"),
        in_json,
        lower_escapes(&in_form),
        in_form,
        lower_escapes(&in_address),
        in_address,
        secret.to_owned(),
    ]
}

/// `%2f` for `%2F`: some write one, some the other.
fn lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        lower.extend(["%", &digits.to_ascii_lowercase(), rest]);
    }
    lower
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
        let url = "postgres://u:planted-db@h/d";
        let address = "postgres%3A%2F%2Fu%3Aplanted-db%40h%2Fd";
        for said in [url, "postgres:\\/\\/u:planted-db@h\\/d", address, &lower_escapes(address)] {
            assert_eq!(redaction.clean(&format!("[{said}]")), "[***]");
        }
    }

    #[test]
    fn a_secret_is_found_in_what_programs_make_of_it() {
        let secret = r#"a\b"c/d é+%25"#;
        let quoted = serde_json::Value::from(secret).to_string();
        let again = serde_json::Value::from(quoted.as_str()).to_string();
        let form: String = byte_serialize(secret.as_bytes()).collect();
        let mut redaction = Redaction::default();
        redaction.learn(secret);
        for text in [secret, &quoted, &again, &form, &form.replace('+', "%20")] {
            let seen = redaction.clean(text);
            assert_eq!(seen.trim_matches(['"', '\\']), "***", "{text}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_not_told() {
        assert_eq!(Redaction::of("admin_key = planted").config, "# it is no TOML");
    }
}
