//! What the customer has chosen about the agent itself, kept in the VM.
//!
//! Everything is off until it is chosen, and again when the file cannot be read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use tracing::warn;

/// A dozen choices, written out.
const MAX_BYTES: u64 = 4 << 10;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// Serve the gateway's own page under `/openclaw/`.
    #[serde(default)]
    pub gateway_page: bool,
}

pub struct Settings {
    /// `None`: there is no place for choices, and none can be made.
    file: Option<PathBuf>,
    choices: watch::Sender<Choices>,
    writing: Mutex<()>,
}

impl Settings {
    pub fn open(file: Option<PathBuf>) -> Self {
        let choices = file.as_deref().map_or_else(Choices::default, read_or_off);
        Self { file, choices: watch::Sender::new(choices), writing: Mutex::new(()) }
    }

    /// Can anything be chosen?
    pub fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    pub fn choices(&self) -> Choices {
        *self.choices.borrow()
    }

    /// For those who have to hear of a change.
    pub fn watch(&self) -> watch::Receiver<Choices> {
        self.choices.subscribe()
    }

    /// What is switched off is off at once, also when it cannot be written down; what is
    /// switched on is on when it is.
    ///
    /// # Errors
    /// When it could not be written, so that a restart goes back to what was chosen before.
    pub async fn choose(&self, choices: Choices) -> io::Result<()> {
        let file = self.file.clone().ok_or(io::ErrorKind::Unsupported)?;
        let _writing = self.writing.lock().await;
        if !choices.gateway_page {
            self.choices.send_replace(choices);
        }
        // A disk that hangs must not hold up the conversations.
        let written = tokio::task::spawn_blocking(move || write(&file, choices)).await;
        written.map_err(io::Error::other)??;
        self.choices.send_replace(choices);
        Ok(())
    }
}

fn read_or_off(file: &Path) -> Choices {
    match read(file) {
        Ok(choices) => choices,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Choices::default(),
        Err(error) => {
            warn!(%error, "cannot read what the customer chose; everything is off");
            Choices::default()
        }
    }
}

fn read(file: &Path) -> io::Result<Choices> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(file)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}

/// A new file takes the old one's place: a crash leaves one of the two.
fn write(file: &Path, choices: Choices) -> io::Result<()> {
    let new = file.with_extension("new");
    if let Err(error) = std::fs::remove_file(&new)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut written: File =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    written.write_all(&serde_json::to_vec(&choices).map_err(io::Error::from)?)?;
    written.sync_all()?;
    std::fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Choices = Choices { gateway_page: true };

    #[tokio::test]
    async fn a_choice_outlives_the_agent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let settings = Settings::open(Some(file.clone()));
        assert_eq!(settings.choices(), Choices::default());
        settings.choose(ON).await.unwrap();
        assert_eq!(settings.choices(), ON);
        assert_eq!(Settings::open(Some(file.clone())).choices(), ON);
        settings.choose(Choices::default()).await.unwrap();
        assert_eq!(Settings::open(Some(file)).choices(), Choices::default());
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_off() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::open(Some(folder.path().join("missing/settings.json")));
        assert!(settings.choose(ON).await.is_err());
        assert_eq!(settings.choices(), Choices::default());
        let nowhere = Settings::open(None);
        assert!(nowhere.choose(ON).await.is_err() && !nowhere.are_kept());
    }

    #[test]
    fn what_is_not_understood_is_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        for text in ["", "null", "{\"gateway_page\":\"yes\"}", "{\"gateway_page\":true,\"x\":1}"] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(Settings::open(Some(file.clone())).choices(), Choices::default(), "{text}");
        }
        std::fs::write(&file, "{\"gateway_page\":true}").unwrap();
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(Settings::open(Some(link)).choices(), Choices::default());
    }
}
