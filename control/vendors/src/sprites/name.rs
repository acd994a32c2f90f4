//! Names of sprites and of their services. Checked, because they are put into paths.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One to 48 of `[a-z0-9-]`, not beginning or ending with `-`.
///
/// The provider takes 63, but appends its suffix for the host name and lets
/// the address of a longer name never resolve.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpriteName(String);

/// One to 48 of `[a-z0-9-]`, likewise.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is one to {NAME_MAX_CHARS} of a-z, 0-9 and -, not beginning or ending with -")]
pub struct NameError;

const NAME_MAX_CHARS: usize = 48;

fn check(text: &str) -> Result<(), NameError> {
    let fits = (1..=NAME_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits { Ok(()) } else { Err(NameError) }
}

macro_rules! names {
    ($($name:ident),+) => {$(
        impl $name {
            /// # Errors
            /// `text` breaks the rule.
            pub fn parse(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text).map(|()| Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
}

names!(SpriteName, ServiceName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leaves_room_for_the_providers_suffix() {
        let check = |text: &str, fits| assert_eq!(SpriteName::parse(text).is_ok(), fits, "{text}");
        check("a", true);
        check("arca-1f2e", true);
        check(&"a".repeat(48), true);
        check(&"a".repeat(49), false);
        for wrong in ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "a?b", "ä", "a b"] {
            check(wrong, false);
        }
    }
}
