//! Puts rows into a database that is made anew beside the one that they will replace.

use anyhow::{Context as _, bail};
use serde_json::Value;
use shared::Secret;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use super::columns::tables;
use super::place::Place;
use super::shape::{Cells, ColumnKind, TableShape};
use crate::store::Store;
use crate::store::connection::{self, Dialect, NEWEST_MIGRATION};

/// A database that nobody sees yet. Dropped, it changes nothing.
pub struct Restoring {
    place: Place,
    connection: AnyConnection,
    tables: Vec<TableShape>,
    /// The statement for the rows that come now, and the kinds of its columns.
    insert: Option<(String, Vec<ColumnKind>)>,
}

impl Restoring {
    /// Makes the schema as it was at `version`, without a row.
    ///
    /// # Errors
    /// [`super::Occupied`] where the database at `url` is used, and when `version` is newer
    /// than this program.
    pub async fn begin(url: &Secret<String>, version: u64) -> anyhow::Result<Self> {
        if version > NEWEST_MIGRATION {
            bail!(
                "the backup is of a newer release (schema {version}; this one knows \
                 {NEWEST_MIGRATION}): install that release, then restore"
            );
        }
        let place = Place::prepare(url).await?;
        let (dialect, mut connection) = connection::connect_anew(&place.url()).await?;
        connection::migrate_to(&mut connection, version).await?;
        let tables = tables(&mut connection, dialect).await?;
        let begin = match dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        sqlx::raw_sql(begin).execute(&mut connection).await?;
        for shape in tables.iter().rev() {
            let text = format!("DELETE FROM \"{}\"", shape.table);
            sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await?;
        }
        Ok(Self { place, connection, tables, insert: None })
    }

    /// The rows that come next are of this table.
    ///
    /// # Errors
    /// When the schema of that release has no such table or column.
    pub fn table(&mut self, shape: &TableShape) -> anyhow::Result<()> {
        let TableShape { table, columns } = shape;
        let Some(known) = self.tables.iter().find(|known| known.table == *table) else {
            bail!("{table} is no table of that release")
        };
        if let Some((column, _)) = columns.iter().find(|column| !known.columns.contains(column)) {
            bail!("{table} has no such column: {column:?}");
        }
        let names: Vec<_> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let places: Vec<_> = (1..=columns.len()).map(|number| format!("${number}")).collect();
        let (names, places) = (names.join(", "), places.join(", "));
        let text = format!("INSERT INTO \"{table}\" ({names}) VALUES ({places})");
        self.insert = Some((text, columns.iter().map(|(_, kind)| *kind).collect()));
        Ok(())
    }

    /// # Errors
    /// When it does not fit the table.
    pub async fn row(&mut self, cells: Cells) -> anyhow::Result<()> {
        let Some((text, kinds)) = &self.insert else { bail!("a row before any table") };
        if cells.len() != kinds.len() {
            bail!("{} cells for {} columns", cells.len(), kinds.len());
        }
        let mut query = sqlx::query(AssertSqlSafe(text.clone()));
        for (cell, kind) in cells.into_iter().zip(kinds) {
            query = match (cell, kind) {
                (Value::Null, ColumnKind::Text) => query.bind(None::<String>),
                (Value::Null, ColumnKind::Number) => query.bind(None::<i64>),
                (Value::String(text), ColumnKind::Text) => query.bind(text),
                (Value::Number(number), ColumnKind::Number) => {
                    query.bind(number.as_i64().context("a number that is too large")?)
                }
                _ => bail!("a cell of another kind than its column"),
            };
        }
        query.execute(&mut self.connection).await?;
        Ok(())
    }

    /// Commits the rows, and brings the schema up to this program's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish(self) -> anyhow::Result<Restored> {
        let Self { place, mut connection, .. } = self;
        sqlx::raw_sql("COMMIT").execute(&mut connection).await?;
        connection.close().await?;
        let store = Store::open(&place.url(), crate::store::LOG_CHANGES).await?;
        Ok(Restored { place, store })
    }
}

/// A whole database that nobody sees yet.
pub struct Restored {
    place: Place,
    pub store: Store,
}

impl Restored {
    /// Puts it in its place. Killed before this returns, what was there is there.
    ///
    /// # Errors
    /// When the file system or the database refuses.
    pub async fn take(self) -> anyhow::Result<()> {
        self.store.close().await;
        self.place.take().await
    }
}
