//! The rest of an archive that broke off.
//!
//! An archive is the same as long as nothing in its folders has changed. Whether it has, its mark
//! says: a hash over everything that makes the archive but the contents of files, for which their
//! times stand; the kernel sets these, and no program can set them back.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;

use rustix::fs::Stat;
use sha2::{Digest as _, Sha256};

/// In characters.
pub(super) const MARK_LENGTH: usize = 32;

/// What an archive would be that is made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) mark: String,
    /// Of all of it, as it leaves us.
    pub(super) bytes: u64,
}

/// What makes an archive, on its way to a mark.
pub(super) struct Evidence(Sha256);

impl Evidence {
    /// `secrets` are stars in it, and other ones are elsewhere.
    pub(super) fn new(secrets: &[String]) -> Self {
        let mut evidence = Self(Sha256::new());
        evidence.add(env!("CARGO_PKG_VERSION").as_bytes());
        for secret in secrets {
            evidence.add(secret.as_bytes());
        }
        evidence
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn add_entry(&mut self, path: &Path, seen: &Stat) {
        self.add(path.as_os_str().as_encoded_bytes());
        for number in [seen.st_ino, u64::from(seen.st_mode), seen.st_size.cast_unsigned()] {
            self.0.update(number.to_le_bytes());
        }
        for time in [seen.st_mtime, seen.st_ctime] {
            self.0.update(time.to_le_bytes());
        }
        self.add(seen.st_ctime_nsec.to_string().as_bytes());
    }

    pub(super) fn mark(self) -> String {
        let digits = self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        digits[..MARK_LENGTH].to_owned()
    }
}

/// Counts, and keeps nothing.
#[derive(Debug, Default)]
pub(super) struct Counter(pub(super) u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes on what comes after the first `skipped` bytes, once `may_go_on` has said so.
pub(super) struct Rest<'a, W, F> {
    output: W,
    skipped: u64,
    may_go_on: Option<F>,
    has_begun: &'a Cell<bool>,
}

impl<'a, W: Write, F: FnOnce(&mut W) -> io::Result<()>> Rest<'a, W, F> {
    /// `has_begun` tells whether anything was passed on.
    pub(super) fn new(output: W, skipped: u64, may_go_on: F, has_begun: &'a Cell<bool>) -> Self {
        Self { output, skipped, may_go_on: Some(may_go_on), has_begun }
    }
}

impl<W: Write, F: FnOnce(&mut W) -> io::Result<()>> Write for Rest<'_, W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.skipped).unwrap_or(usize::MAX).min(bytes.len());
        if skipped > 0 {
            self.skipped -= skipped as u64;
            return Ok(skipped);
        }
        if let Some(may_go_on) = self.may_go_on.take() {
            may_go_on(&mut self.output)?;
            self.has_begun.set(true);
        }
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.has_begun.get() { self.output.flush() } else { Ok(()) }
    }
}
