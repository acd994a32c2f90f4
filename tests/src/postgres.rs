//! A database of a story's own on the PostgreSQL that `.ci/postgres` provides.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::secrets_file::random_id;

/// The URL of a database whose user may make others.
const SERVER: &str = "ARCA_TEST_POSTGRES";

/// Gone when it is dropped, also where somebody still uses it.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `None` where no PostgreSQL is named.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fresh() -> anyhow::Result<Option<Self>> {
        let Ok(server) = std::env::var(SERVER) else { return Ok(None) };
        let name = format!("arca_world_{}", random_id()?);
        run(&server, &format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self { server, name }))
    }

    /// As control is told of it.
    pub fn url(&self) -> String {
        let (address, _) = self.server.rsplit_once('/').expect("the URL names a database");
        format!("{address}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if !std::thread::panicking() {
            dropped.expect("the server drops what it has made");
        }
    }
}

/// With PostgreSQL's own client, which comes with the server.
fn run(url: &str, statement: &str) -> anyhow::Result<()> {
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--command", statement, url]);
    let output = psql.output().context("run psql")?;
    if !output.status.success() {
        bail!("{statement}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
