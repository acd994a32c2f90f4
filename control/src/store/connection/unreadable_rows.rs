//! What the database has noted of rows that could not be read.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Rows that are remembered: more would be one fault and not a thousand.
pub(super) const REMEMBERED: usize = 1_000;

/// Those that were met since the program started, by table and key.
#[derive(Default)]
pub(super) struct UnreadableRows(pub(super) Mutex<BTreeMap<(&'static str, String), String>>);
