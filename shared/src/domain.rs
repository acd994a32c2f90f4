//! A customer's own domain: another host at which their workspace is reached.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name of DNS in lower case with at least two labels, at most 253 bytes. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("a domain has at most 253 characters, and 1 to 63 between two dots")]
    Length,
    #[error("a domain has two parts at least, such as chat.example.org")]
    SingleLabel,
    #[error("a wildcard stands for many domains; add the one that is meant")]
    Wildcard,
    #[error("an address is no domain")]
    Address,
    #[error("letters beyond a to z are written in their ASCII form, which begins with xn--")]
    NotAscii,
    #[error(
        "a domain has letters, digits, hyphens and dots, and no part begins or ends in a hyphen"
    )]
    Character,
    #[error("this ending is of no public domain")]
    Reserved,
    #[error("domains of many owners end in this; add one of your own")]
    Suffix,
}

/// Endings that never lead to the public, sorted (RFC 6761, RFC 6762, RFC 7686, RFC 9476).
const RESERVED: [&str; 13] = [
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
];

/// Below a country's ending, what is sold under: `co.uk` is nobody's own. That a
/// name is somebody's is proven by its record of DNS; this only says so at once.
const SOLD_UNDER: [&str; 12] =
    ["ac", "co", "com", "edu", "gob", "gov", "go", "ne", "net", "nom", "or", "org"];

impl Domain {
    /// As somebody types it: capitals and a dot at the end make no other domain.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_typed(text: &str) -> Result<Self, DomainError> {
        let text = text.trim();
        Self::parse(&text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase())
    }

    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let labels = labels(text)?;
        let [.., under, last] = labels[..] else { return Err(DomainError::SingleLabel) };
        if RESERVED.binary_search(&last).is_ok() {
            return Err(DomainError::Reserved);
        }
        if labels.len() == 2 && last.len() == 2 && SOLD_UNDER.contains(&under) {
            return Err(DomainError::Suffix);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Between the dots of a name of DNS in lower case; two at least, whether the public finds it or
/// not.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn labels(text: &str) -> Result<Vec<&str>, DomainError> {
    let labels: Vec<&str> = text.split('.').collect();
    let is_label_long = |label: &&str| !(1..=63).contains(&label.len());
    if text.starts_with("*.") || text == "*" {
        return Err(DomainError::Wildcard);
    }
    if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') {
        return Err(DomainError::Address);
    }
    if !text.is_ascii() {
        return Err(DomainError::NotAscii);
    }
    if text.len() > 253 || labels.iter().any(is_label_long) {
        return Err(DomainError::Length);
    }
    if !labels.iter().all(|label| is_label(label)) {
        return Err(DomainError::Character);
    }
    let [.., _, last] = labels[..] else { return Err(DomainError::SingleLabel) };
    // Some resolvers read a number at the end as a part of an address.
    if last.bytes().next().is_some_and(|first| first.is_ascii_digit()) {
        return Err(DomainError::Address);
    }
    Ok(labels)
}

fn is_label(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        Self::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<&str, DomainError>) {
        let parsed = Domain::parse_typed(text);
        let seen = parsed.as_ref().map(Domain::as_str).map_err(|error| *error);
        assert_eq!(seen, expected, "{text:?}");
    }

    #[test]
    fn a_domain_is_a_name_that_somebody_can_own() {
        use DomainError::{
            Address, Character, Length, NotAscii, Reserved, SingleLabel, Suffix, Wildcard,
        };
        check("chat.example.org", Ok("chat.example.org"));
        check(" Chat.Example.ORG. ", Ok("chat.example.org"));
        check("example.org", Ok("example.org"));
        check("example.co.uk", Ok("example.co.uk"));
        check("xn--bcher-kva.example", Ok("xn--bcher-kva.example"));
        check("bücher.example", Err(NotAscii));
        check("*.example.org", Err(Wildcard));
        check("192.0.2.1", Err(Address));
        check("2001:db8::1", Err(Address));
        check("[::1]", Err(Address));
        check("1.2.3", Err(Address));
        check("org", Err(SingleLabel));
        check("co.uk", Err(Suffix));
        check("chat.localhost", Err(Reserved));
        check("chat.example.internal", Err(Reserved));
        check("", Err(Length));
        check("a..b", Err(Length));
        check(&format!("{}.org", "a".repeat(64)), Err(Length));
        check(&format!("{}org", "a.".repeat(130)), Err(Length));
        check("a_b.example.org", Err(Character));
        check("-a.example.org", Err(Character));
        check("chat.example.org:443", Err(Character));
        check("https://chat.example.org/", Err(Character));
        assert!(RESERVED.is_sorted());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_is_a_host_name(text in ".{0,60}") {
            if let Ok(domain) = Domain::parse_typed(&text) {
                let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
                prop_assert!(domain.as_str().bytes().all(is_plain));
                prop_assert_eq!(Domain::parse(domain.as_str()).unwrap(), domain);
            }
        }
    }
}
