//! Lists in pages: `?after=<last of the page before>&limit=<1 to 1000>`.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::responses::Page;
use crate::base::clock::Moment;
use crate::http::Problem;

/// Entries of a page when nothing is asked for, and at most.
const DEFAULT: u32 = 100;
const MAX: u32 = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// The `next` of the page before.
    #[serde(default)]
    #[param(required = false)]
    pub(super) after: String,
    /// How many entries at most; 100 if it is not said.
    #[param(minimum = 1, maximum = 1000)]
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

    /// Where a page begins of a list that has the newest first, as [`mark`] says it.
    ///
    /// # Errors
    /// When it is no mark of ours.
    pub(super) fn mark(&self) -> Result<Option<(Moment, &str)>, Problem> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let mark = self.after.split_once('/').and_then(|(created, key)| {
            let created = Moment::from_millis(created.parse().ok()?);
            Some((created, key))
        });
        let refused = || Problem::invalid("after", "after must be the next of another page");
        mark.map(Some).ok_or_else(refused)
    }
}

/// What stands for an entry of a list that has the newest first.
pub(super) fn mark(created: Moment, key: &str) -> String {
    format!("{}/{key}", created.millis())
}

/// A full page may have one after it: `key` of its last entry says where that begins.
pub(super) fn page<T>(items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
    let is_full = items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next = items.last().filter(|_| is_full).map(key);
    Page { items, next }
}
