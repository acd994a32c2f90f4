//! The file of a SQLite database: made private, and still the same one.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use shared::process::private_file;

/// The file as it was opened.
///
/// A file that was deleted or replaced takes what is written to it, until the process
/// ends and takes all of it along.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
}

/// Device and inode: what a name leads to.
type Identity = (u64, u64);

impl DatabaseFile {
    /// Makes the file where it is missing, unless `url` says otherwise.
    ///
    /// SQLite gives the files it puts beside it the same permissions; a file that is
    /// there keeps its own.
    ///
    /// # Errors
    /// When it cannot be made. A database in memory is none: each connection would have
    /// another one.
    pub(super) fn prepare(url: &str) -> io::Result<Self> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(io::Error::other("it must be a file, not in memory"));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(io::Error::other)?;
        let path = options.get_filename().to_owned();
        if makes_file(url) {
            match private_file::make(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let identity = identity(&path)?;
        Ok(Self { path, identity })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// When the name leads to another file now, or to none.
    pub(super) fn check(&self) -> io::Result<()> {
        match identity(&self.path) {
            Ok(found) if found == self.identity => self.check_log(),
            Ok(_) => Err(io::Error::other("the file of the database was replaced; restart")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(io::Error::other("the file of the database was deleted; restart"))
            }
            Err(error) => Err(error),
        }
    }

    /// The log has what the file does not have yet. It is there while anybody is connected.
    fn check_log(&self) -> io::Result<()> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if Path::new(&log).exists() {
            return Ok(());
        }
        Err(io::Error::other("the write-ahead log of the database was deleted; restart"))
    }
}

/// The URL to open the file by, which is there: one that is deleted later must not be
/// made again, empty, by the next connection.
pub(super) fn address(url: &str) -> String {
    if !url.contains('?') {
        return format!("{url}?mode=rw");
    }
    url.replace("mode=rwc", "mode=rw")
}

fn makes_file(url: &str) -> bool {
    !url.contains('?') || url.contains("mode=rwc")
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use shared::Secret;

    use super::super::database::{LOG_CHANGES, Store};

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
