//! Whether preparing sprites goes well.

use crate::base::clock::Moment;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Preparations that failed since one went well.
    pub failures: u64,
    /// While there is one, the keeper begins nothing.
    pub pause: Option<Pause>,
}

/// Until the operator has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub since: Moment,
    pub why: String,
}
