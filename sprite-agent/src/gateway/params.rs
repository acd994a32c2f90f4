//! Checks a request's parameters by name and kind, without building them in memory.
//!
//! A message with attachments has megabytes: its values are skipped, not
//! copied. A name given twice is refused, because the gateway's parser might
//! take the other one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Bytes of a `Name`: the longest that the gateway takes is a label of 512 characters.
const NAME_MAX_BYTES: usize = 2048;

/// What a parameter's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bool,
    List,
    /// A string that is not empty, of at most [`NAME_MAX_BYTES`] as it is written.
    Name,
    NameOrNull,
    Object,
    OneOf(&'static [&'static str]),
    Text,
    /// `true` and nothing else.
    True,
}

impl Kind {
    /// A value that is let in and, of a list, that the gateway takes for nothing.
    pub fn example(self, name: &str) -> Value {
        match self {
            Self::Bool | Self::True => true.into(),
            Self::List => json!([0]),
            Self::Name | Self::NameOrNull | Self::Text => name.into(),
            Self::Object => json!({}),
            Self::OneOf(words) => words.first().copied().into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamsRefused(String);

impl ParamsRefused {
    /// The refusal of a parameter that the method's entry does not name.
    pub fn unknown(name: &str) -> Self {
        // The name is the page's own text; cut, so that an answer stays small.
        let name: String = name.chars().take(64).collect();
        Self(format!("parameter {name:?} is not available here"))
    }

    fn mismatch(name: &str) -> Self {
        Self(format!("parameter {name:?} has a value that is not available here"))
    }

    fn missing(name: &str) -> Self {
        Self(format!("parameter {name:?} is missing"))
    }
}

/// Checks `params`, which may be absent, against the parameters that a method has.
///
/// # Errors
/// Names the first parameter that is unknown, given twice, of the wrong kind, or missing.
pub fn check(
    params: Option<&RawValue>,
    known: &[(&str, Kind)],
    required: &[&str],
) -> Result<(), ParamsRefused> {
    let given = match params {
        Some(params) => names(params, known)?,
        None => Vec::new(),
    };
    match required.iter().find(|name| !given.contains(name)) {
        Some(name) => Err(ParamsRefused::missing(name)),
        None => Ok(()),
    }
}

/// The names that are given; each is known, of its kind, and given once.
fn names<'k>(
    params: &RawValue,
    known: &'k [(&'k str, Kind)],
) -> Result<Vec<&'k str>, ParamsRefused> {
    let mut refused = None;
    let visitor = Names { known, refused: &mut refused };
    let given = serde_json::Deserializer::from_str(params.get()).deserialize_map(visitor);
    match (given, refused) {
        (Ok(given), _) => Ok(given),
        (Err(_), Some(refused)) => Err(refused),
        (Err(_), None) => Err(ParamsRefused("the parameters are not an object".to_owned())),
    }
}

struct Names<'k, 'r> {
    known: &'k [(&'k str, Kind)],
    refused: &'r mut Option<ParamsRefused>,
}

impl<'de, 'k> Visitor<'de> for Names<'k, '_> {
    type Value = Vec<&'k str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut given = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = map.next_value()?;
            let entry = self.known.iter().find(|(known, _)| *known == name);
            let refusal = match entry {
                None => ParamsRefused::unknown(&name),
                Some((known, kind)) if matches(*kind, value.get()) && !given.contains(known) => {
                    given.push(*known);
                    continue;
                }
                Some(_) => ParamsRefused::mismatch(&name),
            };
            *self.refused = Some(refusal);
            return Err(A::Error::custom("refused"));
        }
        Ok(given)
    }
}

/// Whether `value`, one valid JSON value without space around it, is of this kind.
fn matches(kind: Kind, value: &str) -> bool {
    let is_text = value.starts_with('"');
    let is_name = is_text && value.len() > 2 && value.len() <= NAME_MAX_BYTES;
    match kind {
        Kind::Bool => matches!(value, "true" | "false"),
        Kind::List => value.starts_with('['),
        Kind::Name => is_name,
        Kind::NameOrNull => is_name || value == "null",
        Kind::Object => value.starts_with('{'),
        Kind::OneOf(words) => {
            serde_json::from_str::<Cow<'_, str>>(value).is_ok_and(|value| words.contains(&&*value))
        }
        Kind::Text => is_text,
        Kind::True => value == "true",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[(&str, Kind)] = &[
        ("bool", Kind::Bool),
        ("list", Kind::List),
        ("name", Kind::Name),
        ("nameOrNull", Kind::NameOrNull),
        ("object", Kind::Object),
        ("oneOf", Kind::OneOf(&["a", "b"])),
        ("text", Kind::Text),
        ("true", Kind::True),
    ];

    fn checked(params: &str) -> Result<(), ParamsRefused> {
        check(Some(serde_json::from_str(params).unwrap()), KNOWN, &[])
    }

    #[test]
    fn each_kind_takes_its_values_and_no_others() {
        let check = |name: &str, good: &[&str], bad: &[&str]| {
            for value in good {
                assert_eq!(checked(&format!("{{ \"{name}\" : {value} }}")), Ok(()), "{value}");
            }
            for value in bad {
                let refused = Err(ParamsRefused::mismatch(name));
                assert_eq!(checked(&format!("{{\"{name}\":{value}}}")), refused, "{value}");
            }
        };
        check("bool", &["true", "false"], &["null", "1", "\"true\""]);
        check("list", &["[]", "[{}]"], &["{}", "\"[\"", "null"]);
        let long = format!("\"{}\"", "x".repeat(NAME_MAX_BYTES));
        check("name", &["\"x\"", "\"ä\""], &["\"\"", "1", "null", "[]", &long]);
        check("nameOrNull", &["\"x\"", "null"], &["\"\"", "1"]);
        check("object", &["{}"], &["[]", "null"]);
        check("oneOf", &["\"a\"", "\"\\u0062\""], &["\"c\"", "\"A\"", "1"]);
        check("text", &["\"\"", "\"x\""], &["1", "null", "{}"]);
        check("true", &["true"], &["false", "1", "\"true\""]);
    }

    #[test]
    fn a_name_cannot_hide_behind_another() {
        let unknown = |name: &str| Err(ParamsRefused::unknown(name));
        assert_eq!(checked(r#"{"permissionMode":"full"}"#), unknown("permissionMode"));
        assert_eq!(checked(r#"{"permission\u004dode":"full"}"#), unknown("permissionMode"));
        assert_eq!(
            checked(r#"{"true":true,"true":true}"#),
            Err(ParamsRefused::mismatch("true")),
            "given twice"
        );
        assert_eq!(checked(r#"{"tru\u0065":true}"#), Ok(()));
    }

    #[test]
    fn parameters_are_an_object_or_absent() {
        assert_eq!(check(None, KNOWN, &[]), Ok(()));
        assert_eq!(check(None, KNOWN, &["name"]), Err(ParamsRefused::missing("name")));
        for params in ["[]", "null", "1", "\"x\""] {
            assert!(checked(params).is_err(), "{params}");
        }
    }
}
