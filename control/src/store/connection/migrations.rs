//! Brings the schema up to date, on a connection of its own: what a migration may take
//! is not bounded by what a request may wait.

use anyhow::Context as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection as _, SqlSafeStr as _};

use super::dialect::Dialect;

/// The files of `migrations/` by their numbers, each with its name: run once, in this order, and
/// never changed after a release.
const MIGRATIONS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Of the schema of this program.
pub(in crate::store) const NEWEST: u64 = MIGRATIONS.len() as u64;

/// # Errors
/// When the database cannot be reached, or was made by a newer program.
pub(super) async fn run(dialect: Dialect, address: &str) -> anyhow::Result<()> {
    let mut connection =
        AnyConnection::connect(address).await.context("cannot open the database")?;
    for statement in dialect.migration_setup() {
        sqlx::query(*statement).execute(&mut connection).await?;
    }
    let migrated = migrator().run(&mut connection).await;
    connection.close().await?;
    migrated.context("cannot bring the database up to date")
}

/// As a program left it whose newest migration was number `version`.
///
/// # Errors
/// When the database fails.
pub(in crate::store) async fn migrate_to(
    connection: &mut AnyConnection,
    version: u64,
) -> anyhow::Result<()> {
    let all = migrator();
    let former = all.iter().filter(|it| u64::try_from(it.version).is_ok_and(|it| it <= version));
    let former = Migrator::with_migrations(former.cloned().collect());
    former.run(connection).await.context("cannot make the tables")
}

fn migrator() -> Migrator {
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, text.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS.iter().copied()).map(migration).collect())
}
