//! What the key ring is used for here, and how a new one comes in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use shared::process::named_file;
use shared::{KeyRing, SessionKeys};
use tokio::signal::unix::Signal;
use tracing::{error, info};

pub struct Keys {
    pub ring: KeyRing,
    pub sessions: SessionKeys,
}

/// The present keys and the file they come from.
pub struct KeyFile {
    path: PathBuf,
    present: ArcSwap<Keys>,
}

impl KeyFile {
    /// # Errors
    /// Names the file, never what is in it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let present = ArcSwap::from_pointee(read(path)?);
        Ok(Self { path: path.to_owned(), present })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn present(&self) -> Arc<Keys> {
        self.present.load_full()
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// As [`KeyFile::open`]; the present keys stay.
    pub fn reload(&self) -> Result<(), String> {
        self.present.store(Arc::new(read(&self.path)?));
        Ok(())
    }

    /// Reads the file again at each of `hangups`.
    pub async fn reload_at(&self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            match self.reload() {
                Ok(()) => info!("the key ring was read again: {:?}", self.present().ring),
                Err(cause) => error!("{cause}; the old key ring stays"),
            }
        }
    }
}

fn read(path: &Path) -> Result<Keys, String> {
    let text = named_file::read_text(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let ring = KeyRing::from_toml(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Keys { sessions: SessionKeys::new(&ring), ring })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_cannot_be_read_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let write = |id: &str| {
            let ring = KeyRing::generate_toml(&shared::KeyId::parse(id).unwrap());
            std::fs::write(&path, ring).unwrap();
        };
        write("k1");
        let keys = KeyFile::open(&path).unwrap();
        let current = || keys.present().ring.current().to_string();
        std::fs::write(&path, "current = \"k2\"\n[keys]\nk2 = \"abcdef\"\n").unwrap();
        let complaint = keys.reload().unwrap_err();
        assert!(complaint.contains("keys.toml: key k2 is not"), "{complaint}");
        assert!(!complaint.contains("abcdef"), "{complaint}");
        assert_eq!(current(), "k1");
        write("k3");
        keys.reload().unwrap();
        assert_eq!(current(), "k3");
    }
}
