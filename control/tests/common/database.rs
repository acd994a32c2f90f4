//! A database of its own for each test: SQLite, or PostgreSQL where one is named.
//!
//! `ARCA_TEST_POSTGRES=postgres://user@host/postgres cargo test -p control --features postgres`

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use tempfile::TempDir;

/// What is in the folder goes when this is dropped; a PostgreSQL database stays.
pub struct Database {
    pub url: String,
    _folder: Option<TempDir>,
}

impl Database {
    pub async fn fresh() -> Self {
        match std::env::var("ARCA_TEST_POSTGRES") {
            Ok(server) => Self { url: create(&server).await, _folder: None },
            Err(_) => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}/control.db", folder.path().display());
                Self { url, _folder: Some(folder) }
            }
        }
    }
}

async fn create(server: &str) -> String {
    sqlx::any::install_default_drivers();
    let name = format!("arca_test_{}", shared::SessionId::random());
    let mut connection = AnyConnection::connect(server).await.unwrap();
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    let (address, _) = server.rsplit_once('/').unwrap();
    format!("{address}/{name}")
}
