//! The DNS label a customer chose: `ada` in `ada.arcamatrix.com`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::reserved_names;

/// Two to 32 characters, `[a-z0-9][a-z0-9-]{0,30}[a-z0-9]`, not reserved, no `xn--`.
///
/// Stored in place: a name is read from every request and must not cost an allocation.
#[derive(Clone, Copy)]
pub struct Username {
    length: u8,
    bytes: [u8; Username::MAX_BYTES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    #[error("a name has 2 to 32 characters")]
    Length,
    #[error("a name has only lower-case letters, digits and hyphens")]
    Character,
    #[error("a name begins and ends with a letter or a digit")]
    Hyphen,
    #[error("a name cannot begin with xn--")]
    Punycode,
    #[error("this name is reserved")]
    Reserved,
}

impl Username {
    pub const MAX_BYTES: usize = 32;

    /// # Errors
    /// Says which rule is broken, in words that can be shown to the customer.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let input = text.as_bytes();
        if !(2..=Self::MAX_BYTES).contains(&input.len()) {
            return Err(UsernameError::Length);
        }
        if !input.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err(UsernameError::Character);
        }
        if input.starts_with(b"-") || input.ends_with(b"-") {
            return Err(UsernameError::Hyphen);
        }
        if input.starts_with(b"xn--") {
            return Err(UsernameError::Punycode);
        }
        if reserved_names::is_never_given(text) {
            return Err(UsernameError::Reserved);
        }
        let mut bytes = [0; Self::MAX_BYTES];
        bytes[..input.len()].copy_from_slice(input);
        Ok(Self { length: u8::try_from(input.len()).expect("at most 32"), bytes })
    }

    /// A name for somebody new: as [`Username::parse`], and none that customers could take
    /// for one of ours, such as `admin-help`, `edge-3` or `support-arcamatrix`.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_new(text: &str) -> Result<Self, UsernameError> {
        let name = Self::parse(text)?;
        if !reserved_names::is_offered(text) {
            return Err(UsernameError::Reserved);
        }
        Ok(name)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only ASCII is stored")
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Username {}

impl PartialOrd for Username {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Username {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Username {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl FromStr for Username {
    type Err = UsernameError;

    fn from_str(text: &str) -> Result<Self, UsernameError> {
        Self::parse(text)
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Username({self})")
    }
}

impl Serialize for Username {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<(), UsernameError>) {
        assert_eq!(Username::parse(text).map(|_| ()), expected, "{text:?}");
    }

    #[test]
    fn names_follow_the_rule() {
        use UsernameError::{Character, Hyphen, Length, Punycode, Reserved};
        check("ada", Ok(()));
        check("a1", Ok(()));
        check("a--b", Ok(()));
        check(&"a".repeat(32), Ok(()));
        check("", Err(Length));
        check("a", Err(Length));
        check(&"a".repeat(33), Err(Length));
        check("Ada", Err(Character));
        check("a_b", Err(Character));
        check("a.b", Err(Character));
        check("äda", Err(Character));
        check("-ada", Err(Hyphen));
        check("ada-", Err(Hyphen));
        check("xn--ada", Err(Punycode));
        check("www", Err(Reserved));
        check("api", Err(Reserved));
    }

    #[test]
    fn nobody_new_gets_a_name_that_looks_like_one_of_ours() {
        for name in ["mta-sts", "payments", "stripe", "edge-1", "edge7", "ns12", "the-admin", "www"]
        {
            assert_eq!(Username::parse_new(name), Err(UsernameError::Reserved), "{name}");
        }
        for name in ["ada", "ada-2", "edgar", "edge-of-town", "node", "badminton", "mx-fan"] {
            assert!(Username::parse_new(name).is_ok(), "{name}");
        }
        for name in [
            "arcamatrix-support",
            "arcamatrix-billing",
            "support-arcamatrix",
            "myarcamatrix",
            "arca-matrix",
            "arc4matr1x",
            "arca-support",
            "billing-team",
            "your-account-2",
            "supportdesk",
            "security1",
        ] {
            assert_eq!(Username::parse_new(name), Err(UsernameError::Reserved), "{name}");
            assert!(Username::parse(name).is_ok(), "{name}: one that was given stays good");
        }
        for name in ["acme-support", "the-team", "arcadia", "helena", "payday", "legalist", "42"] {
            assert!(Username::parse_new(name).is_ok(), "{name}");
        }
        assert!(Username::parse("payments").is_ok(), "one that was given stays good");
    }

    proptest! {
        #[test]
        fn a_parsed_name_is_the_text_it_came_from(text in "[a-z0-9][a-z0-9-]{0,30}[a-z0-9]") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
                let json = serde_json::to_string(&name).unwrap();
                prop_assert_eq!(serde_json::from_str::<Username>(&json).unwrap(), name);
            } else {
                prop_assert!(text.starts_with("xn--") || reserved_names::is_never_given(&text));
            }
        }

        #[test]
        fn no_input_panics_and_what_passes_is_a_dns_label(text in ".{0,40}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            }
        }
    }
}
