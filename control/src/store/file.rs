//! The file of a SQLite database.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

/// Its owner reads and writes it, and nobody else: addresses and sessions are in it.
const PRIVATE: u32 = 0o600;

/// Makes the file where it is missing, unless `url` says otherwise, and returns the URL
/// to open it by.
///
/// SQLite gives the files it puts beside it the same permissions; a file that is there
/// keeps its own.
///
/// # Errors
/// When it cannot be made. A database in memory is none: each connection would have
/// another one.
pub(super) fn prepare(url: &str) -> io::Result<String> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(io::Error::other("it must be a file, not in memory"));
    }
    let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
    make_private(&url).map(|()| url)
}

fn make_private(url: &str) -> io::Result<()> {
    if !url.contains("mode=rwc") {
        return Ok(());
    }
    let options = SqliteConnectOptions::from_str(url).map_err(io::Error::other)?;
    let path = options.get_filename();
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        opened => opened.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use shared::Secret;

    use super::super::{LOG_CHANGES, Store};

    #[tokio::test]
    async fn nobody_but_its_owner_reads_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/control.db", folder.path().display());
        let store = Store::open(&Secret::new(url), LOG_CHANGES).await.unwrap();
        let mut modes: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| {
                let file = file.unwrap();
                let mode = file.metadata().unwrap().permissions().mode() & 0o777;
                (file.file_name().into_string().unwrap(), mode)
            })
            .collect();
        modes.sort();
        let expected = ["control.db", "control.db-shm", "control.db-wal"];
        assert_eq!(modes, expected.map(|name| (name.to_owned(), 0o600)));
        store.close().await;
    }
}
