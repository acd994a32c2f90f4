//! A folder that only this user can enter, where an edge meets its successor.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(super) struct RunFolder {
    folder: File,
}

impl RunFolder {
    /// Makes it if there is none.
    ///
    /// # Errors
    /// When somebody else could enter it, or owns it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let made = DirBuilder::new().mode(0o700).create(path);
        if let Err(error) = made
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error).with_context(|| format!("making run_folder {}", path.display()));
        }
        let what = || format!("opening run_folder {}", path.display());
        let folder = File::open(path).with_context(what)?;
        let metadata = folder.metadata().with_context(what)?;
        if !metadata.is_dir() {
            bail!("run_folder {} is not a folder", path.display());
        }
        let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !is_ours || metadata.mode() & 0o077 != 0 {
            bail!(
                "run_folder {} must belong to the edge's user and be closed to all others \
                 (mode 0700): who enters it can take the listening sockets",
                path.display()
            );
        }
        Ok(Self { folder })
    }

    /// # Errors
    /// When the socket cannot be made. One that nobody answers at is replaced.
    pub(super) fn listen(&self) -> anyhow::Result<UnixListener> {
        let path = self.socket();
        let _ = std::fs::remove_file(&path);
        UnixListener::bind(&path).context("listening in run_folder")
    }

    /// `None` when no other edge answers there.
    ///
    /// # Errors
    /// When it cannot be told whether one does.
    pub(super) fn connect(&self) -> anyhow::Result<Option<UnixStream>> {
        match UnixStream::connect(self.socket()) {
            Ok(stream) => Ok(Some(stream)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).context("asking the other edge in run_folder"),
        }
    }

    /// Through the open folder: a socket's own path may have 107 bytes only.
    fn socket(&self) -> PathBuf {
        format!("/proc/self/fd/{}/edge.sock", self.folder.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-name-that-is-long-".repeat(9)).join("run");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let run = RunFolder::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        assert!(run.connect().unwrap().is_none());
        let listener = run.listen().unwrap();
        assert!(run.connect().unwrap().is_some());
        drop(listener);
        assert!(run.connect().unwrap().is_none());
        for mode in [0o755, 0o770, 0o701] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(RunFolder::open(&path).is_err(), "{mode:o}");
        }
    }
}
