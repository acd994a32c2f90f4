//! Operators by name: who may look, and who may act.
//!
//! Each has a random key, which is compared and never stored or logged. The admin key of
//! the configuration is the operator `admin`, who may act.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Secret;
use shared::process::Section;
use shared::secret::bearer;

use crate::base::token::sha256_hex;

/// Shorter ones can be guessed: nothing slows down who tries them.
const KEY_MIN_CHARS: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Read,
    Act,
}

#[derive(Debug, Clone)]
pub struct Operator {
    pub name: String,
    pub role: Role,
    key: Secret<String>,
}

/// All of them, the one with the admin key first.
#[derive(Debug, Clone)]
pub struct Operators(Vec<Operator>);

impl Role {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "read" => Ok(Self::Read),
            "act" => Ok(Self::Act),
            _ => Err("is \"read\" or \"act\""),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Read => "may look",
            Self::Act => "may act",
        })
    }
}

impl Operator {
    pub fn from_section(operator: &mut Section<'_>) -> Option<Self> {
        let name = operator.required("name", |name| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            match name.bytes().all(is_plain) && (1..=32).contains(&name.len()) && name != "admin" {
                true => Ok(name.to_owned()),
                false => Err("is one to 32 of A-Z, a-z, 0-9, -, _ and ., and not admin"),
            }
        });
        let role = operator.required("role", Role::parse);
        let key = operator.secret("key", "key_file");
        if key.as_ref().is_some_and(|key| key.expose().len() < KEY_MIN_CHARS) {
            operator.complain("key", &format!("must have at least {KEY_MIN_CHARS} characters"));
            return None;
        }
        Some(Self { name: name?, role: role?, key: key? })
    }

    /// Tells sessions of this key from those of a former one; says nothing of the key.
    pub fn fingerprint(&self) -> String {
        sha256_hex(format!("operator session\0{}\0{}", self.name, self.key.expose()))[..16]
            .to_owned()
    }
}

impl Operators {
    pub fn new(admin_key: Secret<String>, named: Vec<Operator>) -> Self {
        let admin = Operator { name: "admin".to_owned(), role: Role::Act, key: admin_key };
        Self(std::iter::once(admin).chain(named).collect())
    }

    /// Whose key this is. Every key is compared, however early one fits.
    pub fn of_key(&self, key: &str) -> Option<&Operator> {
        let fits =
            |found, operator| if Operator::has_key(operator, key) { Some(operator) } else { found };
        self.0.iter().fold(None, fits)
    }

    /// Whose `authorization` header this is.
    pub fn of_bearer(&self, header: Option<&str>) -> Option<&Operator> {
        self.of_key(bearer(header?)?)
    }

    pub fn named(&self, name: &str) -> Option<&Operator> {
        self.0.iter().find(|operator| operator.name == name)
    }
}

impl Operator {
    fn has_key(&self, key: &str) -> bool {
        self.key.matches(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_operators_and_prints_nowhere() {
        let key = |text: &str| Secret::new(text.repeat(16));
        let grace = Operator { name: "grace".to_owned(), role: Role::Read, key: key("gr") };
        let operators = Operators::new(key("ad"), vec![grace]);
        let name = |text: &str| operators.of_key(&text.repeat(16)).map(|it| it.name.as_str());
        assert_eq!((name("ad"), name("gr"), name("x")), (Some("admin"), Some("grace"), None));
        let of_header = |scheme: &str| {
            let header = format!("{scheme}{}", "gr".repeat(16));
            operators.of_bearer(Some(&header)).map(|it| it.name.as_str())
        };
        assert_eq!((of_header(""), of_header("Basic ")), (None, None));
        assert_eq!((of_header("Bearer "), of_header("bearer ")), (Some("grace"), Some("grace")));
        assert!(!format!("{operators:?}").contains("gr".repeat(16).as_str()));
        let print = |name| operators.named(name).unwrap().fingerprint();
        assert_ne!(print("admin"), print("grace"));
    }
}
