//! What a row is between two databases.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One table, in the order in which its rows are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    pub table: String,
    pub columns: Vec<(String, ColumnKind)>,
}

/// One row: null, a text or a whole number for each column.
pub type Cells = Vec<Value>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    Text,
    Number,
}

impl ColumnKind {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "TEXT" => Ok(Self::Text),
            "BIGINT" => Ok(Self::Number),
            other => Err(format!("{other} is no type of our columns")),
        }
    }
}
