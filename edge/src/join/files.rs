//! Where the files of an edge are put. The configuration comes last: where it is, the rest is.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use shared::process::owner::{EDGE, give};
use shared::process::{named_file, private_file};

pub(super) const KEYS: &str = "keys.toml";
pub(super) const TOKEN: &str = "edge-admin-token";
pub(super) const CERTIFICATE: &str = "edge-admin.pem";
pub(super) const KEY: &str = "edge-admin.key";
pub(super) const CONFIGURATION: &str = "edge.toml";
const PENDING: &str = "edge-join.pending";

pub(super) struct Places {
    folder: PathBuf,
}

impl Places {
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = std::path::absolute(folder).context("cannot find the folder")?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// # Errors
    /// When this machine is an edge already.
    pub(super) fn check_free(&self) -> anyhow::Result<()> {
        let path = self.path(CONFIGURATION);
        if path.symlink_metadata().is_ok() {
            bail!(
                "nothing was changed: {} is there, so this machine is an edge already. Where it \
                 is to be another one, move the file away",
                path.display()
            );
        }
        Ok(())
    }

    pub(super) fn pending(&self) -> anyhow::Result<Option<String>> {
        self.read(PENDING)
    }

    pub(super) fn keep_pending(&self, text: &str) -> anyhow::Result<()> {
        self.put(PENDING, text).map(drop)
    }

    /// Everything that an edge starts with, by name and in this order; `false` when it is not
    /// the edge's user's yet.
    ///
    /// # Errors
    /// When a file cannot be written, or another key ring is there. Called again it does the
    /// rest.
    pub(super) fn write(&self, files: &[(&str, &str)]) -> anyhow::Result<bool> {
        let mut is_given = true;
        for (name, text) in files {
            // Control on the same machine has the ring, too.
            match self.read(KEYS)?.filter(|_| *name == KEYS) {
                Some(present) if present == *text => {}
                Some(_) => bail!(
                    "{} is there, and is another key ring than control's: move it away, then \
                     join again with the same token",
                    self.path(KEYS).display()
                ),
                None => is_given &= self.put(name, text)?,
            }
        }
        // Where it stays, it is only in the way.
        let _left = std::fs::remove_file(self.path(PENDING));
        Ok(is_given)
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        match named_file::read_text(&self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.path(name).display()))
            }
        }
    }

    /// Whole or not at all, for the edge's user alone; `false` where it is not theirs yet.
    fn put(&self, name: &str, text: &str) -> anyhow::Result<bool> {
        let (path, part) = (self.path(name), self.path(&format!("{name}.part")));
        let put = || {
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private_file::make(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            let is_given = give(&part, EDGE)?;
            std::fs::rename(&part, &path)?;
            Ok(is_given)
        };
        put().with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ALL: [(&str, &str); 3] = [(KEY, "key"), (KEYS, "ring"), (CONFIGURATION, "text")];

    #[test]
    fn what_is_written_is_read_by_its_owner_alone_and_written_again_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path()).unwrap();
        places.keep_pending("kept").unwrap();
        assert_eq!(places.pending().unwrap().as_deref(), Some("kept"));
        std::fs::write(places.path("keys.toml.part"), "half").unwrap();
        for _ in 0..2 {
            places.check_free().unwrap();
            places.write(&ALL).unwrap();
            for (name, text) in ALL {
                let mode = places.path(name).metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name}");
                assert_eq!(std::fs::read_to_string(places.path(name)).unwrap(), text);
            }
            assert!(places.check_free().unwrap_err().to_string().contains("edge already"));
            std::fs::remove_file(places.path(CONFIGURATION)).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn another_key_ring_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path()).unwrap();
        std::fs::write(places.path(KEYS), "another").unwrap();
        let error = places.write(&ALL).unwrap_err();
        assert!(error.to_string().contains("another key ring"), "{error}");
        assert_eq!(std::fs::read_to_string(places.path(KEYS)).unwrap(), "another");
        places.check_free().unwrap();
    }
}
