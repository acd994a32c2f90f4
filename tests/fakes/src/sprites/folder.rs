//! A sprite on disk.
//!
//! `sprite.json` the record · `disk/` what the sprite has written ·
//! `checkpoints/vN/` copies of it · `boot.sh`, `root/`, `work/` for its start.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::record::Record;

/// Part of the disk that is scratch: in no checkpoint.
const SCRATCH: &str = "tmp";

#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(state: &Path, name: &str) -> Self {
        Self(state.join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `/.sprite` of the sprite, seen from outside.
    pub fn guest(&self) -> PathBuf {
        self.0.join("disk/.sprite")
    }

    /// # Errors
    /// The disk refuses, or what stands there is not a record.
    pub fn load(&self) -> io::Result<Record> {
        Ok(serde_json::from_slice(&std::fs::read(self.0.join("sprite.json"))?)?)
    }

    /// # Errors
    /// The disk refuses.
    pub fn save(&self, record: &Record) -> io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let new = self.0.join("sprite.json.new");
        std::fs::write(&new, serde_json::to_vec_pretty(record)?)?;
        std::fs::rename(new, self.0.join("sprite.json"))
    }

    /// # Errors
    /// A file could not be copied; the copy is of no use.
    pub async fn copy_disk(&self, id: &str) -> anyhow::Result<()> {
        let checkpoint = self.checkpoint(id);
        copy(&self.0.join("disk"), &checkpoint).await
    }

    /// Puts a copy back. No process of the sprite may run.
    ///
    /// # Errors
    /// A file could not be removed or copied; the sprite is of no use.
    pub async fn restore_disk(&self, id: &str) -> anyhow::Result<()> {
        let disk = self.0.join("disk");
        remove(&disk).await?;
        remove(&self.0.join("work")).await?;
        copy(&self.checkpoint(id), &disk).await
    }

    /// # Errors
    /// A file could not be removed.
    pub async fn remove_checkpoint(&self, id: &str) -> anyhow::Result<()> {
        remove(&self.checkpoint(id)).await
    }

    /// # Errors
    /// A file could not be removed.
    pub async fn remove(&self) -> anyhow::Result<()> {
        remove(&self.0).await
    }

    fn checkpoint(&self, id: &str) -> PathBuf {
        self.0.join("checkpoints").join(id)
    }
}

/// `cp` knows owners, holes, links, and the marks an overlay leaves for deleted files.
async fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    tokio::fs::create_dir_all(to).await?;
    let mut entries = tokio::fs::read_dir(from).await?;
    let mut command = Command::new("cp");
    command.args(["--archive", "--reflink=auto", "--target-directory"]).arg(to);
    let mut count = 0;
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_name() != SCRATCH {
            command.arg(entry.path());
            count += 1;
        }
    }
    if count == 0 { Ok(()) } else { run(&mut command).await }
}

/// `rm` copes with folders that may not be entered, as overlays leave them.
async fn remove(path: &Path) -> anyhow::Result<()> {
    run(Command::new("rm").args(["--recursive", "--force"]).arg(path)).await
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.kill_on_drop(true).output().await.context("cannot run it")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_copy_brings_back_what_was_there_and_removes_what_came_later() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::new(state.path(), "one");
        let disk = folder.path().join("disk");
        fs::create_dir_all(disk.join("home/sprite")).unwrap();
        fs::create_dir_all(disk.join("tmp")).unwrap();
        fs::write(disk.join("home/sprite/base"), "base").unwrap();
        fs::write(disk.join("tmp/scratch"), "").unwrap();
        folder.copy_disk("v1").await.unwrap();
        fs::write(disk.join("home/sprite/secret"), "secret").unwrap();
        folder.restore_disk("v1").await.unwrap();
        assert_eq!(fs::read_to_string(disk.join("home/sprite/base")).unwrap(), "base");
        assert!(!disk.join("home/sprite/secret").exists());
        assert!(!disk.join("tmp/scratch").exists());
        folder.remove().await.unwrap();
        assert!(!folder.path().exists());
    }
}
