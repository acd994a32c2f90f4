//! A copy of the last configuration the gateway became ready with.
//!
//! The gateway's user owns the folder and may be up to something; we may be
//! root. So links are not followed, only plain files of a sane size are read,
//! and what is written is a new file that takes the old one's place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, fchown};
use std::path::Path;

use super::account::Account;

pub const CONFIGURATION: &str = "openclaw.json";
const LAST_WORKED: &str = "openclaw.json.last-worked";
/// What the gateway refused, kept for whoever wants to know why.
const REFUSED: &str = "openclaw.json.refused";
const NEW: &str = "openclaw.json.new";

/// Real ones have a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// Call when the gateway is ready.
///
/// # Errors
/// When there is no plain file to copy, or no room for the copy.
pub fn keep(state_dir: &Path, account: Option<&Account>) -> io::Result<()> {
    let configuration = read(&state_dir.join(CONFIGURATION))?;
    replace(state_dir, LAST_WORKED, &configuration, account)
}

/// Puts the copy in the configuration's place and the configuration aside.
///
/// # Errors
/// When there is no copy, or it is the same configuration that was just refused.
pub fn restore(state_dir: &Path, account: Option<&Account>) -> io::Result<()> {
    let last_worked = read(&state_dir.join(LAST_WORKED))?;
    // A configuration that cannot be read is no reason against one that can.
    if let Ok(refused) = read(&state_dir.join(CONFIGURATION)) {
        if refused == last_worked {
            return Err(io::Error::other("the refused configuration is the one that worked"));
        }
        replace(state_dir, REFUSED, &refused, account)?;
    }
    replace(state_dir, CONFIGURATION, &last_worked, account)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(io::Error::other("not a plain file of at most 1 MiB"));
    }
    let mut content = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

fn replace(folder: &Path, name: &str, content: &[u8], account: Option<&Account>) -> io::Result<()> {
    let new = folder.join(NEW);
    // Left over from a crash, or put there: either way not ours to write into.
    let _ = std::fs::remove_file(&new);
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    if let Some(account) = account {
        fchown(&file, Some(account.uid), Some(account.gid))?;
    }
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn check(folder: &Path, name: &str, expected: Option<&str>) {
        let content = std::fs::read_to_string(folder.join(name)).ok();
        assert_eq!(content.as_deref(), expected, "{name}");
    }

    #[test]
    fn what_worked_comes_back_and_what_did_not_is_kept_aside() {
        let folder = folder_with(&[(CONFIGURATION, "good")]);
        let folder = folder.path();
        keep(folder, None).unwrap();
        keep(folder, None).unwrap();
        std::fs::write(folder.join(CONFIGURATION), "bad").unwrap();
        restore(folder, None).unwrap();
        check(folder, CONFIGURATION, Some("good"));
        check(folder, REFUSED, Some("bad"));
        assert!(restore(folder, None).is_err(), "the same again is no help");
    }

    #[test]
    fn a_configuration_that_is_gone_comes_back_too() {
        let folder = folder_with(&[(LAST_WORKED, "good")]);
        restore(folder.path(), None).unwrap();
        check(folder.path(), CONFIGURATION, Some("good"));
        check(folder.path(), REFUSED, None);
    }

    #[test]
    fn without_a_copy_there_is_nothing_to_restore() {
        let folder = folder_with(&[(CONFIGURATION, "bad")]);
        assert!(restore(folder.path(), None).is_err());
        check(folder.path(), CONFIGURATION, Some("bad"));
    }

    #[test]
    fn links_are_neither_read_nor_written_through() {
        let outside = folder_with(&[("secret", "secret")]);
        let secret = outside.path().join("secret");
        let folder = folder_with(&[]);
        let link = |name: &str| {
            std::os::unix::fs::symlink(&secret, folder.path().join(name)).unwrap();
        };
        link(CONFIGURATION);
        assert!(keep(folder.path(), None).is_err());
        check(folder.path(), LAST_WORKED, None);

        link(NEW);
        link(REFUSED);
        std::fs::write(folder.path().join(LAST_WORKED), "good").unwrap();
        restore(folder.path(), None).unwrap();
        check(folder.path(), CONFIGURATION, Some("good"));
        check(outside.path(), "secret", Some("secret"));
    }
}
