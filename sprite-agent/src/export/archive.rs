//! The archive: a tar in gzip, written as it is made, or only looked at.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::Stat;
use tar::{Builder, EntryType, Header};

use super::contents::Contents;
use super::masked::{Masked, Secrets};
use super::resume::{Counter, Evidence, MARK_LENGTH, Survey};
use super::stored::Stored;

/// What an entry says of its file.
#[derive(Debug, Clone, Copy)]
struct Attributes {
    mode: u32,
    /// In unix seconds.
    changed: u64,
    bytes: u64,
}

impl Attributes {
    fn of(seen: &Stat) -> Self {
        Self {
            mode: seen.st_mode,
            changed: u64::try_from(seen.st_mtime).unwrap_or(0),
            bytes: u64::try_from(seen.st_size).unwrap_or(0),
        }
    }
}

pub(super) struct Archive<W: Write> {
    tar: Builder<Stored<W>>,
    secrets: Secrets,
    /// Where it is only looked at: no file is read then.
    evidence: Option<Evidence>,
}

impl Archive<Counter> {
    /// One that is only looked at.
    pub(super) fn survey(secrets: Vec<String>) -> anyhow::Result<Self> {
        let evidence = Some(Evidence::new(&secrets));
        let any_mark = "0".repeat(MARK_LENGTH);
        Ok(Self { evidence, ..Self::begin(Counter::default(), secrets, &any_mark)? })
    }

    pub(super) fn surveyed(mut self) -> anyhow::Result<Survey> {
        let mark = self.evidence.take().expect("it is a survey").mark();
        let Counter(bytes) = self.finish()?;
        Ok(Survey { mark, bytes })
    }
}

impl<W: Write> Archive<W> {
    /// `mark` stands in it, before everything else.
    ///
    /// # Errors
    /// The output does not take it.
    pub(super) fn begin(output: W, secrets: Vec<String>, mark: &str) -> anyhow::Result<Self> {
        let tar = Builder::new(Stored::begin(output, mark).context("begin the archive")?);
        Ok(Self { tar, secrets: Secrets::new(secrets), evidence: None })
    }

    /// # Errors
    /// The output does not take it.
    pub(super) fn add_text(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        if let Some(evidence) = &mut self.evidence {
            evidence.add(name.as_bytes());
            evidence.add(text.as_bytes());
        }
        let attributes = Attributes { mode: 0o644, changed: 0, bytes: text.len() as u64 };
        let mut header = header(EntryType::Regular, attributes);
        self.tar.append_data(&mut header, name, text.as_bytes()).context("write the archive")
    }

    /// Returns whether the file changed while it was read; what is missing then is zeros.
    ///
    /// # Errors
    /// The output does not take it.
    pub(super) fn add_file(
        &mut self,
        path: &Path,
        file: &File,
        seen: &Stat,
        is_masked: bool,
    ) -> anyhow::Result<bool> {
        let attributes = Attributes::of(seen);
        let mut header = header(EntryType::Regular, attributes);
        let written = if let Some(evidence) = &mut self.evidence {
            evidence.add_entry(path, seen);
            let contents = io::repeat(0).take(attributes.bytes);
            self.tar.append_data(&mut header, path, contents).map(|()| false)
        } else if is_masked {
            let mut contents = Contents::new(Masked::new(file, &self.secrets), attributes.bytes);
            self.tar.append_data(&mut header, path, &mut contents).map(|()| contents.has_changed())
        } else {
            let mut contents = Contents::new(file, attributes.bytes);
            self.tar.append_data(&mut header, path, &mut contents).map(|()| contents.has_changed())
        };
        written.context("write the archive")
    }

    /// # Errors
    /// The output does not take it.
    pub(super) fn add_folder(&mut self, path: &Path, seen: &Stat) -> anyhow::Result<()> {
        if let Some(evidence) = &mut self.evidence {
            evidence.add_entry(path, seen);
        }
        let attributes = Attributes { bytes: 0, ..Attributes::of(seen) };
        let mut header = header(EntryType::Directory, attributes);
        self.tar.append_data(&mut header, path, io::empty()).context("write the archive")
    }

    /// # Errors
    /// The output does not take it.
    pub(super) fn add_link(&mut self, path: &Path, target: &Path) -> anyhow::Result<()> {
        if let Some(evidence) = &mut self.evidence {
            evidence.add(path.as_os_str().as_encoded_bytes());
            evidence.add(target.as_os_str().as_encoded_bytes());
        }
        let attributes = Attributes { mode: 0o777, changed: 0, bytes: 0 };
        let mut header = header(EntryType::Symlink, attributes);
        self.tar.append_link(&mut header, path, target).context("write the archive")
    }

    /// What was added so far leaves us now.
    ///
    /// # Errors
    /// The output does not take it.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.tar.get_mut().flush().context("write the archive")
    }

    /// # Errors
    /// The output does not take its end.
    pub(super) fn finish(self) -> anyhow::Result<W> {
        self.tar.into_inner().and_then(Stored::finish).context("end the archive")
    }
}

/// Owners are numbers of this machine, and mean nothing elsewhere.
fn header(kind: EntryType, attributes: Attributes) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(attributes.mode & 0o777);
    header.set_mtime(attributes.changed);
    header.set_size(attributes.bytes);
    header.set_uid(0);
    header.set_gid(0);
    header
}
