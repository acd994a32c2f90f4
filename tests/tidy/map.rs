//! Reads the map of allowed imports out of `ARCHITECTURE.md`.
//!
//! There it stands in a block of its own for each crate:
//!
//! ````text
//! ```imports control
//! cli → base, operator
//! base
//! ```
//! ````

use std::collections::{BTreeMap, BTreeSet};

/// Of each part of a crate, the parts that it may import.
pub(crate) type Allowed = BTreeMap<String, BTreeSet<String>>;

/// By the name of the crate.
pub(crate) fn read(text: &str) -> BTreeMap<String, Allowed> {
    let mut map: BTreeMap<String, Allowed> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("```imports ") {
            current = Some(map.entry(name.trim().to_owned()).or_default());
        } else if line.starts_with("```") {
            current = None;
        } else if let Some(allowed) = &mut current {
            let (from, to) = line.split_once('→').unwrap_or((line, ""));
            let parts = to.split(',').map(str::trim).filter(|part| !part.is_empty());
            allowed.insert(from.trim().to_owned(), parts.map(str::to_owned).collect());
        }
    }
    assert!(!map.is_empty(), "ARCHITECTURE.md has no block that begins with ```imports");
    map
}
