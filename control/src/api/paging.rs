//! Lists in pages: `?after=<last of the page before>&limit=<1 to 1000>`.

use axum::http::StatusCode;
use serde::Deserialize;

use super::answers::Page;
use crate::http::Problem;

/// Entries of a page when nothing is asked for, and at most.
const DEFAULT: u32 = 100;
const MAX: u32 = 1_000;

#[derive(Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) after: String,
    limit: Option<u32>,
}

impl Paging {
    /// # Errors
    /// When it is not between one and [`MAX`].
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MAX => Ok(limit),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid",
                "limit must be between 1 and 1000",
            )
            .at_field("limit")),
        }
    }
}

/// A full page may have one after it: `key` of its last entry says where that begins.
pub(super) fn page<T>(items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
    let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = items.last().filter(|_| is_full).map(key);
    Page { items, next }
}
