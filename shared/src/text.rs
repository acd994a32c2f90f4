//! Types that are written as text on the wire, and read back by their own parser.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize as _, Deserializer};

/// Deserializes a string through a parser of ours.
pub(crate) fn from_text<'de, D, T, E>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}
