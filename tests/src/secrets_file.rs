//! A world's own secrets: made once, kept in its state folder, never printed.
//!
//! A world that starts again in the same folder has the same passwords, so the
//! demo's sign-ins stay what they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Bytes of randomness in a secret; 192 bits, written as 48 hexadecimal digits.
const SECRET_BYTES: usize = 24;

pub struct SecretsFile {
    file: PathBuf,
    secrets: BTreeMap<String, String>,
}

impl SecretsFile {
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(file: PathBuf) -> anyhow::Result<Self> {
        let secrets = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("read the secrets in {}", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("read {}", file.display()));
            }
        };
        Ok(Self { file, secrets })
    }

    /// The secret called `name`, as in `control/admin_key`; made when it is first asked for.
    ///
    /// # Errors
    /// When it is new and cannot be saved.
    pub fn secret(&mut self, name: &str) -> anyhow::Result<String> {
        if let Some(secret) = self.secrets.get(name) {
            return Ok(secret.clone());
        }
        let secret = random_id()?;
        self.secrets.insert(name.to_owned(), secret.clone());
        write_private(&self.file, &serde_json::to_vec_pretty(&self.secrets)?)?;
        Ok(secret)
    }
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// Names the file.
pub fn write_private(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = || {
        let mut open = options.open(file)?;
        // The mode above is for new files only.
        open.set_permissions(Permissions::from_mode(0o600))?;
        open.write_all(content)
    };
    write().with_context(|| format!("write {}", file.display()))
}

/// 192 random bits as hexadecimal digits.
///
/// # Errors
/// When the operating system has none.
pub fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).context("ask the operating system for random bytes")?;
    Ok(hex(&bytes))
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stays_the_same_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.json");
        let first = SecretsFile::open(file.clone()).unwrap().secret("a").unwrap();
        let mut again = SecretsFile::open(file.clone()).unwrap();
        assert_eq!(again.secret("a").unwrap(), first);
        assert_ne!(again.secret("b").unwrap(), first);
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
