//! The way through a tree whose owner may change it at any moment.
//!
//! A folder is opened by its name in the open folder above it, and never through a link;
//! a file is looked at before it is opened, and again when it is open.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read as _, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};

use super::archive::Archive;
use super::limits::ExportLimits;
use super::report::Report;
use super::rules::{self, LeftOut};
use super::settings_text;
use super::tree::Tree;

/// Folders in each other; each is an open file of ours on the way.
const DEPTH_MAX: usize = 64;

/// Of the gateway's settings.
const SETTINGS_MAX_BYTES: u64 = 4 << 20;

pub(super) struct Walk<'a, W: Write> {
    archive: &'a mut Archive<W>,
    report: &'a mut Report,
    limits: ExportLimits,
    entries: usize,
}

/// Where in a tree we are.
struct Place<'a> {
    tree: Tree,
    /// Folders that are no part of it, by device and number.
    but: &'a [(u64, u64)],
    /// Names from the root.
    path: Vec<String>,
}

impl Place<'_> {
    fn names(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// As in the archive.
    fn shown(&self) -> PathBuf {
        let mut shown = PathBuf::from(self.tree.name());
        shown.extend(&self.path);
        shown
    }
}

impl<'a, W: Write> Walk<'a, W> {
    pub(super) fn new(
        archive: &'a mut Archive<W>,
        report: &'a mut Report,
        limits: ExportLimits,
    ) -> Self {
        Self { archive, report, limits, entries: 0 }
    }

    /// Everything below `root` but the folders `but`.
    ///
    /// # Errors
    /// `root` cannot be opened, or the archive cannot be written.
    pub(super) fn tree(&mut self, tree: Tree, root: &Path, but: &[&Path]) -> anyhow::Result<()> {
        let cannot = || format!("open {}", root.display());
        // The root's own path is the operator's, and may be a link.
        let folder = File::open(root).with_context(cannot)?;
        let but: Vec<_> = but.iter().filter_map(|path| number_of(path)).collect();
        let mut place = Place { tree, but: &but, path: Vec::new() };
        self.folder(&folder.into(), &mut place)
    }

    fn folder(&mut self, folder: &OwnedFd, place: &mut Place<'_>) -> anyhow::Result<()> {
        let names = match names_in(folder, place.tree, place.path.is_empty()) {
            Ok(names) => names,
            Err(error) => return self.say(place, &format!("cannot be read: {error}")),
        };
        for name in names {
            place.path.push(
                Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()))
                    .to_string_lossy()
                    .into_owned(),
            );
            let done = self.entry(folder, &name, place);
            place.path.pop();
            done?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &CStr,
        place: &mut Place<'_>,
    ) -> anyhow::Result<()> {
        let seen = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(seen) => seen,
            Err(error) => return self.say(place, &format!("cannot be read: {error}")),
        };
        if place.but.contains(&number(&seen)) {
            return Ok(());
        }
        self.entries += 1;
        let refused = rules::refuse(place.tree, &place.names())
            .or((self.entries > self.limits.entries_max).then_some(LeftOut::Full));
        if let Some(why) = refused {
            return self.say(place, why.as_str());
        }
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Directory => self.inner_folder(folder, name, place),
            FileType::RegularFile => self.file(folder, name, place),
            FileType::Symlink => self.link(folder, name, place),
            _ => self.say(place, LeftOut::NoFile.as_str()),
        }
    }

    fn inner_folder(
        &mut self,
        above: &OwnedFd,
        name: &CStr,
        place: &mut Place<'_>,
    ) -> anyhow::Result<()> {
        if place.path.len() >= DEPTH_MAX {
            return self.say(place, LeftOut::TooDeep.as_str());
        }
        match open(above, name, OFlags::DIRECTORY) {
            Ok((folder, seen)) => {
                self.archive.add_folder(&place.shown(), &seen)?;
                self.folder(&folder, place)
            }
            Err(error) => self.say(place, &format!("cannot be read: {error}")),
        }
    }

    fn file(&mut self, above: &OwnedFd, name: &CStr, place: &Place<'_>) -> anyhow::Result<()> {
        let (file, seen) = match open(above, name, OFlags::NONBLOCK) {
            Ok(opened) => opened,
            Err(error) => return self.say(place, &format!("cannot be read: {error}")),
        };
        let (file, bytes) = (File::from(file), u64::try_from(seen.st_size).unwrap_or(0));
        if !FileType::from_raw_mode(seen.st_mode).is_file() {
            return self.say(place, LeftOut::NoFile.as_str());
        }
        if rules::is_gateway_settings(place.tree, &place.names()) {
            return self.settings(&file, place);
        }
        if bytes > self.limits.file_max_bytes {
            return self.say(place, LeftOut::FileTooLarge.as_str());
        }
        if self.report.bytes() + bytes > self.limits.total_max_bytes {
            return self.say(place, LeftOut::Full.as_str());
        }
        // A write-ahead log has check sums: another byte in it makes the rest unreadable.
        let is_masked = !name.to_bytes().ends_with(b"-wal");
        let changed = self.archive.add_file(&place.shown(), &file, &seen, is_masked)?;
        self.report.taken(bytes);
        if changed {
            return self.say(place, "changed while it was read");
        }
        Ok(())
    }

    fn settings(&mut self, file: &File, place: &Place<'_>) -> anyhow::Result<()> {
        let mut text = Vec::new();
        if let Err(error) = file.take(SETTINGS_MAX_BYTES).read_to_end(&mut text) {
            return self.say(place, &format!("cannot be read: {error}"));
        }
        match settings_text::without_secrets(&text) {
            Some(text) => {
                self.archive.add_text(&place.shown().to_string_lossy(), &text)?;
                self.report.taken(text.len() as u64);
                Ok(())
            }
            None => self.say(place, LeftOut::Credential.as_str()),
        }
    }

    fn link(&mut self, above: &OwnedFd, name: &CStr, place: &Place<'_>) -> anyhow::Result<()> {
        let target = match readlinkat(above, name, Vec::new()) {
            Ok(target) => target,
            Err(error) => return self.say(place, &format!("cannot be read: {error}")),
        };
        match target.to_str() {
            Ok(target) if rules::stays_inside(&place.names(), target) => {
                self.archive.add_link(&place.shown(), Path::new(target))
            }
            _ => self.say(place, LeftOut::Link.as_str()),
        }
    }

    /// Whatever it is, the walk goes on.
    fn say(&mut self, place: &Place<'_>, what: &str) -> anyhow::Result<()> {
        self.report.say(&place.shown().to_string_lossy(), what);
        Ok(())
    }
}

/// Sorted, what may be cut off last.
fn names_in(folder: &OwnedFd, tree: Tree, is_root: bool) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    let is_last = |name: &CStr| is_root && rules::comes_last(tree, &name.to_string_lossy());
    names.sort_by_cached_key(|name| (is_last(name), name.clone()));
    Ok(names)
}

fn open(above: &OwnedFd, name: &CStr, more: OFlags) -> rustix::io::Result<(OwnedFd, Stat)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | more;
    let opened = openat(above.as_fd(), name, flags, Mode::empty())?;
    let seen = fstat(&opened)?;
    Ok((opened, seen))
}

fn number_of(path: &Path) -> Option<(u64, u64)> {
    rustix::fs::stat(path).ok().map(|seen| number(&seen))
}

fn number(seen: &Stat) -> (u64, u64) {
    (seen.st_dev, seen.st_ino)
}
