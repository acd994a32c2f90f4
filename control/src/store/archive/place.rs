//! Where a database is made anew, and how it takes the place of the empty one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use shared::Secret;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tokio::time::Instant;

use super::columns::{count, tables};
use crate::base::ownership::give_to_owner_of_folder;
use crate::store::connection::{self, Columns as _, Dialect};

/// Of PostgreSQL: what is made anew is in here until it is whole.
const SCHEMA: &str = "arcamatrix_restoring";

const PARTING: Duration = Duration::from_secs(5);

const POLL_DELAY: Duration = Duration::from_millis(50);

/// Tables in which the migrations themselves put one row.
const SEEDED: [&str; 4] = ["route_table", "pool", "write_probe", "subscription_list"];

/// Why nothing is put where something is.
#[derive(Debug, thiserror::Error)]
pub enum Occupied {
    #[error(
        "the database is not empty ({rows} rows in {table}): nothing is restored over one that is \
         in use. Stop control, and give it an empty database, or move the old one away"
    )]
    Rows { table: String, rows: u64 },
    #[error(
        "{count} other connections use the database: stop every control (and whoever else is \
         connected) first"
    )]
    InUse { count: u64 },
}

/// What is made beside the database.
pub(super) enum Place {
    File { making: PathBuf, at: PathBuf },
    Schema { url: String },
}

impl Place {
    /// Clears what a killed predecessor left there.
    ///
    /// # Errors
    /// [`Occupied`], and when the database cannot be reached.
    pub(super) async fn prepare(url: &Secret<String>) -> anyhow::Result<Self> {
        let url = url.expose();
        match Dialect::of_url(url).map_err(|error| anyhow::anyhow!("{error}"))? {
            Dialect::Sqlite => {
                let at =
                    connection::path_of(url).context("the path of the database cannot be read")?;
                if at.exists() {
                    let mut present =
                        connection::connect(&format!("sqlite://{}?mode=rw", at.display())).await?;
                    check_empty(&mut present, Dialect::Sqlite).await?;
                    present.close().await?;
                }
                let mut making = at.clone().into_os_string();
                making.push(".restoring");
                let making = PathBuf::from(making);
                remove_with_logs(&making)?;
                Ok(Self::File { making, at })
            }
            Dialect::Postgres => {
                let mut present =
                    connection::connect(url).await.context("cannot open the database")?;
                let others = others(&mut present).await?;
                if others > 0 {
                    return Err(Occupied::InUse { count: others }.into());
                }
                check_empty(&mut present, Dialect::Postgres).await?;
                let text =
                    format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}");
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut present).await?;
                present.close().await?;
                Ok(Self::Schema { url: url.clone() })
            }
        }
    }

    /// Of what is made, as a store opens it.
    pub(super) fn url(&self) -> Secret<String> {
        Secret::new(match self {
            Self::File { making, .. } => format!("sqlite://{}", making.display()),
            Self::Schema { url } => {
                let sign = if url.contains('?') { '&' } else { '?' };
                format!("{url}{sign}options=-csearch_path%3D{SCHEMA}")
            }
        })
    }

    /// In one step. Nobody is connected to what was made any more.
    pub(super) async fn take(self) -> anyhow::Result<()> {
        match self {
            Self::File { making, at } => {
                std::fs::File::open(&making)?.sync_all()?;
                // Logs of the one that is replaced would be played into the new one.
                for log in logs(&at) {
                    remove(&log)?;
                }
                give_to_owner_of_folder(&making)?;
                std::fs::rename(&making, &at).context("cannot put the database in its place")?;
                let folder = at.parent().filter(|it| !it.as_os_str().is_empty());
                std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
                Ok(())
            }
            Self::Schema { url } => {
                let mut connection = connection::connect(&url).await?;
                let names = sqlx::query(
                    "SELECT relname::text AS name FROM pg_class
                     WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY oid",
                )
                .bind(SCHEMA)
                .fetch_all(&mut connection)
                .await?;
                let row = sqlx::query("SELECT current_schema()::text AS present");
                let present = row.fetch_one(&mut connection).await?.text("present")?;
                let mut text = "BEGIN;".to_owned();
                for row in &names {
                    let name = row.text("name")?;
                    text += &format!("DROP TABLE IF EXISTS \"{name}\" CASCADE;");
                }
                for row in &names {
                    let name = row.text("name")?;
                    text += &format!("ALTER TABLE {SCHEMA}.\"{name}\" SET SCHEMA \"{present}\";");
                }
                text += &format!("DROP SCHEMA {SCHEMA}; COMMIT");
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await?;
                Ok(connection.close().await?)
            }
        }
    }
}

/// How many other connections the database has. The server parts from a program that has ended
/// a moment later: those of a control that was just stopped are waited for.
async fn others(connection: &mut AnyConnection) -> anyhow::Result<u64> {
    let until = Instant::now() + PARTING;
    loop {
        let row = sqlx::query(
            "SELECT COUNT(*) AS others FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND backend_type = 'client backend'",
        )
        .fetch_one(&mut *connection)
        .await?;
        let others = row.number("others")?;
        if others == 0 || Instant::now() >= until {
            return Ok(others);
        }
        tokio::time::sleep(POLL_DELAY).await;
    }
}

async fn check_empty(connection: &mut AnyConnection, dialect: Dialect) -> anyhow::Result<()> {
    for shape in tables(connection, dialect).await? {
        let rows = count(connection, &shape.table).await?;
        let seeded = u64::from(SEEDED.contains(&shape.table.as_str()));
        if rows > seeded {
            return Err(Occupied::Rows { table: shape.table, rows }.into());
        }
    }
    Ok(())
}

fn logs(path: &Path) -> [PathBuf; 2] {
    ["-wal", "-shm"].map(|end| {
        let mut log = path.to_owned().into_os_string();
        log.push(end);
        log.into()
    })
}

fn remove_with_logs(path: &Path) -> anyhow::Result<()> {
    remove(path)?;
    logs(path).iter().try_for_each(|log| remove(log))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::connection::{NEWEST_MIGRATION, migrate_to};

    #[tokio::test]
    async fn a_database_that_nobody_has_used_yet_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("control.db").display());
        let mut fresh = connection::connect(&url).await.unwrap();
        migrate_to(&mut fresh, NEWEST_MIGRATION).await.unwrap();
        check_empty(&mut fresh, Dialect::Sqlite).await.unwrap();
        let used = "INSERT INTO usernames (username, signup, state) VALUES ('ada', 'su', 'held')";
        sqlx::query(used).execute(&mut fresh).await.unwrap();
        check_empty(&mut fresh, Dialect::Sqlite).await.unwrap_err();
    }
}
