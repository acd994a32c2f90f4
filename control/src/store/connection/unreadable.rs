//! Rows whose stored values our types refuse: a word that has left the program, a name
//! that became reserved. One of them must stop nobody else.

use std::sync::PoisonError;

use futures_util::future::BoxFuture;
use sqlx::any::AnyRow;
use tracing::error;

use super::columns::Columns as _;
use super::database::Store;
use super::error::{Attempt as _, StoreError};
use super::unreadable_rows::REMEMBERED;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    pub table: &'static str,
    pub key: String,
    pub why: String,
}

impl Store {
    /// What could not be read since the program started.
    pub fn unreadable_rows(&self) -> Vec<UnreadableRow> {
        let rows = self.unreadable().0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |((table, key), why): (&(&'static str, String), &String)| UnreadableRow {
            table,
            key: key.clone(),
            why: why.clone(),
        };
        rows.iter().map(row).collect()
    }

    /// Those of `rows` that can be read. The others are said in the log, once each, and
    /// remembered by their column `key`.
    pub(in crate::store) fn readable<T>(
        &self,
        table: &'static str,
        key: &str,
        rows: &[AnyRow],
        parse: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
    ) -> Vec<T> {
        let read = |row: &AnyRow| match parse(row) {
            Ok(read) => Some(read),
            Err(why) => {
                self.note_unreadable(table, row.text(key).unwrap_or_default(), &why);
                None
            }
        };
        rows.iter().filter_map(read).collect()
    }

    /// Up to `limit` that can be read, beginning after the place `after`; only the end of
    /// the list makes it fewer.
    ///
    /// `fetch` reads the rows that come after a place, `place` says what place a row has.
    pub(in crate::store) async fn readable_page<'a, T, P: Clone>(
        &self,
        (table, key): (&'static str, &str),
        after: P,
        limit: u32,
        fetch: impl Fn(P, u32) -> BoxFuture<'a, Result<Vec<AnyRow>, StoreError>>,
        place: impl Fn(&AnyRow) -> Result<P, sqlx::Error>,
        parse: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let (mut items, mut after) = (Vec::new(), after);
        loop {
            let read = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let wanted = limit.saturating_sub(read);
            let rows = fetch(after.clone(), wanted).await?;
            items.extend(self.readable(table, key, &rows, &parse));
            let Some(last) = rows.last() else { return Ok(items) };
            if rows.len() < wanted as usize || items.len() >= limit as usize {
                return Ok(items);
            }
            after = place(last).attempt("read a list")?;
        }
    }

    pub(in crate::store) fn note_unreadable(
        &self,
        table: &'static str,
        key: String,
        why: &sqlx::Error,
    ) {
        let mut rows = self.unreadable().0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (table, key);
        if rows.len() < REMEMBERED && !rows.contains_key(&place) {
            error!("row {:?} of {table} cannot be read and is left out: {why}", place.1);
            rows.insert(place, why.to_string());
        }
    }
}
