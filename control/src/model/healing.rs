//! What is checked around a task, and what was done about what was found. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::task::{Kind, TaskId};
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Pre,
    Post,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// For now: it is taken off when the check is well again.
    Patch,
    /// Of the cause.
    Fix,
    /// Nothing was done.
    Note,
}

text_enum! {
    /// In the order in which they are made.
    pub enum CheckName or "not a check of Pflaster" {
        Database = "database",
        Provider = "provider",
        Stale = "stale",
        Pool = "pool",
        Edges = "edges",
        Target = "target",
        Disk = "disk",
        Vendors = "vendors",
        Services = "services",
        Route = "route",
        Mail = "mail",
        Refill = "pool_refill",
    }
}

/// One thing that is looked at around attempts at tasks of some kinds.
#[derive(Debug)]
pub struct Check {
    pub name: CheckName,
    pub phase: Phase,
    pub kinds: &'static [Kind],
    /// What is looked at.
    pub looks: &'static str,
    pub action: Action,
    /// What is done when it is not well.
    pub heals: &'static str,
    pub why: &'static str,
    /// So often an hour; beyond it a person is told instead.
    pub hourly_limit: u64,
}

/// What came of a check that was not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub check: CheckName,
    pub action: Action,
    pub detail: String,
}

/// As it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    pub task: String,
    pub check: String,
    pub action: String,
    pub detail: String,
    pub at: Moment,
}

/// All checks of one phase of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    pub task: TaskId,
    pub phase: Phase,
    pub at: Moment,
    pub entries: Vec<StoredEntry>,
}

impl Phase {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
        }
    }

    /// # Errors
    /// `text` is no phase.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "pre" => Ok(Self::Pre),
            "post" => Ok(Self::Post),
            _ => Err("a phase is pre or post"),
        }
    }
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Fix => "fix",
            Self::Note => "note",
        }
    }
}
