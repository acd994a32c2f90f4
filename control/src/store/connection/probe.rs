//! Looks at a database without changing its schema: for whoever asks whether it is well.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::Context as _;
use shared::Secret;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, Connection as _};

use super::columns::Columns as _;
use super::dialect::Dialect;
use super::{file, migrations};
use crate::model::promise::Disk;

/// How the schema of a database stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// There is no file yet.
    Missing,
    /// There is nothing in it.
    None,
    Older,
    /// Of this program, and it takes writes.
    Present,
    Newer,
}

/// # Errors
/// When it cannot be reached, or takes no writes.
pub async fn examine(url: &Secret<String>) -> anyhow::Result<Schema> {
    sqlx::any::install_default_drivers();
    let url = url.expose();
    let dialect = Dialect::of_url(url).map_err(|error| anyhow::anyhow!("{error}"))?;
    let address = match dialect {
        Dialect::Postgres => url.clone(),
        Dialect::Sqlite => {
            let path = path_of(url).context("the path of the database cannot be read")?;
            if !path.exists() {
                let folder = path.parent().unwrap_or(Path::new("."));
                let here = tempfile_in(folder);
                here.with_context(|| format!("cannot write to {}", folder.display()))?;
                return Ok(Schema::Missing);
            }
            file::address(url)
        }
    };
    let mut connection = AnyConnection::connect(&address).await.context("cannot connect")?;
    let Some(version) = schema_version(&mut connection).await? else { return Ok(Schema::None) };
    let schema = match version.cmp(&migrations::NEWEST) {
        std::cmp::Ordering::Less => Schema::Older,
        std::cmp::Ordering::Equal => Schema::Present,
        std::cmp::Ordering::Greater => Schema::Newer,
    };
    if schema == Schema::Present {
        sqlx::query("UPDATE write_probe SET writes = writes + 1 WHERE id = 1")
            .execute(&mut connection)
            .await
            .context("it takes no writes")?;
    }
    connection.close().await.context("cannot close the connection")?;
    Ok(schema)
}

/// Of the disk that the file of the database is on; `None` where that is elsewhere.
pub fn disk_of(url: &Secret<String>) -> Option<Disk> {
    match Dialect::of_url(url.expose()).ok()? {
        Dialect::Postgres => None,
        Dialect::Sqlite => disk(&path_of(url.expose())?),
    }
}

pub(super) fn disk(path: &Path) -> Option<Disk> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(Disk {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// To a database that is there; it is not made.
///
/// # Errors
/// When there is none, or it cannot be reached.
pub(in crate::store) async fn connect_to_existing(
    url: &Secret<String>,
) -> anyhow::Result<(Dialect, AnyConnection)> {
    let url = url.expose();
    let dialect = Dialect::of_url(url).map_err(|error| anyhow::anyhow!("{error}"))?;
    let address = match dialect {
        Dialect::Postgres => url.clone(),
        Dialect::Sqlite => file::address(url),
    };
    let connection = connect(&address).await.context("cannot open the database")?;
    Ok((dialect, connection))
}

/// To a database that is made anew, private, where it is a file.
///
/// # Errors
/// When it cannot be made.
pub(in crate::store) async fn connect_anew(
    url: &Secret<String>,
) -> anyhow::Result<(Dialect, AnyConnection)> {
    if Dialect::of_url(url.expose()) == Ok(Dialect::Sqlite) {
        file::DatabaseFile::prepare(url.expose()).context("cannot make the file")?;
    }
    connect_to_existing(url).await
}

/// Ready for long work: nothing ends a statement early.
///
/// # Errors
/// Those of the driver.
pub(in crate::store) async fn connect(address: &str) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(address).await?;
    if address.starts_with("sqlite:") {
        sqlx::raw_sql("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")
            .execute(&mut connection)
            .await?;
    }
    Ok(connection)
}

/// `None` where there is nothing in it.
///
/// # Errors
/// When the number cannot be read.
pub(in crate::store) async fn schema_version(
    connection: &mut AnyConnection,
) -> anyhow::Result<Option<u64>> {
    let found = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations")
        .fetch_one(connection)
        .await;
    match found {
        Ok(row) => row.optional_number("version").context("cannot read the version"),
        Err(error) if is_missing_table(&error) => Ok(None),
        Err(error) => Err(error).context("cannot read it"),
    }
}

/// Not what anything else means: a file that is no database is not an empty one.
fn is_missing_table(error: &sqlx::Error) -> bool {
    /// `PostgreSQL`'s `undefined_table`; SQLite has no number for it.
    const UNDEFINED_TABLE: &str = "42P01";
    error.as_database_error().is_some_and(|error| {
        error.code().is_some_and(|code| code == UNDEFINED_TABLE)
            || error.message().starts_with("no such table")
    })
}

pub(in crate::store) fn path_of(url: &str) -> Option<PathBuf> {
    Some(SqliteConnectOptions::from_str(url).ok()?.get_filename().to_owned())
}

/// Whether a file can be made there; none is left.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".control-doctor-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}
