//! What the key ring is used for at an edge, and how a new one comes in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use shared::process::named_file;
use shared::{KeyRing, Secret, SessionKeys, site_hop};

pub struct Keys {
    pub ring: KeyRing,
    pub sessions: SessionKeys,
    /// By which control knows us.
    pub site_hop: Secret<String>,
}

impl Keys {
    fn new(ring: KeyRing) -> Self {
        let sessions = SessionKeys::new(&ring);
        let site_hop = site_hop::sign(&ring);
        Self { ring, sessions, site_hop }
    }
}

/// The present keys and the file they come from.
pub struct KeyFile {
    path: PathBuf,
    present: ArcSwap<Keys>,
}

impl KeyFile {
    /// # Errors
    /// Names the file, never what is in it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let present = ArcSwap::from_pointee(read(path)?);
        Ok(Self { path: path.to_owned(), present })
    }

    pub fn present(&self) -> Arc<Keys> {
        self.present.load_full()
    }

    /// Reads the file again. Open connections are held against the new ring at
    /// their next request.
    ///
    /// # Errors
    /// As [`KeyFile::open`]; the present keys stay.
    pub fn reload(&self) -> anyhow::Result<()> {
        self.present.store(Arc::new(read(&self.path)?));
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Keys> {
    let what = || format!("reading the key ring {}", path.display());
    let text = named_file::read_text(path).with_context(what)?;
    Ok(Keys::new(KeyRing::from_toml(&text).with_context(what)?))
}
