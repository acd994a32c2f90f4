//! `openclaw.json`, the copies of it that were good, and the one that was not.
//!
//! A configuration belongs to the version of OpenClaw that ran well with it: a
//! newer one has keys that an older version refuses, so each version keeps its
//! own. A bad file never takes a good one's place here; it is copied aside with
//! the reason before anything changes it.
//!
//! The gateway's user owns the folder and may be up to something; we may be
//! root. So links are not followed, only plain files of a sane size are read,
//! and what is written is a new file that takes the old one's place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::process::named_file;

use super::account::Account;

const CONFIGURATION: &str = "openclaw.json";
/// Of the version that was well last. With `.VERSION` behind it: of that version.
const LAST_WORKED: &str = "openclaw.json.last-worked";
/// The configuration that did not work, or its beginning ...
const REFUSED: &str = "openclaw.json.refused";
/// ... and why.
const REFUSED_REASON: &str = "openclaw.json.refused.reason";
const NEW: &str = "openclaw.json.new";

const OWNER_READS: u32 = 0o400;

/// Real ones have a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// Where the files are, and whose they are to be.
pub struct Configuration {
    pub folder: PathBuf,
    pub account: Option<Account>,
}

/// Tells a file from what it was before; cheap to take.
pub type Fingerprint = Option<(u64, u64, i64, i64, u32)>;

impl Configuration {
    /// Keeps a copy as the last good one, of `version` too where that is known.
    ///
    /// # Errors
    /// When there is no plain file to copy, or no room for the copy.
    pub fn keep(&self, version: Option<&str>) -> io::Result<()> {
        let configuration = self.read(CONFIGURATION)?;
        if let Some(name) = version.and_then(of_version) {
            self.replace(&name, &configuration)?;
        }
        self.replace(LAST_WORKED, &configuration)
    }

    /// Is another configuration in place than the last good one, that of `version` if there is one?
    pub fn is_untried(&self, version: Option<&str>) -> bool {
        self.last_good(version).is_ok_and(|good| {
            self.read(CONFIGURATION).map_or(true, |present| !is_same(&present, &good))
        })
    }

    fn last_good(&self, version: Option<&str>) -> io::Result<Vec<u8>> {
        match version.and_then(of_version).and_then(|name| self.read(&name).ok()) {
            Some(good) => Ok(good),
            None => self.read(LAST_WORKED),
        }
    }

    /// Puts the last good one in place, that of `version` if there is one.
    ///
    /// # Errors
    /// When there is no copy, or it is the same configuration that is in place.
    pub fn restore(&self, version: Option<&str>) -> io::Result<()> {
        let good = self.last_good(version)?;
        let is_in_place = self.read(CONFIGURATION).is_ok_and(|present| is_same(&present, &good));
        if is_in_place && self.is_the_gateways_to_read() {
            return Err(io::Error::other("the configuration in place is the last good one"));
        }
        self.put_in_place(&good)
    }

    /// A gateway of `version` is about to start: when the file in place is what another
    /// version ran well with, and this version has one of its own, that one takes its place.
    /// Returns whether it does.
    pub fn adopt_version(&self, version: &str) -> bool {
        let Some(own_name) = of_version(version) else { return false };
        let (Ok(own), Ok(present)) = (self.read(&own_name), self.read(CONFIGURATION)) else {
            return false;
        };
        let is_of_another = !is_same(&present, &own)
            && self
                .versions()
                .iter()
                .filter(|name| **name != own_name)
                .any(|name| self.read(name).is_ok_and(|other| is_same(&present, &other)));
        is_of_another && self.put_in_place(&own).is_ok()
    }

    /// Copies what is in place aside, with the reason. What cannot be copied, such as a link,
    /// leaves its reason only.
    pub fn set_aside(&self, reason: &str) {
        let copied =
            self.read_beginning(CONFIGURATION).and_then(|content| self.replace(REFUSED, &content));
        let reason = match copied {
            Ok(()) => reason.to_owned(),
            Err(error) => format!("{reason}\nIt could not be copied: {error}"),
        };
        // No room for the reason either: the log has it.
        let _ = self.replace(REFUSED_REASON, reason.as_bytes());
    }

    /// What is in the file's place and cannot be read to an end, such as a pipe: whoever
    /// opens it waits for good. Links are followed, as the gateway does.
    pub fn unreadable_kind(&self) -> Option<&'static str> {
        let kind = std::fs::metadata(self.folder.join(CONFIGURATION)).ok()?.file_type();
        // At a folder the gateway ends by itself.
        named_file::other_than_file(kind).filter(|_| !kind.is_dir())
    }

    /// We may be root, and read what the gateway may not.
    fn is_the_gateways_to_read(&self) -> bool {
        let owner = match &self.account {
            Some(account) => account.uid,
            None => rustix::process::geteuid().as_raw(),
        };
        std::fs::symlink_metadata(self.folder.join(CONFIGURATION))
            .is_ok_and(|file| file.uid() == owner && file.mode() & OWNER_READS != 0)
    }

    /// Changes whenever the file, or who may read it, does.
    pub fn fingerprint(&self) -> Fingerprint {
        let metadata = std::fs::symlink_metadata(self.folder.join(CONFIGURATION)).ok()?;
        let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
        Some((metadata.ino(), metadata.len(), seconds, nanos, metadata.mode()))
    }

    fn versions(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.strip_prefix(LAST_WORKED).is_some_and(|rest| rest.starts_with('.')))
            .collect()
    }

    fn put_in_place(&self, content: &[u8]) -> io::Result<()> {
        let path = self.folder.join(CONFIGURATION);
        if is_folder(&path) {
            let aside = self.folder.join(format!("{REFUSED}.folder"));
            clear(&aside);
            std::fs::rename(&path, aside)?;
        }
        self.replace(CONFIGURATION, content)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let (file, length) = self.open(name)?;
        if length > MAX_BYTES {
            return Err(io::Error::other("larger than 1 MiB"));
        }
        let mut content = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut content)?;
        Ok(content)
    }

    fn read_beginning(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.open(name)?.0.take(MAX_BYTES).read_to_end(&mut content)?;
        Ok(content)
    }

    fn open(&self, name: &str) -> io::Result<(File, u64)> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        Ok((file, metadata.len()))
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let new = self.folder.join(NEW);
        // Left over from a crash, or put there: either way not ours to write into.
        clear(&new);
        let path = self.folder.join(name);
        if is_folder(&path) {
            clear(&path);
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        if let Some(account) = &self.account {
            fchown(&file, Some(account.uid), Some(account.gid))?;
        }
        let written = file.write_all(content).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| std::fs::rename(&new, path)) {
            // On a full disk the half of a copy takes the room that the gateway needs.
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
        Ok(())
    }
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whatever has one of our names there goes, links not followed. What is left is told by the
/// attempt that it is in the way of.
fn clear(path: &Path) {
    let _ =
        if is_folder(path) { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
}

/// The name of a version's own copy; `None` for a version that could be a path.
fn of_version(version: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
    let fits = (1..=64).contains(&version.len()) && version.bytes().all(is_plain);
    fits.then(|| format!("{LAST_WORKED}.{version}"))
}

/// The gateway notes in `meta` when it touched the file; that makes no other configuration.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let without_meta = |text: &[u8]| {
        let mut value: Value = serde_json::from_slice(text).ok()?;
        value.as_object_mut()?.remove("meta");
        Some(value)
    };
    one == other || without_meta(one).is_some_and(|one| Some(one) == without_meta(other))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Configuration) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let configuration = Configuration { folder: folder.path().to_owned(), account: None };
        (folder, configuration)
    }

    fn check(folder: &Path, name: &str, expected: Option<&str>) {
        let content = std::fs::read_to_string(folder.join(name)).ok();
        assert_eq!(content.as_deref(), expected, "{name}");
    }

    #[test]
    fn what_worked_comes_back_and_what_did_not_is_kept_aside_with_the_reason() {
        let (folder, configuration) = folder_with(&[(CONFIGURATION, "good")]);
        let folder = folder.path();
        configuration.keep(None).unwrap();
        configuration.keep(None).unwrap();
        std::fs::write(folder.join(CONFIGURATION), "bad").unwrap();
        configuration.set_aside("it ended with code 78");
        configuration.restore(None).unwrap();
        check(folder, CONFIGURATION, Some("good"));
        check(folder, REFUSED, Some("bad"));
        check(folder, REFUSED_REASON, Some("it ended with code 78"));
        assert!(configuration.restore(None).is_err(), "the same again is no help");
    }

    #[test]
    fn a_configuration_is_untried_while_another_one_was_well() {
        let good = r#"{"gateway":{}}"#;
        let (folder, configuration) = folder_with(&[(CONFIGURATION, good)]);
        let put = |content: &str| std::fs::write(folder.path().join(CONFIGURATION), content);
        assert!(!configuration.is_untried(None), "there is nothing to go back to");
        configuration.keep(Some("2026.9.6")).unwrap();
        put(r#"{"gateway":{},"meta":{"touched":2}}"#).unwrap();
        assert!(!configuration.is_untried(None));
        put(r#"{"gateway":{},"new":1}"#).unwrap();
        assert!(configuration.is_untried(None) && configuration.is_untried(Some("2026.9.6")));
        std::fs::remove_file(folder.path().join(CONFIGURATION)).unwrap();
        assert!(configuration.is_untried(None));
    }

    #[test]
    fn a_good_one_that_the_gateway_may_not_read_is_put_there_again() {
        let (folder, configuration) = folder_with(&[(CONFIGURATION, "good")]);
        let path = folder.path().join(CONFIGURATION);
        configuration.keep(None).unwrap();
        assert!(configuration.restore(None).is_err(), "it is in place, and can be read");
        let before = configuration.fingerprint();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
        assert_ne!(configuration.fingerprint(), before);
        configuration.restore(None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_configuration_that_is_gone_comes_back_too() {
        let (folder, configuration) = folder_with(&[(LAST_WORKED, "good")]);
        configuration.restore(None).unwrap();
        check(folder.path(), CONFIGURATION, Some("good"));
    }

    #[test]
    fn without_a_copy_there_is_nothing_to_restore() {
        let (folder, configuration) = folder_with(&[(CONFIGURATION, "bad")]);
        assert!(configuration.restore(None).is_err());
        check(folder.path(), CONFIGURATION, Some("bad"));
    }

    #[test]
    fn a_huge_file_or_a_folder_in_its_place_is_put_aside_and_never_kept() {
        let huge = "x".repeat(100 << 20);
        let (folder, configuration) = folder_with(&[(CONFIGURATION, &huge), (LAST_WORKED, "good")]);
        let folder = folder.path();
        assert!(configuration.keep(None).is_err());
        configuration.set_aside("too large");
        configuration.restore(None).unwrap();
        check(folder, CONFIGURATION, Some("good"));
        assert_eq!(std::fs::metadata(folder.join(REFUSED)).unwrap().len(), MAX_BYTES);

        std::fs::remove_file(folder.join(CONFIGURATION)).unwrap();
        std::fs::create_dir(folder.join(CONFIGURATION)).unwrap();
        assert!(configuration.keep(None).is_err());
        configuration.restore(None).unwrap();
        check(folder, CONFIGURATION, Some("good"));
        check(folder, LAST_WORKED, Some("good"));
    }

    #[test]
    fn whatever_stands_in_the_way_of_a_restoration_goes_however_often() {
        let (folder, configuration) = folder_with(&[(LAST_WORKED, "good")]);
        let folder = folder.path();
        let fill = |name: &str| {
            std::fs::create_dir_all(folder.join(name).join("deep")).unwrap();
            std::fs::write(folder.join(name).join("deep/file"), "x").unwrap();
        };
        for _ in 0..2 {
            fill(CONFIGURATION);
            fill(NEW);
            let _ = std::fs::remove_file(folder.join(REFUSED_REASON));
            fill(REFUSED_REASON);
            configuration.set_aside("it is a folder");
            configuration.restore(None).unwrap();
            check(folder, CONFIGURATION, Some("good"));
            std::fs::remove_file(folder.join(CONFIGURATION)).unwrap();
        }
        std::fs::write(folder.join(CONFIGURATION), "better").unwrap();
        fill(&of_version("2026.9.6").unwrap());
        configuration.keep(Some("2026.9.6")).unwrap();
        check(folder, LAST_WORKED, Some("better"));
    }

    #[test]
    fn each_version_keeps_the_file_it_ran_well_with() {
        let old = r#"{"gateway":{}}"#;
        let new = r#"{"gateway":{},"newKey":1}"#;
        let (folder, configuration) = folder_with(&[(CONFIGURATION, old)]);
        let folder = folder.path();
        configuration.keep(Some("2026.8.2")).unwrap();
        std::fs::write(folder.join(CONFIGURATION), new).unwrap();
        configuration.keep(Some("2026.9.6")).unwrap();

        // The version goes back, and the gateway has touched the file since.
        let touched = r#"{"gateway":{},"newKey":1,"meta":{"touched":2}}"#;
        std::fs::write(folder.join(CONFIGURATION), touched).unwrap();
        assert!(configuration.adopt_version("2026.8.2"));
        check(folder, CONFIGURATION, Some(old));
        assert!(!configuration.adopt_version("2026.8.2"), "it is in place");
        // And forward again.
        assert!(configuration.adopt_version("2026.9.6"));
        check(folder, CONFIGURATION, Some(new));

        std::fs::write(folder.join(CONFIGURATION), "edited since").unwrap();
        assert!(!configuration.adopt_version("2026.8.2"), "an edit of the customer's stays");
        configuration.restore(Some("2026.8.2")).unwrap();
        check(folder, CONFIGURATION, Some(old));
    }

    #[test]
    fn a_version_is_no_path() {
        for version in ["", "../x", "a/b", "1 2"] {
            assert_eq!(of_version(version), None, "{version}");
        }
        assert_eq!(of_version("2026.9.6-rc.1"), Some(format!("{LAST_WORKED}.2026.9.6-rc.1")));
    }

    #[test]
    fn links_are_neither_read_nor_written_through() {
        let (outside, _) = folder_with(&[("secret", "secret")]);
        let secret = outside.path().join("secret");
        let (folder, configuration) = folder_with(&[]);
        let link = |name: &str| {
            std::os::unix::fs::symlink(&secret, folder.path().join(name)).unwrap();
        };
        link(CONFIGURATION);
        assert!(configuration.keep(None).is_err());
        check(folder.path(), LAST_WORKED, None);

        link(NEW);
        link(REFUSED);
        std::fs::write(folder.path().join(LAST_WORKED), "good").unwrap();
        configuration.set_aside("it is a link");
        configuration.restore(None).unwrap();
        check(folder.path(), CONFIGURATION, Some("good"));
        check(outside.path(), "secret", Some("secret"));
    }
}
