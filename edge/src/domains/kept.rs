//! Domains on the edge's own disk, a file for each, so that they are there at the next start
//! although control is not.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use shared::Domain;
use shared::wire::DomainGrant;
use tracing::error;

pub(super) struct Kept {
    pub(super) folder: PathBuf,
}

/// Ends the name of a file that is being written. No domain has an underscore.
const MAKING: &str = "_new";

impl Kept {
    /// In one step: a process that is killed on the way leaves the former file.
    pub(super) fn write(&self, domain: &Domain, grant: &DomainGrant) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let making = self.folder.join(format!("{domain}{MAKING}"));
        let _ = std::fs::remove_file(&making);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making)?;
        file.write_all(&serde_json::to_vec(grant)?)?;
        file.sync_all()?;
        std::fs::rename(&making, self.folder.join(domain.as_str()))?;
        self.sync()
    }

    pub(super) fn remove(&self, domain: &Domain) -> io::Result<()> {
        match std::fs::remove_file(self.folder.join(domain.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync(),
        }
    }

    /// All of them. What is no domain, or spoiled, is named in the log and passed over.
    pub(super) fn read(&self) -> io::Result<Vec<(Domain, DomainGrant)>> {
        let files = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut read = Vec::new();
        for file in files {
            let path = file?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(MAKING) {
                continue;
            }
            // The error of the parser might quote a key.
            let grant = Domain::parse(name)
                .ok()
                .zip(std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()));
            match grant {
                Some(grant) => read.push(grant),
                None => error!("{} is spoiled, and passed over", path.display()),
            }
        }
        Ok(read)
    }

    /// The names of files are part of what must survive a loss of power.
    fn sync(&self) -> io::Result<()> {
        std::fs::File::open(&self.folder)?.sync_all()
    }
}
