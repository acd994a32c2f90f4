//! Tickets.

use std::fmt;

use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Neither secrets nor what a customer wrote belong in it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewIssue {
    pub id: IssueId,
    /// A UUID of Linear's.
    pub team_id: String,
    pub title: String,
    /// Markdown.
    pub description: String,
    pub priority: Priority,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label_ids: Vec<String>,
}

/// As Linear keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    pub id: String,
    /// For people: `ENG-12`.
    pub identifier: String,
    pub url: String,
}

/// A UUID (version 4 in form) of our making: the same for the same incident,
/// so that no retry makes a second ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueId(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Priority {
    None = 0,
    Urgent = 1,
    High = 2,
    Medium = 3,
    Low = 4,
}

impl Priority {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Urgent => "urgent",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// What is none of them has none.
    pub fn from_number(number: u64) -> Self {
        [Self::Urgent, Self::High, Self::Medium, Self::Low]
            .into_iter()
            .find(|priority| *priority as u64 == number)
            .unwrap_or(Self::None)
    }
}

impl IssueId {
    /// The id that belongs to `key`, a text that names one issue among all that ever were.
    pub fn of_key(key: &str) -> Self {
        let hash = Sha256::digest(key);
        let bytes = hash[..16].try_into().expect("a hash has 32 bytes");
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Priority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_id_and_it_is_a_uuid() {
        let id = IssueId::of_key("PROV-20260214-a1b2c3d4/dead").to_string();
        assert_eq!(id, IssueId::of_key("PROV-20260214-a1b2c3d4/dead").to_string());
        assert_ne!(id, IssueId::of_key("PROV-20260214-a1b2c3d5/dead").to_string());
        let dashes: Vec<_> = id.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((id.len(), dashes), (36, vec![8, 13, 18, 23]));
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }
}
