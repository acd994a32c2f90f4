//! Reads every row of a database, all of the same moment.

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use serde_json::Value;
use shared::{Generation, Secret};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::columns::tables;
use super::shape::{Cells, ColumnKind, TableShape};
use crate::store::connection::{self, Columns as _, Dialect};

/// Holds a read transaction open: what others write meanwhile is not seen, nor held up.
pub struct Dump {
    connection: AnyConnection,
    dialect: Dialect,
    /// Of its schema.
    pub version: u64,
    /// Of the route table.
    pub generation: Generation,
}

/// What a dump is made of, in this order: a table, then each of its rows.
pub enum Dumped {
    Table(TableShape),
    Row(Cells),
}

impl Dump {
    /// # Errors
    /// When there is no database, or none of ours.
    pub async fn begin(url: &Secret<String>) -> anyhow::Result<Self> {
        let (dialect, mut connection) = connection::connect_to_existing(url).await?;
        let begin = match dialect {
            // One that only reads must not wait for the one that writes.
            Dialect::Sqlite => "BEGIN DEFERRED",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        sqlx::raw_sql(begin).execute(&mut connection).await?;
        let version = connection::schema_version(&mut connection).await?;
        let Some(version) = version else { bail!("the database is empty") };
        let row = sqlx::query("SELECT generation FROM route_table WHERE id = 1")
            .fetch_one(&mut connection)
            .await
            .context("cannot read the generation of the route table")?;
        let generation = Generation(row.number("generation")?);
        Ok(Self { connection, dialect, version, generation })
    }

    /// Gives everything to `put`.
    ///
    /// # Errors
    /// When the database fails, or `put` does.
    pub async fn read(
        mut self,
        mut put: impl FnMut(Dumped) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for shape in tables(&mut self.connection, self.dialect).await? {
            put(Dumped::Table(shape.clone()))?;
            let names: Vec<_> =
                shape.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            let text = format!("SELECT {} FROM \"{}\"", names.join(", "), shape.table);
            let mut rows = sqlx::query(AssertSqlSafe(text)).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await.context("cannot read a table")? {
                let cells = cells(&row, &shape)
                    .with_context(|| format!("cannot read a row of {}", shape.table))?;
                put(Dumped::Row(cells))?;
            }
        }
        self.connection.close().await.context("cannot close the connection")
    }
}

fn cells(row: &AnyRow, shape: &TableShape) -> Result<Cells, sqlx::Error> {
    let cell = |(index, (_, kind)): (usize, &(String, ColumnKind))| {
        Ok(match kind {
            ColumnKind::Text => {
                row.try_get::<Option<String>, _>(index)?.map_or(Value::Null, Value::String)
            }
            ColumnKind::Number => {
                row.try_get::<Option<i64>, _>(index)?.map_or(Value::Null, Value::from)
            }
        })
    };
    shape.columns.iter().enumerate().map(cell).collect()
}
