//! A database of its own for each test: SQLite, or PostgreSQL where one is named.
//!
//! `.ci/postgres cargo test -p control` names one.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// Gone when it is dropped, also where somebody still uses it.
pub struct Database {
    pub url: String,
    place: Place,
}

enum Place {
    Folder { _folder: TempDir },
    Server { url: String, name: String },
}

impl Database {
    pub async fn fresh() -> Self {
        if let Some(database) = Self::shareable().await {
            return database;
        }
        Self::file()
    }

    /// A file, whichever server is named.
    pub fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/control.db", folder.path().display());
        Self { url, place: Place::Folder { _folder: folder } }
    }

    /// One that several processes may use; `None` where no PostgreSQL is named.
    pub async fn shareable() -> Option<Self> {
        Some(Self::on(std::env::var("ARCA_TEST_POSTGRES").ok()?).await)
    }

    /// On the PostgreSQL at this URL.
    pub async fn on(server: String) -> Self {
        let name = format!("arca_test_{}", shared::SessionId::random());
        run(&server, format!("CREATE DATABASE {name}")).await.unwrap();
        let (address, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{address}/{name}"), place: Place::Server { url: server, name } }
    }

    /// The schema as a program left it whose newest migration was number `newest`.
    pub async fn migrate_to(&self, newest: i64) {
        sqlx::any::install_default_drivers();
        let create = if self.url.starts_with("sqlite:") { "?mode=rwc" } else { "" };
        let mut connection =
            AnyConnection::connect(&format!("{}{create}", self.url)).await.unwrap();
        let migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let all = Migrator::new(Path::new(migrations)).await.unwrap();
        let former = all.iter().filter(|migration| migration.version <= newest).cloned();
        let former = Migrator::with_migrations(former.collect());
        former.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// As on a new disk. Nobody is connected.
    pub async fn wipe(&self) {
        let Some(path) = self.url.strip_prefix("sqlite://") else {
            return self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public".to_owned()).await;
        };
        for end in ["", "-wal", "-shm"] {
            let _absent = std::fs::remove_file(format!("{path}{end}"));
        }
    }

    /// As somebody with a shell at the database would.
    pub async fn run(&self, statement: String) {
        run(&self.url, statement).await.unwrap();
    }

    /// The only column of the first row, where there is one.
    pub async fn text(&self, query: &str) -> Option<String> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        let text = query.fetch_optional(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        text
    }

    /// Whether several clients have it at once.
    pub fn is_server(&self) -> bool {
        matches!(self.place, Place::Server { .. })
    }

    /// What a query locks stays locked for as long as what is returned is kept.
    pub async fn hold(&self, query: &str) -> AnyConnection {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.unwrap();
        for statement in ["BEGIN", query] {
            let statement = AssertSqlSafe(statement.to_owned());
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
        connection
    }

    /// Ends every connection to it, as a restart of the server does.
    pub async fn cut_connections(&self) {
        let statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
        run(&self.url, statement.to_owned()).await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server { url, name } = &self.place else { return };
        let drop = run(url, format!("DROP DATABASE {name} WITH (FORCE)"));
        // A test's own runtime cannot be waited for inside itself.
        let dropped = std::thread::scope(|scope| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            scope.spawn(|| runtime.unwrap().block_on(drop)).join()
        });
        if !std::thread::panicking() {
            dropped.unwrap().unwrap();
        }
    }
}

async fn run(url: &str, statement: String) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}
