//! One reader for each kind of column: whoever reads a row reads it by these rules.
//!
//! A stored value that our types refuse is an error, never a guess.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;

/// Reads of a row by column, in our own types.
pub(in crate::store) trait Columns {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn number(&self, column: &str) -> Result<u64, sqlx::Error>;
    /// A number that never comes near its limit; a larger one stays the largest.
    fn small(&self, column: &str) -> Result<u32, sqlx::Error>;
    fn moment(&self, column: &str) -> Result<Moment, sqlx::Error>;
    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn optional_number(&self, column: &str) -> Result<Option<u64>, sqlx::Error>;
    fn optional_moment(&self, column: &str) -> Result<Option<Moment>, sqlx::Error>;
    /// As [`valid`], for a column that may be empty.
    fn optional<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, sqlx::Error>;
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn number(&self, column: &str) -> Result<u64, sqlx::Error> {
        unsigned(self.try_get(column)?, column)
    }

    fn small(&self, column: &str) -> Result<u32, sqlx::Error> {
        Ok(u32::try_from(self.number(column)?).unwrap_or(u32::MAX))
    }

    fn moment(&self, column: &str) -> Result<Moment, sqlx::Error> {
        Ok(Moment::from_millis(self.number(column)?))
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_number(&self, column: &str) -> Result<Option<u64>, sqlx::Error> {
        let number: Option<i64> = self.try_get(column)?;
        number.map(|number| unsigned(number, column)).transpose()
    }

    fn optional_moment(&self, column: &str) -> Result<Option<Moment>, sqlx::Error> {
        Ok(self.optional_number(column)?.map(Moment::from_millis))
    }

    fn optional<T, E: std::fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, sqlx::Error> {
        match self.optional_text(column)? {
            None => Ok(None),
            Some(_) => valid(self, column, parse).map(Some),
        }
    }
}

fn unsigned(number: i64, column: &str) -> Result<u64, sqlx::Error> {
    u64::try_from(number).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("{number}: {error}").into(),
    })
}

/// A text column through a parser of ours, whose refusal names the column.
pub(in crate::store) fn valid<T, E: std::fmt::Display>(
    row: &AnyRow,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    parse(&text).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: format!("{text:?}: {error}").into(),
    })
}

pub(in crate::store) fn json(row: &AnyRow, column: &str) -> Result<Value, sqlx::Error> {
    valid(row, column, |text| serde_json::from_str(text))
}

/// A number as a `BIGINT`. Ours are far below its limit; a larger one stays the largest.
pub(in crate::store) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(in crate::store) fn millis(moment: Moment) -> i64 {
    bigint(moment.millis())
}

/// What is kept of an error: enough for a person, and no vendor's whole page.
pub(in crate::store) fn shortened(why: &str) -> String {
    const CHARS: usize = 1_000;
    why.chars().take(CHARS).collect()
}
