//! What a check found.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Well,
    Ill,
    /// It is not configured, or cannot be known from here.
    Unknown,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: String,
    pub verdict: Verdict,
    /// What was seen, in a sentence. No secret is in it.
    pub says: String,
    /// How to mend it, where something is wrong.
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn well(check: &str, says: impl Into<String>) -> Self {
        let (check, says) = (check.to_owned(), says.into());
        Self { check, verdict: Verdict::Well, says, mend: None }
    }

    pub(super) fn unknown(check: &str, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::well(check, says) }
    }

    pub(super) fn ill(check: &str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ill, mend: Some(mend.into()), ..Self::well(check, says) }
    }
}
