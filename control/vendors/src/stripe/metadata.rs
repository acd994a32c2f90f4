//! What we write on Stripe's objects, to know them again.

use std::collections::BTreeMap;

use serde::{Deserialize as _, Deserializer};

/// At most 50 entries; keys of 40, values of 500 characters.
pub type Metadata = BTreeMap<String, String>;

pub(super) fn null_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Metadata, D::Error> {
    Option::<Metadata>::deserialize(deserializer).map(Option::unwrap_or_default)
}
