//! Which tables and columns there are, as the database itself says.

use sqlx::{AnyConnection, AssertSqlSafe};

use super::shape::{ColumnKind, TableShape};
use crate::store::connection::{Columns as _, Dialect};

/// All tables but the migrations' own, those first that others refer to.
///
/// They are read in the order in which they were made: a table refers to older ones only.
pub(super) async fn tables(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> anyhow::Result<Vec<TableShape>> {
    let text = match dialect {
        Dialect::Sqlite => {
            "SELECT m.name AS relation, p.name AS attribute, p.type AS kind
             FROM sqlite_master m JOIN pragma_table_info(m.name) p
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'
             ORDER BY m.rowid, p.cid"
        }
        Dialect::Postgres => {
            "SELECT c.relname::text AS relation, a.attname::text AS attribute,
                 format_type(a.atttypid, NULL) AS kind
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
                 AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> '_sqlx_migrations'
             ORDER BY c.oid, a.attnum"
        }
    };
    let mut tables: Vec<TableShape> = Vec::new();
    for row in sqlx::query(text).fetch_all(connection).await? {
        let (table, column) = (row.text("relation")?, row.text("attribute")?);
        let kind = ColumnKind::parse(&row.text("kind")?)
            .map_err(|error| anyhow::anyhow!("{table}.{column}: {error}"))?;
        match tables.last_mut().filter(|last| last.table == table) {
            Some(last) => last.columns.push((column, kind)),
            None => tables.push(TableShape { table, columns: vec![(column, kind)] }),
        }
    }
    Ok(tables)
}

/// Names come from the database's own catalogue, and may stand in a statement.
pub(super) async fn count(connection: &mut AnyConnection, table: &str) -> anyhow::Result<u64> {
    let text = format!("SELECT COUNT(*) AS counted FROM \"{table}\"");
    Ok(sqlx::query(AssertSqlSafe(text)).fetch_one(connection).await?.number("counted")?)
}
