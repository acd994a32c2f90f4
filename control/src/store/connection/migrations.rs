//! Brings the schema up to date, on a connection of its own: what a migration may take
//! is not bounded by what a request may wait.

use anyhow::Context as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection as _, SqlSafeStr as _};

use super::dialect::Dialect;

/// Each is run once, in this order, and never changed after a release.
const MIGRATIONS: [(&str, &str); 26] = [
    ("start", include_str!("../../../migrations/0001_start.sql")),
    ("sign up", include_str!("../../../migrations/0002_sign_up.sql")),
    ("upkeep", include_str!("../../../migrations/0003_upkeep.sql")),
    ("pflaster", include_str!("../../../migrations/0004_pflaster.sql")),
    ("looks", include_str!("../../../migrations/0005_looks.sql")),
    ("suspensions", include_str!("../../../migrations/0006_suspensions.sql")),
    ("handouts", include_str!("../../../migrations/0007_handouts.sql")),
    ("ends", include_str!("../../../migrations/0008_ends.sql")),
    ("mail reasons", include_str!("../../../migrations/0009_mail_reasons.sql")),
    ("unpaid", include_str!("../../../migrations/0010_unpaid.sql")),
    ("schedules", include_str!("../../../migrations/0011_schedules.sql")),
    ("receipts", include_str!("../../../migrations/0012_receipts.sql")),
    ("operators", include_str!("../../../migrations/0013_operators.sql")),
    ("exports", include_str!("../../../migrations/0014_exports.sql")),
    ("subscription list", include_str!("../../../migrations/0015_subscription_list.sql")),
    ("journal", include_str!("../../../migrations/0016_journal.sql")),
    ("demand", include_str!("../../../migrations/0017_demand.sql")),
    ("quarantine", include_str!("../../../migrations/0018_quarantine.sql")),
    ("certificates", include_str!("../../../migrations/0019_certificates.sql")),
    ("fleet", include_str!("../../../migrations/0020_fleet.sql")),
    ("resumed exports", include_str!("../../../migrations/0021_resumed_exports.sql")),
    ("edges", include_str!("../../../migrations/0022_edges.sql")),
    ("email changes", include_str!("../../../migrations/0023_email_changes.sql")),
    ("languages", include_str!("../../../migrations/0024_languages.sql")),
    ("awake times", include_str!("../../../migrations/0025_awake_times.sql")),
    ("domains", include_str!("../../../migrations/0026_domains.sql")),
];

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
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn every_file_of_the_folder_is_run_in_its_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let listed: Vec<_> = (1..)
            .zip(MIGRATIONS)
            .map(|(number, (name, _))| format!("{number:04}_{}.sql", name.replace(' ', "_")))
            .collect();
        assert_eq!(names, listed);
    }
}
