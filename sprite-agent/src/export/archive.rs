//! The archive: a tar, compressed, written as it is made.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::contents::Contents;
use super::masked::{Masked, Secrets};

/// Pieces in which it leaves us.
const PIECE_BYTES: usize = 64 << 10;

/// What an entry says of its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    /// In unix seconds.
    pub(super) changed: u64,
    pub(super) bytes: u64,
}

pub(super) struct Archive<W: Write> {
    tar: Builder<GzEncoder<BufWriter<W>>>,
    secrets: Secrets,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(output: W, secrets: Vec<String>) -> Self {
        let output = BufWriter::with_capacity(PIECE_BYTES, output);
        let tar = Builder::new(GzEncoder::new(output, Compression::fast()));
        Self { tar, secrets: Secrets::new(secrets) }
    }

    /// # Errors
    /// The output does not take it.
    pub(super) fn add_text(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
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
        attributes: Attributes,
        is_masked: bool,
    ) -> anyhow::Result<bool> {
        let mut header = header(EntryType::Regular, attributes);
        let written = if is_masked {
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
    pub(super) fn add_folder(&mut self, path: &Path, attributes: Attributes) -> anyhow::Result<()> {
        let mut header = header(EntryType::Directory, Attributes { bytes: 0, ..attributes });
        self.tar.append_data(&mut header, path, io::empty()).context("write the archive")
    }

    /// # Errors
    /// The output does not take it.
    pub(super) fn add_link(&mut self, path: &Path, target: &Path) -> anyhow::Result<()> {
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
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let ended = self.tar.into_inner().and_then(GzEncoder::finish);
        ended.and_then(|mut output| output.flush()).context("end the archive")
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
